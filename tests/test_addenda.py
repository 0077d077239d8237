"""More of a disc that was here before: the decision stands, and what was missing is ticked off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from samples.synthesis import person, study, write_disc
from tests.carriers import write_index
from tests.conftest import Program


def series(count: int = 3, study_number: int = 1, **keywords: Any) -> list[Any]:
    return study(1, study_number, count=count, **keywords)


def disc(folder: Path, instances: list[Any], *, without: int | None = None) -> Path:
    write_disc(folder, instances)
    if without is not None:
        sorted((folder / "DICOM").rglob("IM*"))[without].unlink()
    return folder


def ingest(cli: Program, path: Path) -> dict[str, Any]:
    [package] = cli("ingest", path).of("package")
    return package


@pytest.fixture
def first(cli: Program, tmp_path: Path) -> str:
    """A disc that lacks one image came without an issuer, and a person linked its patient."""
    index = write_index(tmp_path / "index.csv", [("L1", person(1))], issuer="LOCAL")
    assert cli("patients", "load", index).code == 0
    package = ingest(cli, disc(tmp_path / "first", series(), without=1))
    assert (package["state"], package["missing"]) == ("waiting", 1)
    number = str(package["package"])
    [linked] = cli("queue", "decide", number, "--link", "L1@LOCAL", "--by", "Ann").of("package")
    assert linked["state"] == "done"
    return number


def test_late_file_goes_to_the_patient_of_the_decision(cli: Program, tmp_path: Path, first: str,
                                                       ) -> None:
    package = ingest(cli, disc(tmp_path / "again", series()))
    assert (package["state"], package["archived"], package["duplicate"]) == ("done", 1, 2)
    [group] = cli("queue", "show", package["package"]).of("group")
    assert (group["decision"], group["rule"]) == ("link", "decided-before")
    assert group["evidence"]["by"] == "Ann" and str(group["evidence"]["package"]) == first


@pytest.mark.usefixtures("first")
def test_disc_that_comes_again_is_told_with_who_decided_and_what_it_lacked(
        cli: Program, tmp_path: Path) -> None:
    again = cli("ingest", disc(tmp_path / "copy", series(), without=1), "--source", "CLINIC")
    [told] = [row for row in again.of("finding") if row["code"] == "seen-before"]
    assert told["text"].endswith(", decided by Ann; it is filed. Then 1 file that DICOMDIR names "
                                 "was missing.")
    whole = disc(tmp_path / "whole", series(study_number=2))
    cli("ingest", whole, "--source", "CLINIC")
    [told] = [row for row in cli("ingest", whole).of("finding") if row["code"] == "seen-before"]
    assert "from CLINIC; it waits for a person. Nothing was missing then." in told["text"]


def test_first_package_says_with_which_one_the_missing_file_came(
        cli: Program, tmp_path: Path, first: str) -> None:
    later = ingest(cli, disc(tmp_path / "again", series()))
    findings = cli("queue", "show", later["package"]).of("finding")
    assert f"Brings the file that package {first} lacked." in {
        finding["text"] for finding in findings}
    [missing] = [row for row in cli("manifest", first).of("file") if not row["on_disc"]]
    assert str(missing["came_with"]) == str(later["package"])


@pytest.mark.parametrize("changed", [
    {"PatientName": "Somebody^Else"}, {"PatientBirthDate": "19990101"}, {"PatientID": "P9"},
    {"PatientSex": ""}])
def test_same_study_under_another_identity_is_asked_about(
        cli: Program, tmp_path: Path, first: str, changed: dict[str, str]) -> None:
    package = ingest(cli, disc(tmp_path / "odd", series(4, **changed)))
    assert (package["state"], package["archived"]) == ("waiting", 0)


def test_another_study_of_the_same_person_is_asked_about(cli: Program, tmp_path: Path,
                                                         first: str) -> None:
    package = ingest(cli, disc(tmp_path / "new", [*series(4), *series(2, study_number=2)]))
    assert (package["state"], package["archived"]) == ("waiting", 0)


def test_decision_that_was_taken_back_does_not_count(cli: Program, tmp_path: Path, first: str,
                                                     ) -> None:
    cli("studies", "undo", first)
    package = ingest(cli, disc(tmp_path / "again", series()))
    assert (package["state"], package["archived"]) == ("waiting", 0)


def test_disc_with_only_the_files_that_were_missing_is_asked_about_no_more(
        cli: Program, tmp_path: Path, first: str) -> None:
    """Its DICOMDIR names the whole disc; what it lacks came the first time."""
    rest = disc(tmp_path / "rest", series(), without=0)
    sorted((rest / "DICOM").rglob("IM*"))[1].unlink()
    package = ingest(cli, rest)
    assert (package["state"], package["archived"], package["missing"]) == ("done", 1, 2)
    assert cli("report", "missing", first, "--text", tmp_path / "letter").code == 0
    assert not (tmp_path / "letter").exists()


def test_disc_that_lacks_what_nobody_brought_waits_all_the_same(cli: Program, tmp_path: Path,
                                                               first: str) -> None:
    rest = disc(tmp_path / "rest", series(4), without=0)
    sorted((rest / "DICOM").rglob("IM*"))[1].unlink()
    sorted((rest / "DICOM").rglob("IM*"))[1].unlink()
    assert ingest(cli, rest)["state"] == "waiting"
