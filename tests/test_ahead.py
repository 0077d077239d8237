"""What is written before the decision is what would be written after it, or it is not used."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest

from mediasvc.errors import StorageError
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Home, Settings
from mediasvc.store import durable, groups, index, ledger
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.ingest import run_line, submit
from mediasvc.work.intake.known import settle_known
from mediasvc.work.placing import ahead, file_group
from mediasvc.work.restore import restore_study
from samples.synthesis import person, study, uid, write_disc
from tests.carriers import write_index
from tests.conftest import Program
from tests.disc_things import new_sandbox

COUNT = 20


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def desk(cli: Program, tmp_path: Path, sandbox: Sandbox) -> Iterator[Desk]:
    """Person 1 is in the index under the ID of the discs, person 2 under one of ours."""
    cli("patients", "load", write_index(tmp_path / "index.csv", [
        ("P0001", person(1)), ("L2", person(2))], issuer="LOCAL"))
    with open_desk(Home(cli.home), Settings(), sandbox) as desk:
        yield desk


def disc(folder: Path, *instances: Any) -> Path:
    write_disc(folder, instances)
    return folder


def of_person(number: int, **keywords: Any) -> list[Any]:
    return study(number, number, count=COUNT, IssuerOfPatientID="LOCAL", **keywords)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many each group found written already."""
    counts: list[int] = []
    take = ahead.Ahead.take

    def counting(self: ahead.Ahead, *arguments: Any) -> Any:
        found = take(self, *arguments)
        counts.append(len(found))
        return found

    monkeypatch.setattr(ahead.Ahead, "take", counting)
    return counts


def ingest(desk: Desk, path: Path) -> ledger.Package:
    package = run_line(desk, submit(desk, path, source="", by="clerk").id, lambda *_: None)
    assert not [one for one in (desk.home.archive / "tmp").rglob("*") if one.is_file()]
    return package


def archived(desk: Desk, study_uid: str) -> dict[str, str]:
    with desk.store.read() as connection:
        return {one.sop_instance_uid: one.object_sha256
                for one in index.study_instances(connection, study_uid)}


def received(folder: Path) -> set[bytes]:
    return {one.read_bytes() for one in (folder / "DICOM").rglob("*") if one.is_file()}


def test_what_was_written_ahead_is_filed_and_gives_the_received_bytes_back(
        desk: Desk, tmp_path: Path, written: list[int]) -> None:
    path = disc(tmp_path / "d", *of_person(1))
    assert ingest(desk, path).state == "done"
    [count] = written
    assert 0 < count < COUNT  # whose it is the first ones told
    assert len(archived(desk, uid(1, 1))) == COUNT
    assert len(list(restore_study(desk, uid(1, 1), tmp_path / "back"))) == COUNT
    back = {one.read_bytes() for one in (tmp_path / "back").rglob("*") if one.is_file()}
    assert back == received(path)


def test_it_is_the_same_as_what_is_written_after_the_decision(
        desk: Desk, tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (ahead, groups):  # the time of the decision stands in the files
        monkeypatch.setattr(module, "now", lambda: "2026-01-02T03:04:05.000006Z")
    path = disc(tmp_path / "d", *of_person(1))
    ingest(desk, path)
    second = Program(tmp_path / "second")
    second("patients", "load", tmp_path / "index.csv")
    monkeypatch.setattr(ahead, "MOST", 0)
    with open_desk(Home(second.home), Settings(), sandbox) as other:
        ingest(other, path)
        assert archived(other, uid(1, 1)) == archived(desk, uid(1, 1))


def test_no_more_than_so_many_are_written_ahead(desk: Desk, tmp_path: Path, written: list[int],
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MOST", 3)
    assert ingest(desk, disc(tmp_path / "d", *of_person(1))).state == "done"
    assert written == [3]
    assert len(archived(desk, uid(1, 1))) == COUNT


def test_a_second_patient_on_the_disc_makes_all_of_it_wait(
        desk: Desk, tmp_path: Path, written: list[int]) -> None:
    path = disc(tmp_path / "d", *of_person(1), *of_person(2))
    assert ingest(desk, path).state == "waiting"
    assert written == []


def test_a_patient_whom_no_rule_knows_waits_and_nothing_is_written(
        desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.objects, "temp", lambda: pytest.fail("a file was begun"))
    assert ingest(desk, disc(tmp_path / "d", *of_person(3))).state == "waiting"


def test_the_same_disc_again_is_not_written_again(
        desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = disc(tmp_path / "d", *of_person(1))
    ingest(desk, path)
    monkeypatch.setattr(desk.objects, "temp", lambda: pytest.fail("a file was begun"))
    assert ingest(desk, path).state == "duplicate"


def test_an_order_that_is_announced_meanwhile_is_not_left_out(
        desk: Desk, cli: Program, tmp_path: Path, written: list[int],
        monkeypatch: pytest.MonkeyPatch) -> None:
    def announce(*arguments: Any) -> None:
        settle_known(*arguments)
        cli("expect", "add", "P0001@LOCAL", "--accession", "A-4711", "--by", "Bea")

    monkeypatch.setattr("mediasvc.work.ingest.settle_known", announce)
    assert ingest(desk, disc(tmp_path / "d", *of_person(1))).state == "done"
    assert written == [0]
    for sha256 in archived(desk, uid(1, 1)).values():
        assert pydicom.dcmread(desk.objects.path(sha256)).AccessionNumber == "A-4711"


def test_an_order_that_waits_is_foreseen(desk: Desk, cli: Program, tmp_path: Path,
                                         written: list[int]) -> None:
    cli("expect", "add", "P0001@LOCAL", "--accession", "A-4711", "--by", "Bea")
    assert ingest(desk, disc(tmp_path / "d", *of_person(1))).state == "done"
    assert written[0] > 0


@pytest.mark.parametrize("most", [ahead.MOST, 0])
def test_a_disk_that_is_full_while_filing_is_not_left_with_temporary_files(
        desk: Desk, tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(ahead, "MOST", most)
    monkeypatch.setattr(file_group, "COMMIT", 4)
    path = disc(tmp_path / "d", *of_person(1))
    with monkeypatch.context() as patch:
        patch.setattr(durable, "sync_files", full)
        with pytest.raises(StorageError):
            ingest(desk, path)
    assert not [one for one in (desk.home.archive / "tmp").rglob("*") if one.is_file()]
    assert ingest(desk, path).state == "done"
