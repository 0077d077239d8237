"""Taking an import back leaves archive and index as they were before, byte by byte, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from samples.synthesis import instance, person, study, write_disc
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
