"""Items of a package are changed a part at a time: nobody waits long for the ledger, and memory
stays flat, because SQLite keeps what one statement changes until it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mediasvc.model import ItemState
from mediasvc.store import ledger
from mediasvc.store.in_turns import Turns
from mediasvc.store.ledger import Package
from mediasvc.work.desk import Desk

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

PART = 5_000
Part = Callable[["Connection", int, int], object]
#: Patient groups in this state have no items in these states, but in that.
SETTLED: tuple[tuple[str, tuple[ItemState, ...], ItemState], ...] = (
    ("waiting", ("pending",), "held"), ("rejected", ("pending", "held"), "rejected"))


def in_parts(desk: Desk, package: Package, work: Part) -> None:
    """Call ``work(connection, first, stop)`` for ranges of item numbers, as whose claim has it."""
    def part(connection: Connection, first: int, stop: int) -> None:
        ledger.check_fence(connection, package.id, package.fence)
        work(connection, first, stop)

    with desk.store.read() as connection:
        last = ledger.last_number(connection, package.id)
    if last < PART:
        with desk.store.transaction() as connection:
            part(connection, 0, last + 1)
        return
    with desk.store.aside() as aside:
        Turns(aside).take(part, 0, last + 1, PART)


def forget_listing(desk: Desk, package: Package) -> None:
    """Items, findings and patient groups go, to be made again. What a crash leaves of them is
    forgotten by the next attempt. Raises StateError once something is filed."""
    def some_findings(connection: Connection, size: int) -> int:
        ledger.check_fence(connection, package.id, package.fence)
        return ledger.drop_findings(connection, package.id, size)

    in_parts(desk, package, lambda connection, first, stop: ledger.drop_items(
        connection, package.id, first, stop))
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        ledger.drop_groups(connection, package.id)
        few = ledger.drop_findings(connection, package.id, PART) < PART
    if not few:
        with desk.store.aside() as aside:
            Turns(aside).repeat(some_findings, PART)


def settle_by_group(desk: Desk, package: Package) -> None:
    """What was decided, or is to be, of patient groups holds for their items."""
    for state, olds, new in SETTLED:
        with desk.store.read() as connection:
            if not ledger.unsettled(connection, package.id, state, olds):
                continue
        in_parts(desk, package, _settling(package.id, state, olds, new))


def _settling(package_id: int, state: str, olds: tuple[ItemState, ...], new: ItemState) -> Part:
    return lambda connection, first, stop: ledger.settle_groups(
        connection, package_id, state, olds, new, first, stop)
