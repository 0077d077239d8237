"""Studies that are moved to another patient after they were filed, and how to move them back.

A refile is written down first, then its new objects are staged batch by batch. Then the studies
change sides in one transaction, and their instances after them in many; so either patient has all
of it, and what a crash interrupted goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import sqlalchemy as sa

from mediasvc.errors import NotFoundError, StateError
from mediasvc.model import InstanceHeader
from mediasvc.store.db import upsert
from mediasvc.store.index import StoredInstance
from mediasvc.store.schema import instance, series
from mediasvc.store.schema import refile as table
from mediasvc.store.schema import refiled_instance as staged_table

State = Literal["proposed", "running", "moving", "done", "undoing", "returning", "undone",
                "failing", "failed"]
#: running: new objects are written · moving: the studies have moved, their instances follow ·
#: undoing: the objects before are made again · returning: the studies are back, their instances
#: follow · failing: what was written goes again.
UNDER_WAY: tuple[State, ...] = ("running", "moving", "undoing", "returning", "failing")


@dataclass(frozen=True, slots=True)
class Refile:
    """``patient`` and ``target`` are rows of the index. ``groups``: [package, group] of those that
    move as a whole. ``before``: rows as they were, kept by `mediasvc.work.refile_rows`."""

    id: int
    state: State
    patient: int
    target: int
    studies: list[str] = field(default_factory=list)
    groups: list[list[int]] = field(default_factory=list)
    expected: int | None = None
    before: dict[str, Any] | None = None
    by: str = ""
    first: str = ""
    reason: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Staged:
    """``back``: (sha256, offset, length) of the delta in a pack that makes the object before out
    of the new one; length 0: the object before itself is kept."""

    sop_instance_uid: str
    before: StoredInstance
    after: StoredInstance
    back: tuple[str, int, int]


_COLUMNS = [table.c[one.name] for one in fields(Refile)]


def add(connection: sa.Connection, **values: Any) -> Refile:
    number = connection.execute(sa.insert(table).values(values).returning(table.c.id)).scalar_one()
    return get(connection, int(number))


def get(connection: sa.Connection, number: int) -> Refile:
    """Raises NotFoundError."""
    row = connection.execute(sa.select(*_COLUMNS).where(table.c.id == number)).first()
    if row is None:
        raise NotFoundError(f"There is no refile {number}.", "See mediasvc studies refiles.")
    return Refile(*row)


def refiles(connection: sa.Connection, states: Sequence[State] = ()) -> list[Refile]:
    """In order of number."""
    query = sa.select(*_COLUMNS).order_by(table.c.id)
    if states:
        query = query.where(table.c.state.in_(states))
    return [Refile(*row) for row in connection.execute(query)]


def under_way(connection: sa.Connection, studies: Sequence[str]) -> Refile | None:
    """One that is just moving some of the studies."""
    return next((one for one in refiles(connection, UNDER_WAY)
                 if not set(studies).isdisjoint(one.studies)), None)


def under_way_for(connection: sa.Connection, package: int) -> Refile | None:
    """One that is just moving instances of the package."""
    if not refiles(connection, UNDER_WAY):
        return None
    return under_way(connection, list(connection.execute(sa.select(
        series.c.study_instance_uid).distinct().select_from(series.join(instance)).where(
        instance.c.package_id == package)).scalars()))


def change(connection: sa.Connection, number: int, *, expect: State, to: State,
           **values: Any) -> Refile:
    """Raises StateError when it is not in that state any more."""
    done = connection.execute(sa.update(table).where(
        table.c.id == number, table.c.state == expect).values(state=to, **values))
    if done.rowcount != 1:
        raise StateError(f"Refile {number} is {get(connection, number).state}, not {expect}.")
    return get(connection, number)


def stage(connection: sa.Connection, number: int, rows: Iterable[Staged]) -> None:
    """What the new objects' rows will be; the same again changes nothing."""
    connection.execute(
        upsert(connection, staged_table, key=("refile_id", "sop_instance_uid"), update=()),
        [{"refile_id": number, "sop_instance_uid": one.sop_instance_uid,
          "before": _as_json(one.before), "after": _as_json(one.after),
          "back_sha256": one.back[0], "back_offset": one.back[1], "back_length": one.back[2],
          "kept_sha256": one.before.pack_sha256} for one in rows])


def staged_page(connection: sa.Connection, number: int, after: str, size: int) -> list[Staged]:
    """The next ``size`` by UID behind ``after``."""
    rows = connection.execute(sa.select(staged_table).where(
        staged_table.c.refile_id == number, staged_table.c.sop_instance_uid > after).order_by(
        staged_table.c.sop_instance_uid).limit(size)).mappings()
    return [Staged(row["sop_instance_uid"], _stored(row["before"]), _stored(row["after"]),
                   (row["back_sha256"], row["back_offset"], row["back_length"])) for row in rows]


def count_staged(connection: sa.Connection, number: int) -> int:
    return int(connection.execute(sa.select(sa.func.count()).where(
        staged_table.c.refile_id == number)).scalar_one())


def known(connection: sa.Connection, number: int, uids: Sequence[str]) -> set[str]:
    """Those of the UIDs that are staged already."""
    return set(connection.execute(sa.select(staged_table.c.sop_instance_uid).where(
        staged_table.c.refile_id == number,
        staged_table.c.sop_instance_uid.in_(uids))).scalars())


def unstage(connection: sa.Connection, number: int, page: Sequence[Staged]) -> None:
    """Forget what was staged, up to the end of the page."""
    if page:
        connection.execute(sa.delete(staged_table).where(
            staged_table.c.refile_id == number,
            staged_table.c.sop_instance_uid <= page[-1].sop_instance_uid))


def _as_json(one: StoredInstance) -> dict[str, Any]:
    row = asdict(one)
    return row | {"header": one.header.as_json() if one.header else None}


def _stored(row: dict[str, Any]) -> StoredInstance:
    header = row["header"]
    return StoredInstance(**(row | {"header": InstanceHeader(**header) if header else None}))
