"""Taking an import back leaves archive and index as they were before, byte by byte, row by row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mediasvc.store import removal
from mediasvc.work import undo as work
from samples.synthesis import instance, person, study, uid, write_disc
from tests.carriers import write_index
from tests.conftest import Program
from tests.store_things import dump
from tests.test_refile import files

ISSUER = "CLINIC"
#: What happened is never forgotten; everything else must be as before.
LEDGER = ("event", "package", "item", "finding", "patient_group", "import_report")


def images(patient: int, exam: int, count: int = 2, **keywords: Any) -> list[Any]:
    return study(patient, exam, count=count, **{"IssuerOfPatientID": ISSUER, **keywords})


def bring(cli: Program, folder: Path, instances: list[Any], *decision: str) -> str:
    write_disc(folder, instances)
    [package] = cli("ingest", folder).of("package")
    number = str(package["package"])
    if decision:
        cli("queue", "decide", number, *decision, "--by", "Ann")
    assert cli("queue", "show", number).summary["state"] == "done"
    return number


def state(cli: Program) -> tuple[dict[str, str], dict[str, list[Any]]]:
    return files(cli.home), dump(cli.home / "mediasvc.db", without=LEDGER)


@pytest.fixture
def desk(cli: Program, tmp_path: Path) -> Program:
    """An archive that holds something, and a disc that is announced."""
    file = write_index(tmp_path / "index.csv", [(f"P{n:04d}", person(n)) for n in (1, 2)],
                       issuer=ISSUER)
    assert cli("patients", "load", file).code == 0
    bring(cli, tmp_path / "first", [*images(1, 1), *images(1, 2)])
    cli("expect", "add", f"P0002@{ISSUER}", "--accession", "A-2", "--by", "Ann")
    return cli


CASES: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "linked by rule": (images(1, 3), ()),
    "to a study that is here": (images(1, 1, count=4), ()),
    "a new patient": (images(5, 1, PatientName="Brand^New"), ("--new",)),
    "an announced disc": (images(2, 1), ()),
    "linked by a person": (images(7, 1, IssuerOfPatientID="OTHER"), ("--link", f"P0001@{ISSUER}")),
    "deflated": ([instance(1, 4, transfer_syntax="1.2.840.10008.1.2.1.99",
                           IssuerOfPatientID=ISSUER)], ()),
}


@pytest.mark.parametrize("case", CASES)
def test_undo_leaves_everything_else_as_it_was(desk: Program, tmp_path: Path, case: str) -> None:
    instances, decision = CASES[case]
    before = state(desk)
    number = bring(desk, tmp_path / "second", instances, *decision)
    assert state(desk) != before
    assert desk("studies", "undo", number, "--by", "Ann").code == 0
    assert state(desk) == before


FOREIGN = {"IssuerOfPatientID": "OTHER"}


def refiled(desk: Program, folder: Path) -> None:
    """Filed, moved to somebody else, taken back."""
    number = bring(desk, folder, images(7, 1, **FOREIGN), "--link", f"P0001@{ISSUER}")
    desk("studies", "refile", number, "--to", f"P0002@{ISSUER}", "--by", "Bea")
    assert desk("studies", "undo", number, "--by", "Ann").code == 0


def refiled_and_back(desk: Program, folder: Path) -> None:
    number = bring(desk, folder, images(7, 1, **FOREIGN), "--link", f"P0001@{ISSUER}")
    desk("studies", "refile", number, "--to", f"P0002@{ISSUER}", "--by", "Bea")
    assert desk("studies", "refile", "--undo", 1, "--by", "Bea").code == 0
    assert desk("studies", "undo", number, "--by", "Ann").code == 0


def attached(desk: Program, folder: Path) -> None:
    """With a report from the disc that was filed with its patient."""
    write_disc(folder, images(1, 3), extras={"REPORT.PDF": b"%PDF-1.4\n%%EOF\n"})
    [package] = desk("ingest", folder).of("package")
    done = desk("queue", "attach", package["package"], "REPORT.PDF", "--by", "Ann")
    assert done.summary["wrapped"] == 1, done.stdout
    assert desk("studies", "undo", package["package"], "--by", "Ann").code == 0


def completed_and_the_first_taken_back(desk: Program, folder: Path) -> None:
    """The study came in two parts; what the second one keeps alive stays until it goes, too."""
    whole = images(1, 3, count=4)
    write_disc(folder, whole)
    lost = max((folder / "DICOM").rglob("IM*"))
    lost.rename(folder.with_suffix(".lost"))
    [first] = desk("ingest", folder).of("package")
    desk("queue", "decide", first["package"], "--link", f"P0001@{ISSUER}", "--by", "Ann")
    folder.with_suffix(".lost").rename(lost)
    [second] = desk("ingest", folder).of("package")
    assert (second["state"], second["archived"], second["duplicate"]) == ("done", 1, 3)
    undone = desk("studies", "undo", first["package"], "--by", "Ann")
    assert undone.summary["dependents"] == [int(second["package"])]
    assert desk("studies", "show", whole[0].StudyInstanceUID).of("study")[0]["instances"] == 1
    assert desk("studies", "undo", second["package"], "--by", "Ann").code == 0


def two_patients(desk: Program, folder: Path) -> None:
    write_disc(folder, [*images(5, 1, **FOREIGN), *images(6, 1, **FOREIGN)])
    [package] = desk("ingest", folder).of("package")
    number = package["package"]
    desk("queue", "decide", number, "--group", 1, "--new", "--by", "Ann")
    desk("queue", "decide", number, "--group", 2, "--link", f"P0002@{ISSUER}", "--by", "Ann")
    assert desk("queue", "show", number).summary["state"] == "done"
    assert desk("studies", "undo", number, "--by", "Ann").code == 0


def put_aside(desk: Program, folder: Path) -> None:
    write_disc(folder, images(5, 1, **FOREIGN))
    number = desk("ingest", folder).of("package")[0]["package"]
    desk("queue", "decide", number, "--hold", "--reason", "ask the ward", "--by", "Ann")
    desk("queue", "decide", number, "--new", "--by", "Ann")
    assert desk("studies", "undo", number, "--by", "Ann").code == 0


def taken_back_twice(desk: Program, folder: Path) -> None:
    number = bring(desk, folder, images(5, 1, **FOREIGN), "--new")
    assert desk("studies", "undo", number, "--by", "Ann").code == 0
    assert desk("studies", "undo", number, "--by", "Ann").code == 2
    desk("queue", "decide", number, "--link", f"P0001@{ISSUER}", "--by", "Ann")
    assert desk("studies", "undo", number, "--by", "Ann").code == 0


def brought_twice(desk: Program, folder: Path) -> None:
    """Another disc has the same instances and one more: it loses its twins and says so."""
    both = images(1, 3, count=2)
    number = bring(desk, folder, both)
    again = folder.with_name("again")
    write_disc(again, [*both, instance(1, 3, 1, 9, IssuerOfPatientID=ISSUER)])
    other = desk("ingest", again).of("package")[0]
    assert (other["archived"], other["duplicate"]) == (1, 2)
    assert desk("studies", "undo", number, "--by", "Ann").summary["dependents"] == [
        int(other["package"])]
    assert "duplicate-taken-back" in {
        row["code"] for row in desk("queue", "show", other["package"]).of("finding")}
    assert desk("studies", "undo", other["package"], "--by", "Ann").code == 0


STORIES = (refiled, refiled_and_back, attached, completed_and_the_first_taken_back, two_patients,
           put_aside, taken_back_twice, brought_twice)
#: A refile is part of what happened.
HISTORY = (*LEDGER, "refile")


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_undo_after_a_long_story_leaves_everything_else_as_it_was(
        desk: Program, tmp_path: Path, story: Callable[[Program, Path], None]) -> None:
    def now() -> tuple[dict[str, str], dict[str, list[Any]]]:
        return files(desk.home), dump(desk.home / "mediasvc.db", without=HISTORY)

    before = now()
    story(desk, tmp_path / "second")
    assert now() == before


def test_undo_that_broke_off_is_finished_and_nothing_leaves_meanwhile(
        desk: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(desk)
    number = bring(desk, tmp_path / "second", images(1, 3, count=3))
    drop, done = removal.drop_instances, []

    def crash(*arguments: Any) -> list[removal.Dropped]:
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return drop(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(work, "PAGE", 2)
        patch.setattr(removal, "drop_instances", crash)
        assert desk("studies", "undo", number, "--by", "Ann").code == 130
    [half] = desk("studies", "show", uid(1, 3)).of("study")
    assert half["instances"] == 1
    out = desk("export", "--study", uid(1, 3), "--profile", "STD-GEN-CD", "--to",
               tmp_path / "out.iso")
    assert (out.code, "just being filed or taken back" in out.stderr) == (2, True)
    assert desk("studies", "refile", number, "--to", f"P0002@{ISSUER}", "--by", "Bea").code == 2
    assert desk("queue", "decide", number, "--new", "--by", "Bea").code == 2
    assert "being taken back" in desk.text("queue", "list").stdout
    done = desk("studies", "undo", number, "--by", "Bea")
    assert (done.code, done.summary["instances"], done.summary["studies"]) == (0, 3, 1)
    [package] = desk("queue", "show", number).of("package")
    assert (package["state"], package["held"], package["archived"]) == ("waiting", 3, 0)
    assert state(desk) == before


def test_undo_after_an_export_names_the_disc(desk: Program, tmp_path: Path) -> None:
    held = files(desk.home)
    number = bring(desk, tmp_path / "second", images(1, 3))
    made = desk("export", "--study", uid(1, 3), "--profile", "STD-GEN-CD",
                "--to", tmp_path / "out.iso", "--recipient", "Dr. Who")
    assert made.code == 0, made.stderr
    told = desk.text("studies", "undo", number, "--by", "Ann").stdout
    assert "left the house on disc 1 (20" in told and "for Dr. Who)" in told
    assert files(desk.home) == held
