"""A whole import is taken back: received bytes to staging, rows and objects out of the archive."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from mediasvc.errors import StateError
from mediasvc.model import Finding
from mediasvc.span import Span
from mediasvc.store import expected, holds, index, ledger, removal
from mediasvc.store.durable import Shelf
from mediasvc.store.ledger import Package, PatientGroup, Settled
from mediasvc.store.removal import Removed
from mediasvc.store.scratch import Scratch
from mediasvc.work import attached
from mediasvc.work.desk import Desk
from mediasvc.work.queue import discard
from mediasvc.work.restore import restore

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

PAGE = 500
TAKEN_BACK = "taken-back"


def undo(desk: Desk, number: int, by: str) -> Removed:
    """Take package ``number`` out of the archive; it waits for a decision again.

    The received bytes are proven and durable in staging before any row goes, and rows go before
    files do. What was attached from it (`mediasvc.work.attach`) is taken back first and given up:
    whoever decides anew decides for that too. Raises StateError when nothing of it is filed.
    """
    with desk.store.read() as connection:
        package = ledger.package(connection, number)
        filed = [group for group in ledger.groups(connection, number)
                 if group.state == "filed"]
    if not filed:
        raise StateError(f"Package {number} is {package.state}; nothing of it is filed.")
    others = _undo_attached(desk, number, by)
    received = _restore_all(desk, package)
    with desk.store.transaction() as connection:
        _back_to_waiting(connection, package, received, filed, by)
        expected.reopen(connection, number)
        removed = removal.remove_package(connection, number, by=by)
        for dependent in removed.dependents:
            ledger.add_findings(connection, dependent, [_no_longer_here(number)])
    forget_given_up(desk)
    for other in others:
        removed = _together(removed, other)
    return removed


def _waited(group: PatientGroup) -> list[dict[str, str]]:
    """Why it waited before it was decided."""
    return [wait for wait in (group.evidence or {}).get("waits", ()) if wait["code"] != TAKEN_BACK]


def _together(one: Removed, other: Removed) -> Removed:
    return Removed(
        one.instances + other.instances, one.series + other.series, one.studies + other.studies,
        one.patients + other.patients, tuple(sorted({*one.discs, *other.discs})),
        tuple(sorted({*one.dependents, *other.dependents})))


def _undo_attached(desk: Desk, number: int, by: str) -> list[Removed]:
    with desk.store.read() as connection:
        filed = attached.packages_of(connection, number)
    removed = [undo(desk, other, by) for other in filed]
    with desk.store.read() as connection:
        waiting = attached.open_packages_of(connection, number)
    for other in waiting:
        discard(desk, other, reason=f"package {number} was taken back", by=by)
    return removed


def _no_longer_here(number: int) -> Finding:
    return Finding("error", "duplicate-taken-back", "",
                   f"Instances that were here already came with package {number}, which was taken "
                   "back. Bring this package in again to file them.", "I11")


def forget_given_up(desk: Desk) -> None:
    """Delete files whose delete-intent is committed; also at start, after a crash in between."""
    while True:
        with desk.store.read() as connection:
            intents = removal.given_up(connection)
        if not intents:
            return
        desk.objects.remove(sha256 for kind, sha256 in intents if kind == "object")
        desk.received.remove(sha256 for kind, sha256 in intents if kind == "pack")
        with desk.store.transaction() as connection:
            removal.forget_given_up(connection, [sha256 for _, sha256 in intents])


def _restore_all(desk: Desk, package: Package) -> Shelf:
    """The received bytes of everything that the package brought, durable in staging."""
    folder = desk.home.staging / str(package.id)
    shelf = Shelf(folder / "items", Scratch(folder / "tmp"), ".dcm", fan_out=False, mode=0o400)
    with desk.store.read() as connection:
        source = index.package_instances(connection, package.id, headers=False)
        while page := list(islice(source, PAGE)):
            names = {one.sop_instance_uid: shelf.temp() for one in page}
            done = list(restore(desk, page, names))
            shelf.place_many([(one.path, one.instance.received_sha256) for one in done])
    return shelf


def _back_to_waiting(connection: Connection, package: Package, received: Shelf,
                     filed: list[PatientGroup], by: str) -> None:
    """What is filed waits again, with its bytes in staging. Raises StateError when some came in
    meanwhile."""
    items = ledger.items(connection, package.id, state="archived")
    while page := list(islice(items, PAGE)):
        if not all(received.exists(item.sha256) for item in page):
            raise StateError(f"Package {package.id} changed meanwhile.", "Try again.")
        ledger.put_items(connection, package.id, [replace(item, span=Span(
            str(received.path(item.sha256)), 0, item.length)) for item in page])
        ledger.settle(connection, package.id,
                      [Settled(item.number, "held", TAKEN_BACK) for item in page])
    for group in filed:
        waits = [*_waited(group), {"code": TAKEN_BACK,
                                   "text": f"It was filed, and {by} took it back."}]
        ledger.change_group(connection, package.id, group.number, expect="filed", to="waiting",
                            by=by, evidence={"waits": waits})
        holds.set_order_numbers(connection, package.id, group.number, None)
    if package.state != "waiting":  # another group of it may wait already
        ledger.change_state(connection, package.id, expect=package.state, to="waiting",
                            reason="decision", by=by)
