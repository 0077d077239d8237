"""What we handed out comes back: it is recognised, and nothing is filed twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import RLELossless

from mediasvc.model import PatientKey
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Home, Settings
from mediasvc.span import Span
from mediasvc.store import index, patients
from mediasvc.store.ledger import counts
from mediasvc.work.building.seal import Seal
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.ingest import run_line, submit
from mediasvc.work.intake.same_content import same_content
from samples.synthesis import instance, to_bytes
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
        "duplicate", len(before), 0, 0), (done, counted)
    assert archived(desk) == before


def test_an_encrypted_zip_of_ours_is_recognised_too(desk: Desk, tmp_path: Path) -> None:
    before = archived(desk)
    order = ordered(tmp_path / "private.zip", "ZIP", seal=Seal("zip", "correct horse battery"))
    made(desk, order)
    package = submit(desk, order.to, source="", by="clerk")
    done = run_line(desk, package.id, lambda *_: None, password="correct horse battery")
    with desk.store.read() as connection:
        counted = counts(connection, package.id)
    assert (done.state, counted.duplicate, counted.held) == ("duplicate", len(before), 0)


@pytest.mark.parametrize(("name", "profile", "compress"), [
    ("a.iso", "STD-GEN-CD", False), ("b.iso", "STD-GEN-DVD-J2K", True)])
def test_transcoded_copies_are_known_by_their_pixels_where_nobody_remembers_the_disc(
        desk: Desk, filled: Path, sandbox: Sandbox, tmp_path: Path, name: str, profile: str,
        compress: bool) -> None:
    """Another archive that has the same instances: it never made the disc."""
    order = ordered(tmp_path / name, profile, compress=compress)
    made(desk, order)
    home = Home(Path(shutil.copytree(filled, tmp_path / "other")))
    with open_desk(home, Settings(), sandbox) as other:
        before = archived(other)
        package = submit(other, order.to, source="", by="clerk")
        done = run_line(other, package.id, lambda *_: None)
        with other.store.read() as connection:
            counted = counts(connection, package.id)
        assert (done.state, counted.duplicate, counted.held) == ("duplicate", len(before), 0)
        assert archived(other) == before


@pytest.mark.parametrize("change", ["pixel", "value"])
def test_another_image_under_the_same_uid_is_no_duplicate(tmp_path: Path, change: str) -> None:
    one, two = instance(1), instance(1, transfer_syntax=RLELossless)
    if change == "pixel":
        two = instance(1)
        two.PixelData = bytes([two.PixelData[0] ^ 1]) + two.PixelData[1:]
        two.compress(RLELossless, generate_instance_uid=False)
    else:
        two.SliceThickness = 77
    (tmp_path / "a").write_bytes(to_bytes(one))
    (tmp_path / "b").write_bytes(to_bytes(two))
    (tmp_path / "c").write_bytes(to_bytes(instance(1, transfer_syntax=RLELossless)))
    a, b, c = (Span.of_file(tmp_path / name) for name in "abc")
    assert not same_content(a, b)
    assert same_content(a, c) and same_content(c, a)
