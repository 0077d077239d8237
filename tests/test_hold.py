"""A package, or one patient of it, that somebody puts aside: listed apart, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples.synthesis import person, study, write_disc
from tests.carriers import write_index
from tests.conftest import Program


@pytest.fixture
def package(cli: Program, tmp_path: Path) -> str:
    """Two patients wait."""
    file = write_index(tmp_path / "index.csv", [("L1", person(1)), ("L2", person(2))],
                       issuer="LOCAL")
    assert cli("patients", "load", file).code == 0
    write_disc(tmp_path / "d", [*study(1, count=2), *study(2, count=1)])
    [row] = cli("ingest", tmp_path / "d").of("package")
    assert row["state"] == "waiting"
    return str(row["package"])


def test_package_put_aside_is_listed_apart(cli: Program, tmp_path: Path, package: str) -> None:
    write_disc(tmp_path / "e", study(1, 2, count=1))
    cli("ingest", tmp_path / "e")
    done = cli("queue", "decide", package, "--hold", "--reason", "ask the ward", "--by", "Ann")
    assert (done.code, done.summary["on_hold"]) == (1, [1, 2])
    listed = cli("queue", "list")
    assert [row["on_hold"] for row in listed.of("package")] == [False, True]
    assert (listed.summary["waiting"], listed.summary["on_hold"]) == (1, 1)
    text = cli.text("queue", "list").stdout
    assert "Put aside:" in text
    assert "ask the ward" in text
    held = listed.of("package")[1]
    assert (held["state"], held["held"], held["archived"]) == ("waiting", 3, 0)


def test_one_patient_put_aside_does_not_stop_the_other(cli: Program, package: str) -> None:
    cli("queue", "decide", package, "--group", "1", "--hold", "--reason", "unclear", "--by", "Ann")
    done = cli("queue", "decide", package, "--group", "2", "--new", "--by", "Bea")
    assert done.summary["state"] == "waiting"
    first, second = cli("queue", "show", package).of("group")
    assert (first["state"], first["hold"]["by"], first["hold"]["reason"]) == (
        "waiting", "Ann", "unclear")
    assert (second["state"], second["hold"]) == ("filed", None)


def test_any_other_decision_ends_the_hold(cli: Program, package: str) -> None:
    cli("queue", "decide", package, "--hold", "--reason", "unclear", "--by", "Ann")
    for group in ("1", "2"):
        cli("queue", "decide", package, "--group", group, "--new", "--by", "Bea")
    assert cli("queue", "show", package).summary["state"] == "done"
    assert cli("studies", "undo", package).code == 0
    [row] = cli("queue", "list").of("package")
    assert (row["on_hold"], row["holds"]) == (False, [])


@pytest.mark.parametrize("wrong", [
    ("--hold",), ("--hold", "--reason", " "), ("--hold", "--new", "--reason", "x"),
    ("--hold", "--group", "9", "--reason", "x")])
def test_hold_that_makes_no_sense_is_refused(cli: Program, package: str, wrong: tuple[str, ...],
                                             ) -> None:
    assert cli("queue", "decide", package, *wrong).code in (2, 3)
    assert not cli("queue", "list").of("package")[0]["on_hold"]


def test_finished_package_cannot_be_put_aside(cli: Program, package: str) -> None:
    cli("queue", "discard", package, "--reason", "no")
    assert cli("queue", "decide", package, "--hold", "--reason", "x").code == 2
