"""What a person or the line notes about a patient group besides its decision.

A hold puts a waiting group aside. Order numbers are those that its instances get when it is filed:
decided once, so that going on after a crash writes the same ones.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from mediasvc.errors import StateError
from mediasvc.store.events import now, record
from mediasvc.store.expected import Procedure
from mediasvc.store.schema import patient_group as table


@dataclass(frozen=True, slots=True)
class Hold:
    """Who put the group aside, why and when."""

    by: str
    reason: str
    at: str


def put_aside(connection: sa.Connection, package_id: int, number: int, *, by: str, reason: str,
              ) -> None:
    """The group waits on, listed apart; said again, the last word counts. Raises StateError when
    it does not wait."""
    done = connection.execute(sa.update(table).where(
        _is(package_id, number), table.c.state == "waiting").values(
        hold_by=by, hold_reason=reason, hold_at=now()))
    if done.rowcount != 1:
        raise StateError(f"Patient group {number} of package {package_id} does not wait.")
    record(connection, "package", package_id, "group-on-hold", by=by,
           data={"group": number, "reason": reason})


def release(connection: sa.Connection, package_id: int, number: int) -> None:
    """Whatever is decided about it, it is on hold no more."""
    connection.execute(sa.update(table).where(_is(package_id, number)).values(
        hold_by="", hold_reason="", hold_at=""))


def holds(connection: sa.Connection, package_id: int) -> dict[int, Hold]:
    """Group number → its hold, for the groups of a package that are put aside."""
    rows = connection.execute(sa.select(
        table.c.number, table.c.hold_by, table.c.hold_reason, table.c.hold_at).where(
        table.c.package_id == package_id, table.c.state == "waiting", table.c.hold_at != "",
    ).order_by(table.c.number))
    return {number: Hold(*rest) for number, *rest in rows}


def order_numbers(connection: sa.Connection, package_id: int, number: int) -> Procedure | None:
    """What was decided of the order; None while nothing was."""
    found = connection.execute(sa.select(table.c.order_numbers).where(
        _is(package_id, number))).scalar()
    return None if found is None else Procedure(**found)


def set_order_numbers(connection: sa.Connection, package_id: int, number: int,
                      procedure: Procedure | None) -> None:
    """Once, when the group is decided; None when its decision is forgotten."""
    numbers = None if procedure is None else {
        name: value for name, value in asdict(procedure).items() if value}
    connection.execute(sa.update(table).where(_is(package_id, number)).values(
        order_numbers=numbers))


def _is(package_id: int, number: int) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.package_id == package_id, table.c.number == number)
