"""What the tests of outgoing discs share: a sandbox, discs of ours and of others, small damage."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pydicom.dataset import FileDataset
from pydicom.filewriter import dcmwrite

from mediasvc.dicom.header import scan
from mediasvc.media.checking.verdict import Verdict
from mediasvc.media.disc.disc_layout import DiscInstance
from mediasvc.media.iso.arrival import Arrival
from mediasvc.media.page.page_content import DiscFacts
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Home, Limits, Settings
from mediasvc.span import Span
from mediasvc.standard.profiles import load_profile
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.store.patients import PatientRecord, put_patients
from mediasvc.work.building.disc_build import Built, Container, build_disc, name_file_set
from mediasvc.work.check_disc import check_disc
from mediasvc.work.desk import open_desk
from mediasvc.work.ingest import run_line, submit
from samples.synthesis import write_disc

MOMENT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def new_sandbox() -> Sandbox:
    return Sandbox(1, 3 << 30, 60.0)


def filled_home(root: Path, sandbox: Sandbox, patient: PatientRecord,
                instances: Iterable[FileDataset]) -> Path:
    """A home below ``root`` whose archive holds ``instances`` of the patient that it knows."""
    home = Home(root / "home")
    home.create()
    with open_desk(home, Settings(), sandbox) as desk:
        with desk.store.transaction() as connection:
            put_patients(connection, [patient], provenance="test")
        write_disc(root / "disc", instances)
        package = submit(desk, root / "disc", source="", by="test")
        assert run_line(desk, package.id, lambda *_: None).state == "done"
    return home.root


def facts(profile: str, file_set_id: str = "TEST", **more: object) -> DiscFacts:
    return DiscFacts("Sample Hospital", "cd@example.org", "mediasvc test", file_set_id, profile,
                     MOMENT, **more)  # type: ignore[arg-type]


def disc_instances(folder: Path, instances: Iterable[FileDataset]) -> list[DiscInstance]:
    """The instances as files in ``folder``, ready to be put on a disc."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, ds in enumerate(instances):
        path = folder / f"{number}.dcm"
        dcmwrite(path, ds, enforce_file_format=True)
        header, span = scan(path), Span.of_file(path)
        assert header is not None
        dense = TRANSFER_SYNTAXES[header.transfer_syntax_uid].encapsulated
        found.append(DiscInstance(header, span, span.sha256(), dense))
    return found


def build(sandbox: Sandbox, target: Path, instances: list[DiscInstance], scratch: Path, *,
          profile: str = "STD-GEN-CD", container: Container = "iso",
          arrival: Arrival | None = None) -> Built:
    """One of our discs at ``target``."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    if container == "folder":
        target.mkdir()
    name = name_file_set(instances, "test")
    return build_disc(sandbox, instances, load_profile(profile), name, facts(profile, name.id),
                      target=target, container=container, scratch=scratch,
                      report=lambda done, total, what: None, arrival=arrival)


def judge(sandbox: Sandbox, path: Path, profile: str = "") -> Verdict:
    return check_disc(path, sandbox, Limits(), profile=profile)


def broken(verdict: Verdict) -> set[str]:
    """Ids of the rules that are not kept."""
    return {result.rule.id for result in verdict.failed}


def flip(path: Path, at: int, bit: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= bit
    path.chmod(0o600)
    path.write_bytes(data)


def replaced(path: Path, old: bytes, new: bytes, count: int = 1) -> None:
    """Overwrite the first ``count`` occurrences of ``old``, which must be there."""
    data = path.read_bytes()
    assert old in data
    path.chmod(0o600)
    path.write_bytes(data.replace(old, new, count))


def rewritten(path: Path, change: object) -> None:
    """Read with pydicom, change, write back."""
    from pydicom import dcmread
    ds = dcmread(path)
    change(ds)  # type: ignore[operator]
    stream = io.BytesIO()
    dcmwrite(stream, ds, enforce_file_format=True)
    path.write_bytes(stream.getvalue())
