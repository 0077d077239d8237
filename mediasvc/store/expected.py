"""Expected imports: "this patient will bring a disc from there", registered by a person or ordered
by another system.

A row is open until a package has answered it or somebody ended it; taking the package back opens it
again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import sqlalchemy as sa

from mediasvc.errors import NotFoundError, StateError
from mediasvc.store.events import now, record
from mediasvc.store.schema import expected_import as table

#: Whoever registered one was an order of the patient feed, by its number.
BY_MESSAGE = "message:"


@dataclass(frozen=True, slots=True)
class Procedure:
    """What the order says; ``""`` where it says nothing (STANDARD 2.9, scheduled import)."""

    accession_number: str = ""
    requested_procedure_id: str = ""
    requested_procedure_description: str = ""
    scheduled_procedure_step_id: str = ""
    procedure_code: str = ""
    coding_scheme: str = ""
    code_meaning: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """``patient`` is the row in the index. ``source`` empty: from anybody. ``valid_until`` is a
    date (YYYY-MM-DD), empty without an end. ``package`` answered it."""

    id: int
    patient: int
    source: str
    valid_until: str
    procedure: Procedure
    registered_by: str
    registered_at: str
    package: int | None
    ended_at: str
    order_key: str = ""
    order_at: str = ""

    @property
    def is_open(self) -> bool:
        return self.package is None and not self.ended_at


def register(connection: sa.Connection, patient: int, procedure: Procedure, *, source: str,
             valid_until: str, by: str) -> Expected:
    number = connection.execute(sa.insert(table).values(
        patient=patient, source=source, valid_until=valid_until, registered_by=by,
        registered_at=now(), **asdict(procedure))).inserted_primary_key
    assert number
    record(connection, "patient", patient, "import-expected", by=by,
           data={"expected": number[0], "source": source, "valid_until": valid_until})
    return get(connection, number[0])


def get(connection: sa.Connection, number: int) -> Expected:
    """Raises NotFoundError."""
    found = _rows(connection, table.c.id == number)
    if not found:
        raise NotFoundError(f"There is no expected import {number}.", "See mediasvc expect list.")
    return found[0]


def expected(connection: sa.Connection, *, patient: int | None = None, every: bool = False,
             ) -> list[Expected]:
    """The open ones in the order of registration; with ``every`` also what is over."""
    wanted = [] if every else [table.c.package_id.is_(None), table.c.ended_at == ""]
    if patient is not None:
        wanted.append(table.c.patient == patient)
    return _rows(connection, *wanted)


def of_package(connection: sa.Connection, package_id: int, patient: int) -> Expected | None:
    """The one that this package answered for this patient."""
    found = _rows(connection, table.c.package_id == package_id, table.c.patient == patient)
    return found[0] if found else None


def answer(connection: sa.Connection, one: Expected, package_id: int) -> None:
    """The disc has come. Raises StateError when another one was faster."""
    if not _change(connection, one.id, package_id=package_id):
        raise StateError(f"Expected import {one.id} is over.")


def end(connection: sa.Connection, number: int, by: str) -> None:
    """Nobody comes any more. Raises NotFoundError, StateError when it is over already."""
    one = get(connection, number)
    if not _change(connection, number, ended_at=now(), ended_by=by):
        raise StateError(f"Expected import {number} is over.")
    record(connection, "patient", one.patient, "expected-ended", by=by, data={"expected": number})


def reopen(connection: sa.Connection, package_id: int) -> None:
    """The package was taken back: what it answered is expected again."""
    connection.execute(sa.update(table).where(table.c.package_id == package_id)
                       .values(package_id=None))


def by_order(connection: sa.Connection, order_key: str) -> Expected | None:
    """The one that another system's order made."""
    found = _rows(connection, table.c.order_key == order_key) if order_key else []
    return found[0] if found else None


def register_order(connection: sa.Connection, patient: int, procedure: Procedure, *,
                   order_key: str, order_at: str, source: str, valid_until: str, by: str,
                   ended: bool = False) -> Expected:
    """As `register`, for an order; ``ended`` when its end came before its beginning."""
    one = register(connection, patient, procedure, source=source, valid_until=valid_until, by=by)
    connection.execute(sa.update(table).where(table.c.id == one.id).values(
        order_key=order_key, order_at=order_at,
        **({"ended_at": now(), "ended_by": by} if ended else {})))
    return get(connection, one.id)


def change_order(connection: sa.Connection, number: int, patient: int, procedure: Procedure, *,
                 order_at: str, source: str, valid_until: str, by: str) -> None:
    """What is new about an order that no disc has answered; one that had ended is open again."""
    done = connection.execute(sa.update(table).where(
        table.c.id == number, table.c.package_id.is_(None)).values(
        patient=patient, source=source, valid_until=valid_until, order_at=order_at, ended_at="",
        ended_by="", **asdict(procedure)))
    if done.rowcount != 1:
        raise StateError(f"Expected import {number} is over.")
    record(connection, "patient", patient, "expected-changed", by=by, data={"expected": number})


def end_order(connection: sa.Connection, number: int, order_at: str, by: str) -> None:
    """Another system took its order back; said again, nothing changes."""
    one = get(connection, number)
    connection.execute(sa.update(table).where(table.c.id == number).values(order_at=order_at))
    if _change(connection, number, ended_at=now(), ended_by=by):
        record(connection, "patient", one.patient, "expected-ended", by=by,
               data={"expected": number})


def _change(connection: sa.Connection, number: int, **values: object) -> bool:
    return bool(connection.execute(sa.update(table).where(
        table.c.id == number, table.c.package_id.is_(None), table.c.ended_at == "",
    ).values(**values)).rowcount)


def _rows(connection: sa.Connection, *wanted: sa.ColumnElement[bool]) -> list[Expected]:
    rows = connection.execute(sa.select(table).where(*wanted).order_by(table.c.id)).mappings()
    return [Expected(
        id=row["id"], patient=row["patient"], source=row["source"], valid_until=row["valid_until"],
        procedure=Procedure(**{field.name: row[field.name] for field in fields(Procedure)}),
        registered_by=row["registered_by"], registered_at=row["registered_at"],
        package=row["package_id"], ended_at=row["ended_at"], order_key=row["order_key"],
        order_at=row["order_at"]) for row in rows]
