"""What the import line does with a disc: what goes in by itself, what waits, and why."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from samples.synthesis import instance, person, study, to_bytes, uid, write_disc
from tests.carriers import write_index
from tests.conftest import Program

ISSUER = "CLINIC"
STATES = ("archived", "duplicate", "quarantined", "held", "rejected")


@pytest.fixture
def known(cli: Program, tmp_path: Path) -> None:
    """Persons 1 to 3 are in the index under the very IDs that their discs carry."""
    file = write_index(tmp_path / "index.csv", [(f"P{n:04d}", person(n)) for n in (1, 2, 3)],
                       issuer=ISSUER)
    assert cli("patients", "load", file).code == 0


def series(patient: int = 1, study_number: int = 1, count: int = 2, **keywords: Any) -> list[Any]:
    keywords = {"IssuerOfPatientID": ISSUER} | keywords
    return study(patient, study_number, count=count, **keywords)


def disc(folder: Path, *instances: Any) -> Path:
    write_disc(folder, instances)
    return folder


def ingest(cli: Program, path: Path, *options: str) -> dict[str, Any]:
    [package] = cli("ingest", path, *options).of("package")
    assert package["instances"] == sum(package[state] for state in STATES)
    return package


def waits(cli: Program, package: dict[str, Any]) -> set[str]:
    shown = cli("queue", "show", package["package"])
    return {reason["code"] for group in shown.of("group") for reason in group["waits"]}


@pytest.mark.usefixtures("known")
def test_known_patient_with_agreeing_demographics_goes_in_by_rule(
        cli: Program, tmp_path: Path) -> None:
    done = cli("ingest", disc(tmp_path / "d", *series()))
    assert done.code == 0
    [package] = done.of("package")
    assert (package["state"], package["archived"]) == ("done", 2)
    [group] = cli("queue", "show", package["package"]).of("group")
    assert (group["decision"], group["rule"]) == ("link", "same-id")


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(("keywords", "why"), [
    ({"IssuerOfPatientID": None}, "no-certain-match"),
    ({"IssuerOfPatientID": "ELSEWHERE"}, "no-certain-match"),
    ({"PatientBirthDate": "19310203"}, "no-certain-match"),
    ({"PatientName": "Somebody^Else"}, "no-certain-match"),
    ({"PatientBirthDate": "", "PatientSex": ""}, "no-certain-match"),
    ({"PatientID": ""}, "no-certain-match"),
])
def test_anything_less_than_certain_waits_for_a_person(
        cli: Program, tmp_path: Path, keywords: dict[str, Any], why: str) -> None:
    package = ingest(cli, disc(tmp_path / "d", *series(**keywords)))
    assert (package["state"], package["held"]) == ("waiting", 2)
    assert waits(cli, package) == {why}


@pytest.mark.usefixtures("known")
def test_disc_with_two_patients_is_held_even_if_both_are_certain(
        cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, disc(tmp_path / "d", *series(1), *series(2)))
    assert (package["state"], package["held"], package["patients"]) == ("waiting", 4, 2)
    assert waits(cli, package) == {"several-patients"}


@pytest.mark.usefixtures("known")
def test_same_patient_id_with_two_birth_dates_is_two_people(cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, disc(tmp_path / "d", *series(1),
                               *series(1, 2, PatientBirthDate="19991231")))
    assert (package["state"], package["patients"]) == ("waiting", 2)


@pytest.mark.usefixtures("known")
def test_report_without_birth_date_belongs_to_its_patient(cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, disc(tmp_path / "d", *series(1), *series(1, 2, PatientBirthDate="")))
    assert (package["state"], package["patients"], package["archived"]) == ("done", 1, 4)


@pytest.mark.usefixtures("known")
def test_disc_with_a_missing_file_waits_and_says_which(cli: Program, tmp_path: Path) -> None:
    folder = disc(tmp_path / "d", *series(count=3))
    lost = sorted((folder / "DICOM").rglob("IM*"))[1]
    lost.unlink()
    package = ingest(cli, folder)
    assert (package["state"], package["held"], package["missing"]) == ("waiting", 2, 1)
    assert waits(cli, package) == {"incomplete"}
    rows = cli("manifest", package["package"]).of("file")
    [missing] = [row for row in rows if row["in_dicomdir"] and not row["on_disc"]]
    assert missing["label"] == lost.relative_to(folder).as_posix()


@pytest.mark.usefixtures("known")
def test_truncated_file_is_refused_and_the_rest_goes_in(cli: Program, tmp_path: Path) -> None:
    folder = disc(tmp_path / "d", *series(count=3))
    victim = sorted((folder / "DICOM").rglob("IM*"))[0]
    cut = victim.read_bytes()[:-40]
    victim.write_bytes(cut)
    done = cli("ingest", folder)
    [package] = done.of("package")
    assert (done.code, package["state"]) == (1, "done")
    assert (package["archived"], package["quarantined"]) == (2, 1)
    [kept] = list((cli.home / "quarantine").rglob("*.bin"))
    assert kept.read_bytes() == cut


@pytest.mark.usefixtures("known")
def test_study_that_is_filed_under_another_patient_is_held(cli: Program, tmp_path: Path) -> None:
    ingest(cli, disc(tmp_path / "a", *series(1)))
    other = [instance(2, 1, 1, 9, StudyInstanceUID=uid(1, 1), IssuerOfPatientID=ISSUER)]
    package = ingest(cli, disc(tmp_path / "b", *other))
    assert waits(cli, package) == {"study-conflict"}
    refused = cli("queue", "decide", package["package"], "--link", f"P0002@{ISSUER}", "--by", "A")
    assert refused.code == 2
    assert "another patient" in refused.stderr


@pytest.mark.usefixtures("known")
def test_other_content_under_a_known_uid_is_held_and_never_overwrites(
        cli: Program, tmp_path: Path) -> None:
    ingest(cli, disc(tmp_path / "a", *series(1)))
    before = sorted((cli.home / "archive" / "objects").rglob("*.dcm"))
    changed = [instance(1, 1, 1, 1, rows=24, IssuerOfPatientID=ISSUER)]
    package = ingest(cli, disc(tmp_path / "b", *changed))
    assert (package["state"], package["held"]) == ("waiting", 1)
    assert waits(cli, package) == {"uid-conflict"}
    rejected = cli("queue", "decide", package["package"], "--reject", "--by", "A")
    assert rejected.of("package")[0]["rejected"] == 1
    assert sorted((cli.home / "archive" / "objects").rglob("*.dcm")) == before


@pytest.mark.usefixtures("known")
def test_instances_that_are_here_already_are_duplicates_one_by_one(
        cli: Program, tmp_path: Path) -> None:
    ingest(cli, disc(tmp_path / "a", *series(1, count=2)))
    package = ingest(cli, disc(tmp_path / "b", *series(1, count=3)))
    assert (package["state"], package["duplicate"], package["archived"]) == ("done", 2, 1)


def test_same_images_on_two_discs_that_wait_are_filed_once(cli: Program, tmp_path: Path) -> None:
    """Somebody decides about both, one after the other."""
    first = ingest(cli, disc(tmp_path / "a", *series(1, count=2)))
    second = ingest(cli, disc(tmp_path / "b", *series(1, count=3)))
    assert (first["state"], second["state"]) == ("waiting", "waiting")
    cli("queue", "decide", first["package"], "--new", "--by", "A")
    [patient] = {one["patient_id"] for one in cli("studies", "list").of("study")}
    done = cli("queue", "decide", second["package"], "--link", patient, "--by", "A")
    [package] = done.of("package")
    assert (done.code, package["state"]) == (0, "done")
    assert (package["archived"], package["duplicate"], package["held"]) == (1, 2, 0)


def test_other_content_that_came_while_a_disc_waited_is_held(cli: Program, tmp_path: Path) -> None:
    first = ingest(cli, disc(tmp_path / "a", *series(1, count=2)))
    second = ingest(cli, disc(tmp_path / "b", instance(1, 1, 1, 1, rows=24),
                              instance(1, 1, 1, 3)))
    cli("queue", "decide", first["package"], "--new", "--by", "A")
    [patient] = {one["patient_id"] for one in cli("studies", "list").of("study")}
    done = cli("queue", "decide", second["package"], "--link", patient, "--by", "A")
    [package] = done.of("package")
    assert (done.code, package["state"], package["archived"], package["held"]) == (
        1, "waiting", 1, 1)
    assert "uid-conflict" in waits(cli, second)
    [package] = cli("queue", "decide", second["package"], "--reject", "--by", "A").of("package")
    assert (package["state"], package["archived"], package["rejected"]) == ("done", 1, 1)


@pytest.mark.usefixtures("known")
def test_what_we_filed_is_recognised_when_it_comes_back(cli: Program, tmp_path: Path) -> None:
    ingest(cli, disc(tmp_path / "a", *series(1)))
    back = tmp_path / "back"
    back.mkdir()
    for number, path in enumerate((cli.home / "archive" / "objects").rglob("*.dcm")):
        shutil.copy(path, back / f"IM{number}")
    package = ingest(cli, back)
    assert (package["duplicate"], package["archived"]) == (2, 0)


@pytest.mark.usefixtures("known")
def test_received_twin_of_a_filed_instance_is_the_same_instance(
        cli: Program, tmp_path: Path) -> None:
    """The preamble differs, so the bytes do; the content does not."""
    one = series(1, count=1)[0]
    ingest(cli, disc(tmp_path / "a", one))
    twin = tmp_path / "twin"
    twin.mkdir()
    (twin / "IM1").write_bytes(b"II*\0" + bytes(124) + to_bytes(one)[128:])
    package = ingest(cli, twin)
    assert (package["state"], package["duplicate"]) == ("duplicate", 1)


@pytest.mark.usefixtures("known")
def test_same_file_twice_on_a_disc_is_stored_once(cli: Program, tmp_path: Path) -> None:
    folder = disc(tmp_path / "d", *series(count=1))
    [file] = (folder / "DICOM").rglob("IM*")
    shutil.copy(file, file.with_name("IM000009"))
    package = ingest(cli, folder)
    assert (package["state"], package["archived"], package["duplicate"]) == ("done", 1, 1)


def test_waiting_package_no_longer_needs_its_disc(cli: Program, tmp_path: Path) -> None:
    folder = disc(tmp_path / "d", *series())
    package = ingest(cli, folder)
    assert package["state"] == "waiting"
    shutil.rmtree(folder)
    done = cli("queue", "decide", package["package"], "--new", "--by", "A. Clerk")
    assert done.code == 0
    [filed] = done.of("package")
    assert (filed["state"], filed["archived"]) == ("done", 2)
    [found] = cli("studies", "list").of("study")
    assert found["patient_id"].startswith("PROV")


def test_next_disc_of_the_same_named_sender_finds_its_patient_by_the_linked_id(
        cli: Program, tmp_path: Path) -> None:
    write_index(tmp_path / "index.csv", [("L1", person(1))])
    cli("patients", "load", tmp_path / "index.csv")
    first = ingest(cli, disc(tmp_path / "a", *series(1, 1, IssuerOfPatientID=None)),
                   "--source", "clinic-y")
    assert first["state"] == "waiting"
    cli("queue", "decide", first["package"], "--link", "L1@LOCAL", "--by", "A. Clerk")
    second = disc(tmp_path / "b", *series(1, 2, IssuerOfPatientID=None))
    assert ingest(cli, second, "--source", "clinic-y")["state"] == "done"
    third = disc(tmp_path / "c", *series(1, 3, IssuerOfPatientID=None))
    assert ingest(cli, third, "--source", "clinic-z")["state"] == "waiting"


def test_folder_without_dicom_fails_and_says_so(cli: Program, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "NOTES.TXT").write_text("no images here")
    done = cli("ingest", folder)
    assert done.code == 2
    [package] = done.of("package")
    assert (package["state"], package["instances"]) == ("failed", 0)
    assert {f["code"] for f in cli("queue", "show", package["package"]).of("finding")} == {
        "nothing-dicom"}


def test_discarded_package_leaves_its_record_and_no_bytes(cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, disc(tmp_path / "d", *series()))
    done = cli("queue", "discard", package["package"], "--reason", "wrong patient", "--by", "A")
    [line] = done.of("package")
    assert (line["state"], line["rejected"]) == ("discarded", 2)
    assert not (cli.home / "staging" / package["package"]).exists()
    again = ingest(cli, tmp_path / "d")
    assert again["state"] == "waiting"


@pytest.mark.usefixtures("known")
def test_undo_leaves_nothing_and_the_same_decision_can_be_made_again(
        cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, disc(tmp_path / "d", *series()))
    objects = sorted(p.name for p in (cli.home / "archive").rglob("*") if p.is_file())
    undone = cli("studies", "undo", package["package"], "--by", "A. Clerk")
    assert undone.summary["instances"] == 2
    assert cli("studies", "list").summary["studies"] == 0
    assert not [p for p in (cli.home / "archive").rglob("*") if p.is_file()]
    again = cli("queue", "decide", package["package"], "--link", f"P0001@{ISSUER}", "--by", "A")
    assert again.of("package")[0]["archived"] == 2
    assert len([p for p in (cli.home / "archive").rglob("*") if p.is_file()]) == len(objects)


def test_dry_run_shows_every_attribute_and_changes_nothing(cli: Program, tmp_path: Path) -> None:
    write_index(tmp_path / "index.csv", [("L1", person(1))])
    cli("patients", "load", tmp_path / "index.csv")
    package = ingest(cli, disc(tmp_path / "d", *series()))
    done = cli("queue", "decide", package["package"], "--link", "L1@LOCAL", "--by", "A",
               "--dry-run")
    changes = {row["attribute"]: row for row in done.of("change")}
    assert (changes["PatientID"]["old"], changes["PatientID"]["new"]) == ("P0001", "L1")
    assert changes["PatientID"]["instances"] == 2
    assert {"IssuerOfPatientID", "OtherPatientIDsSequence", "OriginalAttributesSequence",
            "ContributingEquipmentSequence", "InstanceOriginStatus",
            "InstanceCoercionDateTime"} <= set(changes)
    assert cli("studies", "list").summary["studies"] == 0
    assert cli("queue", "list").of("package")[0]["state"] == "waiting"


@pytest.mark.usefixtures("known")
def test_a_link_says_whom_it_means_and_what_differs(cli: Program, tmp_path: Path) -> None:
    number = ingest(cli, disc(tmp_path / "d", *series(7)))["package"]
    order = ("queue", "decide", number, "--link", f"P0002@{ISSUER}", "--by", "A")
    [alike] = cli(*order, "--dry-run").of("candidate")
    assert (alike["patient_id"], alike["recommendation"]) == ("P0002", "none")
    assert "birth date differs" in cli.text(*order).stdout


@pytest.mark.usefixtures("known")
def test_crash_before_the_groups_are_formed_costs_nothing(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = disc(tmp_path / "d", *series())

    def power_cut(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("mediasvc.work.ingest.group_package", power_cut)
        assert cli("ingest", folder).code == 130
    package = ingest(cli, folder)
    assert (package["state"], package["archived"]) == ("done", 2)
