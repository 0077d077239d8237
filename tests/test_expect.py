"""A disc that somebody announced: linked without a question, with the order that it answers."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest

from samples.synthesis import person, study, uid, write_disc
from tests.carriers import write_index
from tests.conftest import Program

ORDER = ("--accession", "A-4711", "--procedure-id", "RP-1", "--description", "CT Schädel",
         "--code", "CTHEAD^99LOCAL^CT of head")


@pytest.fixture
def index(cli: Program, tmp_path: Path) -> None:
    file = write_index(tmp_path / "index.csv", [("L1", person(1)), ("L2", person(2))],
                       issuer="LOCAL")
    assert cli("patients", "load", file).code == 0


def bring(cli: Program, folder: Path, patient: int = 1, *, source: str = "", **keywords: Any,
          ) -> dict[str, Any]:
    write_disc(folder, study(patient, 1, count=2, **keywords))
    options = ("--source", source) if source else ()
    [package] = cli("ingest", folder, *options).of("package")
    return package


def expect(cli: Program, patient: str, *options: str) -> int:
    [row] = cli("expect", "add", patient, "--by", "Ann", *options).of("expected")
    return int(row["expected"])


def states(cli: Program) -> dict[int, str]:
    return {row["expected"]: row["state"] for row in cli("expect", "list", "--all").of("expected")}


@pytest.mark.usefixtures("index")
def test_expected_disc_goes_in_with_the_numbers_of_its_order(cli: Program, tmp_path: Path) -> None:
    number = expect(cli, "L1", *ORDER)
    package = bring(cli, tmp_path / "d", AccessionNumber="FOREIGN")
    assert (package["state"], package["archived"]) == ("done", 2)
    [group] = cli("queue", "show", package["package"]).of("group")
    assert (group["rule"], group["evidence"]["by"]) == ("expected-import", "Ann")
    for row in cli("studies", "files", uid(1, 1)).of("file"):
        got = pydicom.dcmread(row["path"])
        assert (got.PatientID, got.AccessionNumber) == ("L1", "A-4711")
        [code] = got.ProcedureCodeSequence
        assert (code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning) == (
            "CTHEAD", "99LOCAL", "CT of head")
        [request] = got.RequestAttributesSequence
        assert (request.RequestedProcedureID, request.RequestedProcedureDescription) == (
            "RP-1", "CT Schädel")
        [before] = got.OriginalAttributesSequence[0].ModifiedAttributesSequence
        assert before.AccessionNumber == "FOREIGN"
    assert states(cli) == {number: f"came with package {package['package']}"}


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(("options", "keywords", "source"), [
    (("--source", "clinic"), {}, ""),
    (("--source", "clinic"), {}, "other"),
    (("--until", (date.today() - timedelta(1)).isoformat()), {}, ""),
    ((), {"PatientBirthDate": "19990101"}, ""),
    ((), {"PatientName": "Somebody^Else"}, ""),
    ((), {"PatientBirthDate": "", "PatientSex": ""}, ""),
])
def test_disc_that_does_not_fit_the_announcement_is_asked_about(
        cli: Program, tmp_path: Path, options: tuple[str, ...], keywords: dict[str, str],
        source: str) -> None:
    number = expect(cli, "L1", *options)
    package = bring(cli, tmp_path / "d", source=source, **keywords)
    assert (package["state"], package["archived"]) == ("waiting", 0)
    assert states(cli) == {number: "open"}


@pytest.mark.usefixtures("index")
def test_disc_of_the_announced_sender_is_linked(cli: Program, tmp_path: Path) -> None:
    expect(cli, "L1", "--source", "clinic", "--until", date.today().isoformat())
    assert bring(cli, tmp_path / "d", source="clinic")["state"] == "done"


@pytest.mark.usefixtures("index")
def test_one_announcement_is_answered_once(cli: Program, tmp_path: Path) -> None:
    expect(cli, "L1")
    assert bring(cli, tmp_path / "a")["state"] == "done"
    write_disc(tmp_path / "b", study(1, 2, count=1))
    [second] = cli("ingest", tmp_path / "b").of("package")
    assert second["state"] == "waiting"


@pytest.mark.usefixtures("index")
def test_cancelled_announcement_links_nobody(cli: Program, tmp_path: Path) -> None:
    number = expect(cli, "L1")
    assert cli("expect", "cancel", number, "--by", "Ann").code == 0
    assert cli("expect", "cancel", number).code == 2
    assert bring(cli, tmp_path / "d")["state"] == "waiting"
    assert states(cli) == {number: "cancelled"}


@pytest.mark.usefixtures("index")
def test_import_that_is_taken_back_is_expected_again(cli: Program, tmp_path: Path) -> None:
    number = expect(cli, "L1", *ORDER)
    package = bring(cli, tmp_path / "d")
    assert cli("studies", "undo", package["package"]).code == 0
    assert states(cli) == {number: "open"}


@pytest.mark.usefixtures("index")
def test_person_who_links_to_the_expected_patient_uses_the_order_too(
        cli: Program, tmp_path: Path) -> None:
    number = expect(cli, "L1", *ORDER)
    package = bring(cli, tmp_path / "d", PatientName="Misspelt^Name")
    shown = cli("queue", "decide", package["package"], "--link", "L1@LOCAL", "--dry-run")
    assert "A-4711" in {row["new"] for row in shown.of("change")}
    cli("queue", "decide", package["package"], "--link", "L1@LOCAL", "--by", "Bea")
    [row] = cli("studies", "files", uid(1, 1)).of("file")[:1]
    assert pydicom.dcmread(row["path"]).AccessionNumber == "A-4711"
    assert states(cli) == {number: f"came with package {package['package']}"}


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("wrong", [("L9",), ("L1", "--until", "soon"), ("L1", "--code", "A^B")])
def test_announcement_that_makes_no_sense_is_refused(cli: Program, wrong: tuple[str, ...]) -> None:
    assert cli("expect", "add", *wrong).code in (2, 3)
    assert states(cli) == {}
