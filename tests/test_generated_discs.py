"""Whatever is on a disc: every instance ends in one state, sums hold, nobody is filed by chance."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from mediasvc.settings import Home, Settings
from mediasvc.store import index, ledger
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.ingest import run_line, submit
from mediasvc.work.undo import undo
from samples.synthesis import instance, person, to_bytes, write_disc
from tests.carriers import write_index

ISSUER = "CLINIC"
STATES = {"archived", "duplicate", "quarantined", "held", "rejected"}


@dataclass(frozen=True)
class Image:
    """Persons 1 and 2 are in the index; ``how`` says what is wrong with the file."""

    patient: int
    exam: int
    number: int
    how: str


def discs() -> some.SearchStrategy[list[Image]]:
    how = some.sampled_from(["fine", "fine", "fine", "cut", "missing", "copy", "other content",
                             "no patient", "misspelt", "foreign issuer", "stolen study", "text"])
    return some.lists(some.builds(Image, some.integers(1, 3), some.integers(1, 2),
                                  some.integers(1, 4), how), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    from mediasvc.work.index.patient_list import load

    root = Path(tempfile.mkdtemp(prefix="mediasvc-discs-"))
    home = Home(root / "home")
    home.create()
    with open_desk(home, Settings()) as desk:
        load(desk.store, write_index(root / "index.csv", [
            (f"P{n:04d}", person(n)) for n in (1, 2)], issuer=ISSUER))
        yield desk
    shutil.rmtree(root, ignore_errors=True)


def write(folder: Path, images: list[Image], dicomdir: bool) -> None:
    instances, missing, extra = [], set(), {}
    for place, one in enumerate(images):
        ds = instance(one.patient, one.exam, 1, one.number, IssuerOfPatientID=ISSUER)
        if one.how == "no patient":
            ds.PatientID = ds.PatientName = ds.IssuerOfPatientID = ""
        elif one.how == "misspelt":
            ds.PatientName = "Quite^Different"
        elif one.how == "foreign issuer":
            ds.IssuerOfPatientID = "ELSEWHERE"
        elif one.how == "stolen study":
            ds.StudyInstanceUID = "1.2.3.4.5"
        elif one.how == "other content":
            ds.ImageComments = f"number {place}"
        elif one.how == "missing":
            missing.add(place)
        elif one.how == "copy":
            extra[f"COPY{place}"] = to_bytes(ds)
        elif one.how == "cut":
            extra[f"CUT{place}"] = to_bytes(ds)[:-50]
        elif one.how == "text":
            extra[f"TEXT{place}.TXT"] = b"nothing"
        instances.append(ds)
    write_disc(folder, instances, dicomdir=dicomdir, extras=extra, missing=missing)


@given(images=discs(), dicomdir=some.booleans())
@settings(max_examples=12, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_instance_of_any_disc_is_in_exactly_one_state(desk: Desk, images: list[Image],
                                                            dicomdir: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "d", images, dicomdir)
        package = submit(desk, Path(folder) / "d", source="", by="")
        done = run_line(desk, package.id, lambda *_: None)
        with desk.store.read() as connection:
            items = list(ledger.items(connection, package.id))
            counts = ledger.counts(connection, package.id)
            groups = {group.number: group for group in ledger.groups(connection, package.id)}
        instances = [one for one in items if one.role in ("instance", "refused")]
        assert all(one.state in STATES for one in instances)
        assert all(one.state == "" for one in items if one not in instances)
        assert counts.instances == len(instances)
        assert counts.pending == 0
        on_disc = sum(path.is_file() for path in (Path(folder) / "d").rglob("*"))
        assert len([one for one in items if one.role != "missing"]) == on_disc
        for one in instances:
            if one.state == "archived":
                group = groups[one.group_number or 0]
                assert (group.rule or group.by) and group.target
                header = one.header
                assert header and header.issuer_of_patient_id == ISSUER  # the only certain ones
                assert header.patient_id in ("P0001", "P0002")
        _holds(desk)
        if counts.archived:
            undo(desk, done.id, "Ann")
            _holds(desk)


def _holds(desk: Desk) -> None:
    """One study, one patient; every object has its row and every row its object."""
    with desk.store.read() as connection:
        studies = [one.study_instance_uid for one in index.studies(connection)]
        assert len(studies) == len(set(studies))
        assert ledger.verify_chain(connection).whole
    with sqlite3.connect(desk.home.database) as raw:
        rows = {row[0] for row in raw.execute("SELECT object_sha256 FROM instance")}
    files = {path.stem for path in (desk.home.archive / "objects").rglob("*.dcm")}
    assert rows <= files
