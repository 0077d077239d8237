"""What each sender's discs are like, and the letter about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediasvc.settings import Settings, Site
from mediasvc.store.db import open_store
from mediasvc.work.scorecard import Score, letter, scorecard
from samples.synthesis import study, write_disc
from tests.conftest import Program

GOOD = {"InstitutionName": "Clinic East", "Manufacturer": "ACME", "SoftwareVersions": "1.0"}
BAD = {"InstitutionName": "Clinic West", "Manufacturer": "ACME", "SoftwareVersions": "2.0"}


@pytest.fixture
def scores(cli: Program, tmp_path: Path) -> list[Score]:
    """A good disc of one sender; of the other one a disc that lacks a file and has a damaged one,
    and a good one."""
    write_disc(tmp_path / "good", study(1, 1, count=2, **GOOD))
    write_disc(tmp_path / "bad", study(2, 1, count=4, **BAD))
    write_disc(tmp_path / "fair", study(3, 1, count=2, **BAD))
    files = sorted((tmp_path / "bad" / "DICOM").rglob("IM*"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-40])
    for name in ("good", "bad", "fair"):
        cli("ingest", tmp_path / name)
    from mediasvc.settings import Home
    with open_store(Home(cli.home), Settings()) as store, store.read() as connection:
        return scorecard(connection)


def test_worst_sender_comes_first_with_what_was_wrong(scores: list[Score]) -> None:
    worst, best = scores
    assert worst.sender == ("Clinic West", "ACME", "2.0")
    assert (worst.packages, worst.instances, worst.refused) == (2, 5, 1)
    assert {fault.code for fault in worst.faults if fault.severity == "error"} == {
        "incomplete", "length-beyond-end"}
    assert all(fault.packages == 1 for fault in worst.faults if fault.severity == "error")
    assert (best.sender.institution_name, best.packages, best.instances) == ("Clinic East", 1, 2)
    assert not [fault for fault in best.faults if fault.severity == "error"]


def test_letter_names_rules_and_no_patient(scores: list[Score]) -> None:
    written = letter(scores[0], Site(institution="Our Hospital", contact="desk@here.example"))
    assert max(map(len, written.splitlines())) <= 78
    text = " ".join(written.split())
    assert text.startswith("To the radiology of Clinic West Dear")
    assert "(DICOM PS3.5 7.1): on 1 of 2 discs, once" in text and "Our Hospital" in text
    assert "1 image could not be taken in." in text
    for hidden in ("P0002", "Specimen", "1931", "IM0"):
        assert hidden not in text


def test_only_what_came_since_then_counts(cli: Program, scores: list[Score]) -> None:
    from mediasvc.settings import Home
    with open_store(Home(cli.home), Settings()) as store, store.read() as connection:
        assert scorecard(connection, "2999-01-01") == []


@pytest.mark.usefixtures("scores")
def test_letters_go_to_whom_there_is_something_to_say(cli: Program, tmp_path: Path) -> None:
    done = cli("report", "senders", "--letters", tmp_path / "letters")
    assert done.code == 0 and done.summary["senders"] == 2
    first = done.of("sender")[0]
    assert (first["institution_name"], first["packages"]) == ("Clinic West", 2)
    assert "Clinic West" in (tmp_path / "letters" / "letter-1.txt").read_text("utf-8")
    assert "Clinic West" in cli.text("report", "senders").stdout
