"""What we handed out comes back: it is recognised, and nothing is filed twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediasvc.model import PatientKey
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Home, Settings
from mediasvc.store import index, patients
from mediasvc.store.ledger import counts
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.ingest import run_line, submit
from tests.disc_things import new_sandbox
from tests.test_plan import filled as filled
from tests.test_plan import made, ordered


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def desk(filled: Path, tmp_path: Path, sandbox: Sandbox) -> Iterator[Desk]:
    home = Home(Path(shutil.copytree(filled, tmp_path / "home")))
    with open_desk(home, Settings(), sandbox) as desk:
        yield desk


def archived(desk: Desk) -> dict[str, str]:
    with desk.store.read() as connection:
        whose = patients.patient(connection, PatientKey("P0001", "LOCAL"))
        return {one.sop_instance_uid: one.object_sha256
                for study in index.studies(connection, patient=whose.row)
                for one in index.study_instances(connection, study.study_instance_uid)}


@pytest.mark.parametrize(("name", "profile", "compress"), [
    ("back.iso", "STD-GEN-CD", False),           # RLE became native
    ("lossless.iso", "STD-GEN-DVD-JPEG", True),  # everything became JPEG Lossless
    ("j2k.iso", "STD-GEN-DVD-J2K", True),
    ("back.zip", "ZIP", False),
    ("stick", "STD-GEN-USB-JPEG", True)])
def test_our_own_disc_is_recognised_as_a_duplicate(desk: Desk, tmp_path: Path, name: str,
                                                   profile: str, compress: bool) -> None:
    before = archived(desk)
    order = ordered(tmp_path / name, profile, compress=compress)
    made(desk, order)
    package = submit(desk, order.to, source="", by="clerk")
    done = run_line(desk, package.id, lambda *_: None)
    with desk.store.read() as connection:
        counted = counts(connection, package.id)
    assert (done.state, counted.duplicate, counted.archived, counted.held) == (
        "done", len(before), 0, 0), (done, counted)
    assert archived(desk) == before
