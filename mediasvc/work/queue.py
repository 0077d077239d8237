"""What a person may do with a package besides deciding: see what is open, retry, discard."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mediasvc.errors import StateError
from mediasvc.model import PackageState
from mediasvc.store import ledger
from mediasvc.store.items import OPEN
from mediasvc.store.ledger import Package
from mediasvc.work.desk import Desk
from mediasvc.work.turns.alone import alone
from mediasvc.work.turns.in_parts import in_parts

if TYPE_CHECKING:
    from mediasvc.store.db import Connection


def open_packages(desk: Desk, everything: bool) -> list[int]:
    """Numbers of packages that wait, run or failed; of all with ``everything``."""
    wanted: tuple[PackageState, ...] = () if everything else ("receiving", "waiting", "failed")
    numbers: list[int] = []
    with desk.store.read() as connection:
        while page := ledger.packages(connection, wanted, after=numbers[-1] if numbers else 0):
            numbers += [package.id for package in page]
    return numbers


def send_again(desk: Desk, number: int, *, by: str) -> Package:
    """Back to the line: a failed package, or one that waits for its password.

    Raises StateError for any other: a decision is not answered by trying again.
    """
    with desk.store.transaction() as connection:
        package = ledger.package(connection, number)
        if package.state == "receiving":
            return package
        if package.state == "waiting" and package.reason != "password":
            raise StateError(f"Package {number} waits for a decision.",
                             f"See mediasvc queue show {number}.")
        if package.state not in ("failed", "waiting"):
            raise StateError(f"Package {number} is {package.state}; there is nothing to retry.")
        ledger.describe(connection, number, digest="")
        return ledger.change_state(connection, number, expect=package.state, to="receiving",
                                   reason="retry", by=by)


def discard(desk: Desk, number: int, *, reason: str, by: str) -> None:
    """Give up a package that waits or failed. What of it is filed already stays filed.

    It is given up at once, and then its items, a part at a time. What a crash interrupts is
    finished by the same command or the next start of the service. Raises StateError for any other
    package, LockedError when another process works on it.
    """
    with alone(desk, number):
        _reject_items(desk, _given_up(desk, number, reason, by))


def finish_discards(desk: Desk) -> None:
    """Those that a crash interrupted."""
    with desk.store.read() as connection:
        found = [ledger.package(connection, number)
                 for number in ledger.discarded_with_open(connection)]
    for package in found:
        with alone(desk, package.id):
            _reject_items(desk, package)


def _given_up(desk: Desk, number: int, reason: str, by: str) -> Package:
    with desk.store.transaction() as connection:
        package = ledger.package(connection, number)
        if package.state == "discarded" and ledger.has_open(connection, number):
            return package  # a crash came between
        if package.state not in ("waiting", "failed"):
            raise StateError(f"Package {number} is {package.state} and cannot be discarded.",
                             "To take a finished import back use mediasvc studies undo.")
        for group in ledger.groups(connection, number):
            if group.state == "waiting":
                ledger.decide(connection, number, group.number, "reject", by=by,
                              evidence=group.evidence)
        return ledger.change_state(connection, number, expect=package.state, to="discarded",
                                   reason=reason, by=by)


def _reject_items(desk: Desk, package: Package) -> None:
    """Nothing of its bytes is needed any more: they go first, because a crash is seen as long as
    items are open."""
    def reject(connection: Connection, first: int, stop: int) -> None:
        for state in OPEN:
            ledger.settle_all(connection, package.id, old=state, new="rejected",
                              reason="discarded", first=first, stop=stop)

    shutil.rmtree(desk.home.staging / str(package.id), ignore_errors=True)
    in_parts(desk, package, reject)
