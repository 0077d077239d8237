"""Studies filed under the wrong patient: moved to the right one, and back (FAULTS I11)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pydicom
import pytest

from samples.synthesis import instance, person, study, uid, write_disc
from tests.carriers import write_index
from tests.conftest import Program
from tests.store_things import dump

LEDGER = ("event", "finding", "package", "refile", "sqlite_sequence")


@pytest.fixture
def index(cli: Program, tmp_path: Path) -> None:
    file = write_index(tmp_path / "index.csv", [(f"L{n}", person(n)) for n in (1, 2, 3)],
                       issuer="LOCAL")
    assert cli("patients", "load", file).code == 0


def bring(cli: Program, folder: Path, patient: int = 1, *, to: str = "L2@LOCAL",
          instances: list[Any] | None = None) -> str:
    write_disc(folder, instances or study(patient, 1, count=2))
    [package] = cli("ingest", folder).of("package")
    number = str(package["package"])
    assert cli("queue", "decide", number, "--link", to, "--by", "Ann").summary["state"] == "done"
    return number


def objects(cli: Program, study_uid: str) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(row["path"]) for row in cli("studies", "files", study_uid).of("file")]


def hashes(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest()
                  for path in folder.rglob(pattern) if path.is_file())


def files(home: Path) -> dict[str, str]:
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((home / "archive").rglob("*"))
            if path.is_file() and path.parent.name != "tmp"}


def tables(home: Path) -> dict[str, list[tuple[object, ...]]]:
    found = dump(home / "mediasvc.db", without=LEDGER)
    found["object"] = sorted(str(row).split(", ", 3)[:3] for row in found["object"])  # type: ignore
    return found


@pytest.mark.usefixtures("index")
def test_study_goes_to_the_right_patient_and_tells_where_it_was(
        cli: Program, tmp_path: Path) -> None:
    package = bring(cli, tmp_path / "d")
    done = cli("studies", "refile", package, "--to", "L1@LOCAL", "--by", "Bea",
               "--reason", "mix-up")
    assert (done.code, done.summary["instances"], done.summary["state"]) == (0, 2, "done")
    [row] = cli("studies", "show", uid(1, 1)).of("study")
    assert row["patient_id"] == "L1"
    for got in objects(cli, uid(1, 1)):
        assert (got.PatientID, got.PatientName) == ("L1", person(1).patient_name)
        first, second = got.OriginalAttributesSequence
        assert first.ModifiedAttributesSequence[0].PatientID == "P0001"
        assert second.ModifiedAttributesSequence[0].PatientID == "L2"
        assert second.ModifiedAttributesSequence[0].PatientName == person(2).patient_name
        assert second.ReasonForTheAttributeModification == "CORRECT"
        assert len(got.ContributingEquipmentSequence) == 2
        assert "L2" not in {item.PatientID for item in got.OtherPatientIDsSequence}
    cli("studies", "restore", uid(1, 1), "--to", tmp_path / "back")
    assert hashes(tmp_path / "back") == hashes(tmp_path / "d", "IM*")
    [group] = cli("queue", "show", package).of("group")
    assert (group["by"], group["evidence"]["refile"]) == ("Bea", 1)
    known = cli.text("patients", "show", "L2@LOCAL").stdout
    assert "P0001" not in known
    assert "P0001" in cli.text("patients", "show", "L1@LOCAL").stdout


@pytest.mark.usefixtures("index")
def test_dry_run_shows_every_attribute_and_changes_nothing(cli: Program, tmp_path: Path) -> None:
    bring(cli, tmp_path / "d")
    before = dump(cli.home / "mediasvc.db")
    shown = cli("studies", "refile", uid(1, 1), "--to", "L1", "--by", "Bea", "--dry-run")
    change = {row["attribute"]: row for row in shown.of("change")}
    assert (change["Patient ID"]["old"], change["Patient ID"]["new"]) == ("L2", "L1")
    assert change["Patient ID"]["instances"] == 2
    assert dump(cli.home / "mediasvc.db") == before


@pytest.mark.usefixtures("index")
def test_refile_is_taken_back_to_the_byte(cli: Program, tmp_path: Path) -> None:
    bring(cli, tmp_path / "d", instances=[
        *study(1, 1, count=2), instance(1, 1, 2, transfer_syntax="1.2.840.10008.1.2.1.99"),
        *study(1, 2, count=1)])
    before = files(cli.home), tables(cli.home)
    cli("studies", "refile", uid(1, 1), "--to", "L1", "--by", "Bea")
    cli("studies", "refile", uid(1, 1), "--to", "L3", "--by", "Bea")
    assert {one.PatientID for one in objects(cli, uid(1, 1))} == {"L3"}
    assert {one.PatientID for one in objects(cli, uid(1, 2))} == {"L2"}
    assert len(objects(cli, uid(1, 1))[0].OriginalAttributesSequence) == 3
    assert cli("studies", "refile", "--undo", 1, "--by", "Ann").code == 2  # the later one first
    for number in (2, 1):
        assert cli("studies", "refile", "--undo", number, "--by", "Ann").code == 0
    assert (files(cli.home), tables(cli.home)) == before
    assert [row["state"] for row in cli("studies", "refiles").of("refile")] == ["undone"] * 2


@pytest.mark.usefixtures("index")
def test_whole_import_can_be_taken_back_after_it_was_moved(cli: Program, tmp_path: Path) -> None:
    empty = files(cli.home)
    package = bring(cli, tmp_path / "d")
    cli("studies", "refile", package, "--to", "L1", "--by", "Bea")
    assert cli("studies", "undo", package, "--by", "Ann").code == 0
    assert files(cli.home) == empty
    assert cli("studies", "refile", "--undo", 1, "--by", "Ann").code == 2
    done = cli("queue", "decide", package, "--link", "L1@LOCAL", "--by", "Ann")
    assert done.summary["state"] == "done"
    assert len(objects(cli, uid(1, 1))[0].OriginalAttributesSequence) == 1


@pytest.mark.usefixtures("index")
def test_new_patient_whose_images_were_moved_goes_with_the_import(
        cli: Program, tmp_path: Path) -> None:
    before = files(cli.home), tables(cli.home)
    write_disc(tmp_path / "d", study(1, 1, count=1))
    [package] = cli("ingest", tmp_path / "d").of("package")
    cli("queue", "decide", package["package"], "--new", "--by", "Ann")
    assert cli("studies", "refile", package["package"], "--to", "L1", "--by", "Bea").code == 0
    assert cli("studies", "undo", package["package"], "--by", "Ann").code == 0
    keep = ("item", "patient_group")
    assert files(cli.home) == before[0]
    assert {name: rows for name, rows in tables(cli.home).items() if name not in keep} == {
        name: rows for name, rows in before[1].items() if name not in keep}
    assert cli("studies", "refiles").summary["refiles"] == 0


@pytest.mark.usefixtures("index")
def test_numbers_of_the_wrong_patients_order_do_not_stay(cli: Program, tmp_path: Path) -> None:
    cli("expect", "add", "L2", "--accession", "A-2", "--procedure-id", "RP-2", "--by", "Ann")
    cli("expect", "add", "L1", "--accession", "A-1", "--by", "Ann")
    package = bring(cli, tmp_path / "d", 3)
    assert {one.AccessionNumber for one in objects(cli, uid(3, 1))} == {"A-2"}
    cli("studies", "refile", package, "--to", "L1", "--by", "Bea")
    for got in objects(cli, uid(3, 1)):
        assert got.AccessionNumber == "A-1"
        assert "RP-2" not in {one.get("RequestedProcedureID", "")
                              for one in got.RequestAttributesSequence}
    assert [row["state"] for row in cli("expect", "list", "--all").of("expected")] == [
        "open", f"came with package {package}"]
    [row] = cli("studies", "show", uid(3, 1)).of("study")
    assert row["accession_number"] == "A-1"


@pytest.mark.usefixtures("index")
def test_two_people_move_where_the_policy_asks_for_it(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = bring(cli, tmp_path / "d")
    monkeypatch.setenv("MEDIASVC_DECISIONS__SECOND_PERSON_BELOW", "strong")
    order = ("studies", "refile", package, "--to", "L3@LOCAL")
    first = cli(*order, "--by", "Ann")
    assert (first.code, first.summary["state"]) == (1, "proposed")
    assert cli(*order, "--by", "Ann").summary["state"] == "proposed"
    assert {one.PatientID for one in objects(cli, uid(1, 1))} == {"L2"}
    second = cli(*order, "--by", "Bea")
    assert second.summary["state"] == "done"
    assert second.of("refile")[0]["first"] == "Ann"


@pytest.mark.usefixtures("index")
def test_study_of_two_packages_moves_as_one_and_leaves_the_rest(
        cli: Program, tmp_path: Path) -> None:
    first = bring(cli, tmp_path / "a", instances=[*study(1, 1, count=2), *study(1, 2, count=1)])
    write_disc(tmp_path / "b", study(1, 1, count=3))
    [second] = cli("ingest", tmp_path / "b").of("package")
    assert second["archived"] == 1
    before = files(cli.home), tables(cli.home)
    done = cli("studies", "refile", uid(1, 1), "--to", "L1", "--by", "Bea")
    assert (done.summary["instances"], done.summary["packages"]) == (3, [1, 2])
    assert {one.PatientID for one in objects(cli, uid(1, 1))} == {"L1"}
    assert {one.PatientID for one in objects(cli, uid(1, 2))} == {"L2"}
    [kept] = cli("queue", "show", first).of("group")
    [moved] = cli("queue", "show", second["package"]).of("group")
    assert (kept["by"], moved["by"]) == ("Ann", "Bea")
    assert cli("report", "import", first, "--html", tmp_path / "r.html").code == 0
    assert "studies were moved to another patient" in (tmp_path / "r.html").read_text()
    assert cli("studies", "refile", "--undo", 1, "--by", "Ann").code == 0
    assert files(cli.home) == before[0]
    assert {name: rows for name, rows in tables(cli.home).items() if name != "import_report"} == {
        name: rows for name, rows in before[1].items() if name != "import_report"}


@pytest.mark.usefixtures("index")
def test_discs_that_went_out_are_named(cli: Program, tmp_path: Path) -> None:
    package = bring(cli, tmp_path / "d")
    assert cli("export", "--patient", "L2@LOCAL", "--profile", "STD-GEN-CD", "--to",
               tmp_path / "out.iso").code == 0
    done = cli("studies", "refile", package, "--to", "L1", "--by", "Bea")
    assert len(done.summary["discs"]) == 1
    [row] = cli("report", "exports").of("export")  # the disc in the world still says so
    assert (row["patients"], row["now"]) == (["L2@LOCAL"], ["L1@LOCAL"])
    assert "L2@LOCAL (now L1@LOCAL)" in cli.text("report", "exports").stdout
    assert cli("studies", "refile", "--undo", 1, "--by", "Bea").summary["discs"] == [1]


@pytest.mark.usefixtures("index")
def test_refile_that_a_crash_interrupted_is_finished(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mediasvc.settings import Home, Settings
    from mediasvc.work import refile
    from mediasvc.work.desk import open_desk

    bring(cli, tmp_path / "d")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(refile, "_switch", crash)
        cli("studies", "refile", uid(1, 1), "--to", "L1", "--by", "Bea")
    assert {one.PatientID for one in objects(cli, uid(1, 1))} == {"L2"}
    with open_desk(Home(cli.home), Settings()) as desk:
        refile.finish_all(desk)
    assert {one.PatientID for one in objects(cli, uid(1, 1))} == {"L1"}
    named = {Path(row["path"]).name for row in cli("studies", "files", uid(1, 1)).of("file")}
    assert {Path(path).name for path in files(cli.home) if path.endswith(".dcm")} == named


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("way", ["there", "back"])
def test_instances_that_a_crash_left_behind_follow_their_study(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    from mediasvc.store import refile_rows
    from mediasvc.work.refiling import refile_turns

    bring(cli, tmp_path / "d", instances=study(1, 1, count=3))
    before = files(cli.home), tables(cli.home)
    order = ("studies", "refile", uid(1, 1), "--to", "L1", "--by", "Bea")
    to, others = "L1", ("--undo", 1)
    if way == "back":
        assert cli(*order).code == 0
        order, to, others = ("studies", "refile", "--undo", 1, "--by", "Bea"), "L2", ("1", "--to",
                                                                                      "L3")
    turn, done = refile_rows.set_instances, []

    def crash(*arguments: Any, **more: Any) -> bool:
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return turn(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(refile_turns, "PAGE", 2)
        patch.setattr(refile_rows, "set_instances", crash)
        assert cli(*order).code == 130
    assert cli("studies", "show", uid(1, 1)).of("study")[0]["patient_id"] == to
    assert len({one.PatientID for one in objects(cli, uid(1, 1))}) == 2
    for other in (("studies", "refile", *others), ("studies", "undo", "1")):
        assert cli(*other, "--by", "Ann").code == 2
    assert cli(*order).code == 0
    assert {one.PatientID for one in objects(cli, uid(1, 1))} == {to}
    if way == "there":
        assert cli("studies", "refile", "--undo", 1, "--by", "Bea").code == 0
    assert (files(cli.home), tables(cli.home)) == before


@pytest.mark.usefixtures("index")
def test_way_back_that_broke_off_is_finished_by_the_same_command(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mediasvc.errors import StorageError
    from mediasvc.work.refiling import refile_undo

    bring(cli, tmp_path / "d")
    before = files(cli.home), tables(cli.home)
    cli("studies", "refile", uid(1, 1), "--to", "L1", "--by", "Bea")

    def full(*_: object) -> None:
        raise StorageError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(refile_undo, "_make_again", full)
        broken = cli("studies", "refile", "--undo", 1, "--by", "Ann")
    assert (broken.code, broken.stderr.count("full")) == (2, 1)
    assert {one.PatientID for one in objects(cli, uid(1, 1))} == {"L1"}
    assert cli("studies", "refile", "--undo", 1, "--by", "Ann").code == 0
    assert (files(cli.home), tables(cli.home)) == before


@pytest.mark.usefixtures("index")
def test_refile_that_makes_no_sense_is_refused(cli: Program, tmp_path: Path) -> None:
    bring(cli, tmp_path / "d")
    before = files(cli.home), tables(cli.home)
    for wrong in (("1", "--to", "L2"), ("1", "--to", "L9"), ("9", "--to", "L1"),
                  ("1.2.3", "--to", "L1"), ("1",), ("--undo", "7"),
                  ("1", "--to", "L1", "--group", "5")):
        assert cli("studies", "refile", *wrong).code in (2, 3), wrong
    assert (files(cli.home), tables(cli.home)) == before
