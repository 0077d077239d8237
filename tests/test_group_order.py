"""The numbers of an order are decided with the patient, once; a crash in between changes none."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from mediasvc.settings import Home, Settings
from mediasvc.work.desk import open_desk
from mediasvc.work.ingest import run_line, unfinished
from mediasvc.work.placing import file_group
from samples.synthesis import person, study, uid, write_disc
from tests.carriers import write_index
from tests.conftest import Program


def accessions(cli: Program, *studies: str) -> list[str]:
    return [str(pydicom.dcmread(row["path"]).AccessionNumber) for study_uid in studies
            for row in cli("studies", "files", study_uid).of("file")]


def test_announcement_between_a_crash_and_its_repair_gives_no_mixed_numbers(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("patients", "load", write_index(tmp_path / "index.csv", [("L1", person(1))],
                                        issuer="LOCAL"))
    write_disc(tmp_path / "d", study(1, 1, count=4))
    [package] = cli("ingest", tmp_path / "d").of("package")
    assert package["state"] == "waiting"
    commit, done = file_group._commit, []

    def crash(*arguments: object) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(1)
        commit(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(file_group, "COMMIT", 2)
        patch.setattr(file_group, "_commit", crash)
        cli("queue", "decide", package["package"], "--link", "L1@LOCAL", "--by", "Ann")
    assert accessions(cli, uid(1, 1)) == ["", ""]
    cli("expect", "add", "L1@LOCAL", "--accession", "A-4711", "--by", "Bea")
    with open_desk(Home(cli.home), Settings()) as desk:
        for number in unfinished(desk):
            run_line(desk, number, lambda *_: None)
    assert accessions(cli, uid(1, 1)) == [""] * 4
    [announced] = cli("expect", "list").of("expected")
    assert announced["state"] == "open"


def test_addendum_gets_the_numbers_of_its_study(cli: Program, tmp_path: Path) -> None:
    cli("patients", "load", write_index(tmp_path / "index.csv", [("L1", person(1))],
                                        issuer="LOCAL"))
    cli("expect", "add", "L1@LOCAL", "--accession", "A-4711", "--by", "Bea")
    whole = study(1, 1, count=4)
    for one in whole:
        one.PatientName = "Wrongly^Written"
    write_disc(tmp_path / "a", whole[:2])
    [first] = cli("ingest", tmp_path / "a").of("package")
    cli("queue", "decide", first["package"], "--link", "L1@LOCAL", "--by", "Ann")
    write_disc(tmp_path / "b", whole)
    [second] = cli("ingest", tmp_path / "b").of("package")
    assert (second["state"], second["archived"], second["duplicate"]) == ("done", 2, 2)
    assert accessions(cli, uid(1, 1)) == ["A-4711"] * 4
