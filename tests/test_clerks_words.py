"""What a person reads at the desk: whole sentences, no codes, nothing to look up elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediasvc.media.page.words import Many, issuer
from samples.synthesis import person, study, write_disc
from tests.carriers import write_index
from tests.conftest import Program


@pytest.fixture
def index(cli: Program, tmp_path: Path) -> None:
    file = write_index(tmp_path / "index.csv", [("L1", person(1)), ("L2", person(2))],
                       issuer="LOCAL")
    assert cli("patients", "load", file).code == 0


def bring(cli: Program, folder: Path, *patients: int, source: str = "", **keywords: Any) -> str:
    write_disc(folder, [one for patient in patients or (1,)
                        for one in study(patient, 1, count=2, **keywords)])
    options = ("--source", source) if source else ()
    [package] = cli("ingest", folder, *options).of("package")
    return str(package["package"])


def read(cli: Program, *arguments: object) -> str:
    return cli.text(*arguments).stdout


def test_one_of_a_kind_is_spoken_of_in_the_singular() -> None:
    said = "{n:name is|names are} odd; {n:=it is|they are} read"
    assert said.format(n=Many(1)) == "1 name is odd; it is read"
    assert said.format(n=Many(1200)) == "1,200 names are odd; they are read"
    assert f"{Many(3)}" == "3"


def test_nobody_reads_how_an_unstated_issuer_is_kept() -> None:
    assert issuer("LOCAL") == "LOCAL"
    assert issuer("source:St Elsewhere") == "St Elsewhere (the sender)"
    assert issuer("package:5") == "an unnamed sender (package 5)"


@pytest.mark.usefixtures("index")
def test_who_waits_and_who_it_may_be_stand_side_by_side(cli: Program, tmp_path: Path) -> None:
    shown = read(cli, "queue", "show", bring(cli, tmp_path / "d", source="St Elsewhere"))
    known = person(1)
    born = f"{known.patient_birth_date[:4]}-{known.patient_birth_date[4:6]}"
    assert "ID P0001 of St Elsewhere (the sender)" in shown
    assert f"L1@LOCAL  {known.patient_name}, born {born}" in shown
    assert "--group" not in shown
    [group] = cli("queue", "show", 1).of("group")
    assert group["candidates"][0]["name"] == known.patient_name


@pytest.mark.usefixtures("index")
def test_disc_that_was_announced_says_on_whose_word_it_was_filed(cli: Program, tmp_path: Path,
                                                                ) -> None:
    assert cli("expect", "add", "L1", "--by", "Ann").code == 0
    shown = cli.text("queue", "show", bring(cli, tmp_path / "d"))
    assert shown.code == 0
    assert "announced beforehand" in shown.stdout and "the word of Ann" in shown.stdout


@pytest.mark.usefixtures("index")
def test_patients_put_aside_together_are_told_in_one_line(cli: Program, tmp_path: Path) -> None:
    number = bring(cli, tmp_path / "d", 1, 2)
    cli("queue", "decide", number, "--hold", "--reason", "ask the ward", "--by", "Ann")
    listed = read(cli, "queue", "list")
    assert listed.count("ask the ward") == 1
    assert "2 patients put aside by Ann" in listed


@pytest.mark.usefixtures("index")
def test_why_something_was_rejected_stays_readable(cli: Program, tmp_path: Path) -> None:
    number = bring(cli, tmp_path / "d")
    cli("queue", "decide", number, "--reject", "--reason", "not our patient", "--by", "Ann")
    assert "reason: not our patient" in read(cli, "queue", "show", number)
    page = tmp_path / "page.html"
    assert cli("report", "import", number, "--html", page).code == 0
    assert "Reason: not our patient" in page.read_text()


@pytest.mark.usefixtures("index")
def test_import_that_was_taken_back_says_why_it_waits_again(cli: Program, tmp_path: Path) -> None:
    number = bring(cli, tmp_path / "d")
    cli("queue", "decide", number, "--link", "L1@LOCAL", "--by", "Ann")
    assert cli("studies", "undo", number, "--by", "Bob").code == 0
    shown = read(cli, "queue", "show", number)
    assert "waits: It was filed, and Bob took it back." in shown
    assert "waits: No patient of the index is certainly the same." in shown


@pytest.mark.usefixtures("index")
def test_move_to_another_patient_shows_which_identifiers_it_lists(cli: Program, tmp_path: Path,
                                                                 ) -> None:
    number = bring(cli, tmp_path / "d")
    cli("queue", "decide", number, "--link", "L1@LOCAL", "--by", "Ann")
    dry = cli("studies", "refile", number, "--to", "L2@LOCAL", "--by", "Ann", "--dry-run")
    changed = {row["attribute"]: (row["old"], row["new"]) for row in dry.of("change")}
    assert changed["Other Patient IDs Sequence"] == ("P0001, L1", "P0001, L2")
    assert changed["Original Attributes Sequence"] == ("a list of 1 item", "a list of 2 items")
