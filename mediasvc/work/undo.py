"""A whole import is taken back: received bytes to staging, rows and objects out of the archive.

Meanwhile the package is ``receiving`` for the reason ``taking-back``, and nobody else works on it.
Its rows go a part at a time, so that nobody waits for long; whatever a crash leaves of that is
finished by the same command, or by the line when the service starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediasvc.errors import StateError
from mediasvc.model import Finding
from mediasvc.span import Span
from mediasvc.store import expected, holds, index, ledger, refiles, removal
from mediasvc.store.durable import Shelf
from mediasvc.store.in_turns import Turns
from mediasvc.store.ledger import Event, Package, PatientGroup
from mediasvc.store.removal import Removed
from mediasvc.store.scratch import Scratch
from mediasvc.work.desk import Desk
from mediasvc.work.queue import discard
from mediasvc.work.restore import restore
from mediasvc.work.turns.alone import alone
from mediasvc.work.waiting import attached

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

PAGE = 500
TAKEN_BACK, TAKING_BACK = "taken-back", "taking-back"


def undo(desk: Desk, number: int, by: str) -> Removed:
    """Take package ``number`` out of the archive; it waits for a decision again.

    The received bytes are proven and durable in staging before any row goes, and rows go before
    files do. What was attached from it (`mediasvc.work.waiting.attach`) is taken back first and
    given up: whoever decides anew decides for that too. Raises StateError when nothing of it is
    filed, LockedError when another process works on it.
    """
    with alone(desk, number):
        with desk.store.read() as connection:
            package = ledger.package(connection, number)
            filed = _filed(connection, number)
        others: list[Removed] = []
        if not is_being_taken_back(package):
            if not filed:
                raise StateError(f"Package {number} is {package.state}; nothing of it is filed.")
            others = _undo_attached(desk, number, by)
            _restore_all(desk, package)
            _begin(desk, package, by)
        removed = finish(desk, number)
    for other in others:
        removed = _together(removed, other)
    return removed


def is_being_taken_back(package: Package) -> bool:
    return (package.state, package.reason) == ("receiving", TAKING_BACK)


def finish(desk: Desk, number: int) -> Removed:
    """From the first row that goes to the last; also after a crash. Nobody else may work on it."""
    with desk.store.read() as connection:
        begun = ledger.last_event(connection, "package", number, TAKING_BACK)
    if begun is None:
        raise StateError(f"Package {number} is not being taken back.")
    shelf = _shelf(desk, number)

    def drop(connection: Connection, size: int) -> int:
        dropped = removal.drop_instances(connection, number, size, begun.seq)
        if not all(shelf.exists(one.received_sha256) for one in dropped):
            raise StateError(f"Package {number} changed meanwhile.", "Try again.")
        ledger.hold_back(connection, number, {one.item_number: Span(
            str(shelf.path(one.received_sha256)), 0, one.received_length)
            for one in dropped}, TAKEN_BACK)
        return len(dropped)

    with desk.store.aside() as aside:
        Turns(aside).repeat(drop, PAGE)
    removed = _back_to_waiting(desk, number, begun)
    forget_given_up(desk)
    return removed


def _filed(connection: Connection, number: int) -> list[PatientGroup]:
    return [group for group in ledger.groups(connection, number) if group.state == "filed"]


def _begin(desk: Desk, package: Package, by: str) -> None:
    with desk.store.read() as connection:
        expect = removal.foresee(connection, package.id)
    with desk.store.transaction() as connection:
        if moving := refiles.under_way_for(connection, package.id):
            raise StateError(f"Studies of package {package.id} are just being moved "
                             f"(refile {moving.id}).", "Try again when that is done.")
        ledger.record(connection, "package", package.id, TAKING_BACK, by=by, data={
            "instances": expect.instances, "series": expect.series, "studies": expect.studies,
            "discs": list(expect.discs)})
        ledger.change_state(connection, package.id, expect=package.state, to="receiving",
                            reason=TAKING_BACK, by=by)


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


def _shelf(desk: Desk, number: int) -> Shelf:
    folder = desk.home.staging / str(number)
    return Shelf(folder / "items", Scratch(folder / "tmp"), ".dcm", fan_out=False, mode=0o400)


def _restore_all(desk: Desk, package: Package) -> None:
    """The received bytes of everything that the package brought, durable in staging."""
    shelf = _shelf(desk, package.id)
    last = ""
    while True:
        with desk.store.read() as connection:
            page = index.package_page(connection, package.id, last, PAGE)
        if not page:
            return
        last = page[-1].sop_instance_uid
        names = {one.sop_instance_uid: shelf.temp() for one in page
                 if not shelf.exists(one.received_sha256)}
        done = list(restore(desk, [one for one in page if one.sop_instance_uid in names], names))
        shelf.place_many([(one.path, one.instance.received_sha256) for one in done])


def _back_to_waiting(desk: Desk, number: int, begun: Event) -> Removed:
    """What was filed waits for a decision again."""
    with desk.store.transaction() as connection:
        depending = removal.dependents(connection, number, TAKEN_BACK)
        for group in _filed(connection, number):
            waits = [*_waited(group), {"code": TAKEN_BACK,
                                       "text": f"It was filed, and {begun.by} took it back."}]
            ledger.change_group(connection, number, group.number, expect="filed", to="waiting",
                                by=begun.by, evidence={"waits": waits})
            holds.set_order_numbers(connection, number, group.number, None)
        expected.reopen(connection, number)
        removed = Removed(**begun.data | {"discs": tuple(begun.data["discs"])},
                          patients=removal.drop_people(connection, number), dependents=depending)
        for dependent in depending:
            ledger.add_findings(connection, dependent, [_no_longer_here(number)])
        ledger.record(connection, "package", number, TAKEN_BACK, by=begun.by, data=begun.data | {
            "patients": removed.patients, "dependents": list(depending)})
        ledger.change_state(connection, number, expect="receiving", to="waiting",
                            reason="decision", by=begun.by)
    return removed
