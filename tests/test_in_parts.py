"""What changes all files of a large package goes a part at a time, and survives a crash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mediasvc.model import Finding
from mediasvc.settings import Home, Settings
from mediasvc.store import in_turns, ledger
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.queue import finish_discards
from mediasvc.work.turns import in_parts
from samples.synthesis import study, write_disc
from tests.conftest import Program


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files in each part."""
    monkeypatch.setattr(in_parts, "PART", 2)
    monkeypatch.setattr(in_turns, "SMALLEST", 1)
    monkeypatch.setattr(in_turns, "SECONDS", 0)
    monkeypatch.setattr(in_turns, "PAUSE", 0)


def power_cut(work: Callable[..., Any], after: int) -> Callable[..., Any]:
    """``work`` so often, and then no more."""
    left = iter(range(after))

    def broken(*arguments: Any, **more: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return work(*arguments, **more)

    return broken


@pytest.fixture
def waiting(cli: Program, tmp_path: Path) -> Program:
    write_disc(tmp_path / "disc", study(1, 1, count=9))
    assert cli("ingest", tmp_path / "disc").summary["waiting"] == 1
    return cli


@pytest.fixture
def half_discarded(waiting: Program, monkeypatch: pytest.MonkeyPatch) -> Program:
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "settle_all", power_cut(ledger.settle_all, 4))
        assert waiting("queue", "discard", 1, "--reason", "no", "--by", "Ann").code == 130
    [package] = waiting("queue", "show", 1).of("package")
    assert package["state"] == "discarded" and 0 < package["rejected"] < 9
    assert package["held"] + package["rejected"] == 9
    return waiting


def is_discarded(cli: Program) -> None:
    [package] = cli("queue", "show", 1).of("package")
    assert (package["state"], package["rejected"], package["held"]) == ("discarded", 9, 0)
    assert not (cli.home / "staging" / "1").exists()
    assert cli("queue", "discard", 1, "--reason", "no", "--by", "Ann").code == 2


def test_a_discard_that_broke_off_is_finished_by_the_same_command(half_discarded: Program) -> None:
    assert half_discarded("queue", "discard", 1, "--reason", "no", "--by", "Ann").code == 0
    is_discarded(half_discarded)


def test_a_discard_that_broke_off_is_finished_by_the_service(half_discarded: Program) -> None:
    with open_desk(Home(half_discarded.home), Settings()) as desk:
        finish_discards(desk)
    is_discarded(half_discarded)


@pytest.fixture
def desk(waiting: Program) -> Iterator[Desk]:
    with open_desk(Home(waiting.home), Settings()) as desk:
        yield desk


@pytest.mark.parametrize("broken", ["drop_items", "drop_findings"])
def test_a_listing_that_was_half_forgotten_is_forgotten_by_the_next_attempt(
        desk: Desk, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    def left() -> tuple[int, int, int]:
        with desk.store.read() as connection:
            return (len(list(ledger.items(connection, 1))), len(ledger.groups(connection, 1)),
                    len(list(ledger.findings(connection, 1))))

    with desk.store.transaction() as connection:
        ledger.add_findings(connection, 1, [Finding("info", "odd", "IM1", "text", "P01")] * 9)
        package = ledger.package(connection, 1)
    before = left()
    with monkeypatch.context() as patch:
        patch.setattr(ledger, broken, power_cut(getattr(ledger, broken), 2))
        with pytest.raises(KeyboardInterrupt):
            in_parts.forget_listing(desk, package)
    assert (0, 0, 0) < left() < before
    in_parts.forget_listing(desk, package)
    assert left() == (0, 0, 0)
