"""A link that looks doubtful needs two people, where the site wants it so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from samples.synthesis import person, study, write_disc
from tests.carriers import write_index
from tests.conftest import Program


@pytest.fixture
def package(cli: Program, tmp_path: Path) -> str:
    """A disc whose patient resembles L1 but for a digit; L2 is somebody else."""
    cli.home.mkdir(parents=True, exist_ok=True)
    (cli.home / "config.toml").write_text('[decisions]\nsecond_person_below = "strong"\n')
    index = write_index(tmp_path / "index.csv", [("L1", person(1)), ("L2", person(2))],
                        issuer="LOCAL")
    assert cli("patients", "load", index).code == 0
    write_disc(tmp_path / "d", study(1, 1, count=2, PatientBirthDate="19310203"))
    [row] = cli("ingest", tmp_path / "d").of("package")
    assert row["state"] == "waiting"
    return str(row["package"])


def link(cli: Program, package: str, patient: str, by: str) -> dict[str, Any]:
    [row] = cli("queue", "decide", package, "--link", patient, "--by", by).of("package")
    return row


def reasons(cli: Program, package: str) -> set[str]:
    [group] = cli("queue", "show", package).of("group")
    return {reason["code"] for reason in group["waits"]}


def test_two_people_who_agree_file_it(cli: Program, package: str) -> None:
    assert link(cli, package, "L1", "Ann")["state"] == "waiting"
    assert "second-person" in reasons(cli, package)
    assert link(cli, package, "L1", "Bea")["state"] == "done"
    [group] = cli("queue", "show", package).of("group")
    assert (group["by"], group["evidence"]["first"]) == ("Bea", "Ann")


def test_one_person_cannot_agree_with_themselves(cli: Program, package: str) -> None:
    assert link(cli, package, "L1", "Ann")["state"] == "waiting"
    assert link(cli, package, "L1", "Ann")["state"] == "waiting"


def test_nobody_is_a_second_person_by_another_spelling(cli: Program, package: str) -> None:
    for name in ("Ann Lee", "ann lee", " Ann  Lee", "\uff21nn LEE"):
        assert link(cli, package, "L1", name)["state"] == "waiting"


def test_decision_without_a_name_is_refused(cli: Program, package: str) -> None:
    assert cli.text("queue", "decide", package, "--new", "--by", " ").code == 3


def test_two_people_who_disagree_file_nothing(cli: Program, package: str) -> None:
    assert link(cli, package, "L1", "Ann")["state"] == "waiting"
    assert link(cli, package, "L2", "Bea")["state"] == "waiting"
    assert link(cli, package, "L1", "Bea")["state"] == "waiting"
    assert link(cli, package, "L1", "Cleo")["state"] == "done"


def test_reject_and_new_need_one_person(cli: Program, package: str) -> None:
    [row] = cli("queue", "decide", package, "--new", "--by", "Ann").of("package")
    assert row["state"] == "done"


def test_good_candidate_needs_one_person(cli: Program, package: str) -> None:
    (cli.home / "config.toml").write_text('[decisions]\nsecond_person_below = "low"\n')
    assert link(cli, package, "L1", "Ann")["state"] == "done"
