"""Ordinary files in the inbox: what is said beside them counts, what nobody says waits."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from mediasvc.service.run import _tick
from mediasvc.service.watch import Watch
from mediasvc.settings import Home, Inbox, Settings, Wrap
from mediasvc.work.desk import open_desk
from samples.synthesis import study, write_disc
from tests import wrap_things as things
from tests.conftest import Program
from tests.test_wrap import CSV

NAMING = "{patient_id}@{issuer}_{birth_date}_{name}/{modality}"


class Service:
    """One turn of `mediasvc run` at a time."""

    def __init__(self, home: Path, **wrap: str) -> None:
        self.home = Home(home)
        self.home.create()
        self.inbox = self.home.inbox
        self.settings = Settings(inbox=Inbox(settle_seconds=0, watch="poll"), wrap=Wrap(**wrap))

    def turn(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """(packages that it told of, what waits in the inbox)."""
        seen: list[dict[str, Any]] = []
        watch = Watch(self.home, self.settings)
        try:
            with open_desk(self.home, self.settings) as desk:
                _tick(desk, watch, threading.Event(),
                      lambda event, **row: seen.append(row) if event == "package" else None)
            return seen, watch.waiting()
        finally:
            watch.close()


@pytest.fixture
def known(cli: Program, tmp_path: Path) -> Program:
    path = things.written(tmp_path, "patients.csv", CSV.encode())
    assert cli("patients", "load", path).code == 0
    return cli


def states(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["state"], row["reason"]) for row in rows]


def test_a_file_with_a_side_car_is_filed_and_a_repeat_is_a_duplicate(known: Program) -> None:
    service = Service(known.home)
    for expected, side in (("done", "a.jpg.json"), ("duplicate", "a.jpg.JSON")):
        things.written(service.inbox, "a.jpg", things.jpeg())
        (service.inbox / side).write_text(json.dumps(things.IDENTITY))
        rows, _ = service.turn()
        assert [row["state"] for row in rows] == [expected]
        assert list(service.inbox.iterdir()) == []
    [found] = known("studies", "list").of("study")
    assert (found["patient_id"], found["instances"]) == ("W1", 1)


def test_a_side_car_waits_for_its_file(known: Program) -> None:
    service = Service(known.home)
    (service.inbox / "a.jpg.json").write_text(json.dumps(things.IDENTITY))
    assert service.turn() == ([], {
        "a.jpg.json": "it says whose a file is, and that file is not here"})


def test_what_nobody_says_waits_for_a_person(known: Program) -> None:
    service = Service(known.home)
    things.written(service.inbox, "a.jpg", things.jpeg())
    rows, _ = service.turn()
    assert states(rows) == [("waiting", "identity")]
    shown = known("queue", "show", "1")
    assert "queue identify 1" in shown.of("finding")[0]["text"]
    assert known("queue", "identify", "1").code == 3
    done = known("queue", "identify", "1", "--patient", "W2", "--modality", "ES", "--by", "clerk")
    assert done.code == 0 and done.summary["state"] == "done"
    assert known("studies", "list").of("study")[0]["patient_id"] == "W2"
    assert known("queue", "identify", "1", "--patient", "W2").code == 2


def test_a_side_car_that_cannot_be_read_waits_too(known: Program) -> None:
    service = Service(known.home)
    things.written(service.inbox, "a.pdf", things.PDF)
    things.written(service.inbox, "a.pdf.json", b"{")
    rows, _ = service.turn()
    assert states(rows) == [("waiting", "identity")]
    assert "cannot be read as JSON" in known("queue", "show", "1").of("finding")[0]["text"]


def test_an_identifier_alone_is_not_certain(known: Program) -> None:
    service = Service(known.home)
    things.written(service.inbox, "a.pdf", things.PDF)
    things.written(service.inbox, "a.pdf.json", b'{"patient_id": "W1", "issuer": "LOCAL"}')
    assert states(service.turn()[0]) == [("waiting", "decision")]


def test_a_table_in_a_folder_files_each_patient(known: Program) -> None:
    service = Service(known.home)
    batch = service.inbox / "batch"
    batch.mkdir()
    things.written(batch, "a.jpg", things.jpeg())
    things.written(batch, "b.pdf", things.PDF)
    things.written(batch, "c.gif", b"GIF89a" + bytes(50))
    things.written(batch, "identity.csv", (
        "file,patient_id,issuer,name,birth_date,sex\na.jpg,W1,LOCAL,Weiß^Ada,19700102,F\n"
        "b.pdf,W9,LOCAL,Grün^Ida,,\nc.gif,W1,LOCAL,,,\n").encode())
    first, _ = service.turn()
    second, _ = service.turn()
    assert states(first + second) == [("done", ""), ("waiting", "decision")]
    [finding] = [one for one in known("queue", "show", "1").of("finding")
                 if one["code"] == "not-wrapped"]
    assert finding["subject"] == "batch/c.gif" and "GIF" in finding["text"]


def test_the_name_of_a_folder_may_say_whose_its_files_are(known: Program) -> None:
    service = Service(known.home, naming=NAMING)
    folder = service.inbox / "W1@LOCAL_19700102_Weiß^Ada" / "ES"
    folder.mkdir(parents=True)
    things.written(folder, "a.jpg", things.jpeg())
    things.written(folder.parent, "b.jpg", things.jpeg())
    rows, _ = service.turn()
    assert states(rows) == [("done", "")] and rows[0]["instances"] == 1
    assert known("studies", "list").of("study")[0]["modalities"] == ["ES"]
    findings = known("queue", "show", "1").of("finding")
    assert "naming rule" in findings[0]["text"]


def test_a_package_stays_a_package_whatever_is_said_beside_it(known: Program) -> None:
    service = Service(known.home, naming="{patient_id}")
    write_disc(service.inbox / "W1", study(1, 1, count=1))
    (service.inbox / "W1.json").write_text(json.dumps(things.IDENTITY))
    rows, _ = service.turn()
    assert states(rows) == [("waiting", "decision")] and rows[0]["instances"] == 1


def test_a_folder_without_a_word_can_be_identified_afterwards(known: Program,
                                                              tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    things.written(folder, "a.jpg", things.jpeg())
    things.written(folder, "b.txt", "Größe 3 cm".encode())
    assert known("ingest", folder).of("package")[0]["state"] == "failed"
    done = known("queue", "identify", "1", "--identity",
                 things.identity(tmp_path), "--by", "clerk")
    assert done.summary["state"] == "done"
    assert known("studies", "list").of("study")[0]["instances"] == 2


def test_what_was_refused_can_be_identified_again(known: Program, tmp_path: Path) -> None:
    service = Service(known.home)
    things.written(service.inbox, "a.txt", b"No day is said.")
    (service.inbox / "a.txt.json").write_text('{"patient_id": "W1", "issuer": "LOCAL"}')
    assert states(service.turn()[0]) == [("failed", "nothing-dicom")]
    assert "which day" in known("queue", "show", "1").of("finding")[-1]["text"]
    (known.home / "staging/1/media/a.txt.json").unlink()
    assert known("queue", "identify", "1", "--identity", things.identity(tmp_path),
                 "--by", "clerk").summary["state"] == "done"


def test_what_is_no_file_to_wrap_is_told_as_before(known: Program) -> None:
    service = Service(known.home)
    things.written(service.inbox, "a.bin", bytes(range(256)))
    assert states(service.turn()[0]) == [("failed", "nothing-dicom")]


def test_a_crash_between_claim_and_wrapping_changes_nothing(
        known: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(known.home)
    things.written(service.inbox, "a.jpg", things.jpeg())
    (service.inbox / "a.jpg.json").write_text(json.dumps(things.IDENTITY))
    for broken in ("mediasvc.work.wrapping.wrap_drop.adopt_drop",
                   "mediasvc.work.wrapping.wrap_drop.run_line"):
        with monkeypatch.context() as patch:
            patch.setattr(broken, _killed)
            with pytest.raises(KeyboardInterrupt):
                service.turn()
    assert states(service.turn()[0]) == [("done", "")]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("rule", ["{modality}", "{patient_id}{issuer}", "{patient_id",
                                  "{patient id}",
                                  "{patient_id}/{patient_id}"])
def test_a_naming_rule_that_cannot_be_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="naming"):
        Wrap(naming=rule)




def test_a_failed_package_can_be_tried_again(known: Program, tmp_path: Path) -> None:
    folder = tmp_path / "disc"
    folder.mkdir()
    things.written(folder, "README.TXT", b"nothing here")
    assert known("ingest", folder).of("package")[0]["state"] == "failed"
    write_disc(folder, study(1, 1, count=1))
    assert known("queue", "retry", "1", "--by", "clerk").summary["state"] == "waiting"
