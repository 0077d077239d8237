"""The files of a package, one row each, streamed in and out by pages."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, Literal

import sqlalchemy as sa

from mediasvc.errors import StateError
from mediasvc.model import InstanceHeader, ItemState, Role
from mediasvc.span import Span
from mediasvc.store import states
from mediasvc.store.bulk import Row, as_text, execute_many
from mediasvc.store.db import upsert
from mediasvc.store.schema import instance, package, patient_group
from mediasvc.store.schema import item as table

_PAGE = 2000
_CHUNK = 400
#: States of instances about which nothing is decided yet.
OPEN: tuple[ItemState, ...] = ("pending", "held")
#: These change by `settle` only; listing a package again leaves them alone.
_SETTLED = ("state", "reason", "duplicate_of", "object_sha256")
_CHANGE = ("at_number", *(f"to_{name}" for name in _SETTLED[1:]))


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a package. ``state`` is ``""`` for what is no instance and only listed."""

    number: int
    label: str = ""
    length: int = 0
    sha256: str = ""
    role: Role = "instance"
    state: ItemState | Literal[""] = ""
    reason: str = ""
    group_number: int | None = None
    sop_instance_uid: str = ""
    header: InstanceHeader | None = None
    span: Span | None = None
    file_id: str = ""
    duplicate_of: str = ""
    object_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """Where one instance ended, and why."""

    number: int
    state: ItemState
    reason: str = ""
    duplicate_of: str = ""
    object_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """instances = archived + duplicate + quarantined + held + rejected, + pending at work."""

    archived: int = 0
    duplicate: int = 0
    quarantined: int = 0
    held: int = 0
    rejected: int = 0
    pending: int = 0

    @property
    def instances(self) -> int:
        return (self.archived + self.duplicate + self.quarantined + self.held + self.rejected
                + self.pending)


_COLUMNS = [table.c[field.name] for field in fields(Item)]
_WITHOUT_HEADER = [sa.null().label(column.name) if column is table.c.header else column
                   for column in _COLUMNS]
_NAMES = ("package_id", *(field.name for field in fields(Item)))
_DESCRIPTION = tuple(name for name in _NAMES
                     if name not in (*_SETTLED, "package_id", "number"))


def put_items(connection: sa.Connection, package_id: int, items: Iterable[Item]) -> int:
    """Add items, or describe known numbers anew without touching their states; returns how many."""
    statement = upsert(connection, table, key=("package_id", "number"), update=_DESCRIPTION)
    stream, done = iter(items), 0
    while page := list(islice(stream, _PAGE)):
        execute_many(connection, statement, _NAMES, [_row(package_id, one) for one in page])
        done += len(page)
    return done


def name_items(connection: sa.Connection, package_id: int,
               named: Iterable[tuple[int, str, str]]) -> None:
    """Write which item, by number, which Referenced File ID of DICOMDIR means; and its SOP
    Instance UID, where the file itself could not be asked."""
    uid = sa.case((table.c.sop_instance_uid == "", sa.bindparam("to_uid")),
                  else_=table.c.sop_instance_uid)
    update = sa.update(table).where(
        table.c.package_id == package_id, table.c.number == sa.bindparam("at_number"),
    ).values(file_id=sa.bindparam("to_file_id"), sop_instance_uid=uid)
    stream = iter(named)
    while page := list(islice(stream, _PAGE)):
        execute_many(connection, update, ("at_number", "to_file_id", "to_uid"), page)


def items(connection: sa.Connection, package_id: int, *, role: Role | None = None,
          state: ItemState | Literal[""] | None = None, group: int | None = None,
          headers: bool = True, after: int = -1) -> Iterator[Item]:
    """Those behind number ``after``, in order, read by pages: the caller may write between them.

    Without ``headers`` they are None, which is faster where nobody looks at them.
    """
    columns = _COLUMNS if headers else _WITHOUT_HEADER
    query = sa.select(*columns).where(table.c.package_id == package_id)
    for column, value in ((table.c.role, role), (table.c.state, state),
                          (table.c.group_number, group)):
        if value is not None:
            query = query.where(column == value)
    return _pages(connection, query, after)


def twins(connection: sa.Connection, package_id: int) -> Iterator[Item]:
    """The pending instances whose SOP Instance UID the archive or the package itself has too, in
    order of number, without headers."""
    mine = sa.and_(table.c.package_id == package_id, table.c.role == "instance",
                   table.c.state == "pending")
    twice = sa.select(table.c.sop_instance_uid).where(mine).group_by(
        table.c.sop_instance_uid).having(sa.func.count() > 1)
    stored = sa.exists().where(instance.c.sop_instance_uid == table.c.sop_instance_uid)
    # Once for all: asked again for each page it would be asked for the whole package each time.
    numbers = array("q", connection.execute(sa.select(table.c.number).where(
        mine, sa.or_(stored, table.c.sop_instance_uid.in_(twice))).order_by(
        table.c.number)).scalars())
    query = sa.select(*_WITHOUT_HEADER).where(table.c.package_id == package_id)
    for start in range(0, len(numbers), _CHUNK):
        part = numbers[start:start + _CHUNK]
        yield from map(_item, connection.execute(query.where(
            table.c.number.in_(part)).order_by(table.c.number)))


def came_since(connection: sa.Connection, package_id: int, group: int) -> Iterator[Item]:
    """What is still to be filed of a group and came into the archive with another package, in
    order of number, without headers."""
    return _pages(connection, sa.select(*_WITHOUT_HEADER).where(
        table.c.package_id == package_id, table.c.group_number == group,
        table.c.state.in_(OPEN),
        sa.exists().where(instance.c.sop_instance_uid == table.c.sop_instance_uid)))


def _pages(connection: sa.Connection, query: sa.Select[Any], last: int = -1) -> Iterator[Item]:
    query = query.order_by(table.c.number).limit(_PAGE)
    while True:
        page = connection.execute(query.where(table.c.number > last)).all()
        for row in page:
            yield _item(row)
        if len(page) < _PAGE:
            return
        last = page[-1].number


def item(connection: sa.Connection, package_id: int, number: int) -> Item | None:
    row = connection.execute(sa.select(*_COLUMNS).where(
        table.c.package_id == package_id, table.c.number == number)).first()
    return _item(row) if row else None


def settle(connection: sa.Connection, package_id: int, settled: Iterable[Settled]) -> int:
    """Change the states of items along the listed edges; the same state again is allowed.

    Raises StateError, changing nothing, when one item is missing or may not go there.
    """
    by_state: dict[ItemState, list[Settled]] = {}
    for one in settled:
        by_state.setdefault(one.state, []).append(one)
    for state, changes in by_state.items():
        allowed = (*states.may_become(states.ITEM, state), state)
        update = sa.update(table).where(
            table.c.package_id == package_id, table.c.number == sa.bindparam("at_number"),
            sa.or_(*(table.c.state == old for old in allowed))).values(state=state, **{
                name: sa.bindparam(f"to_{name}") for name in _SETTLED[1:]})
        with connection.begin_nested():
            done = execute_many(connection, update, _CHANGE, [_change(one) for one in changes])
            if done != len(changes):
                raise StateError(f"Package {package_id}: {len(changes) - done} of its items "
                                 f"cannot become {state}.")
    return sum(map(len, by_state.values()))


def hold_back(connection: sa.Connection, package_id: int, spans: dict[int, Span], reason: str,
              ) -> None:
    """Archived items, by number, are held again; their bytes lie where their span says. Raises
    StateError when one is not archived."""
    if not spans:
        return
    done = connection.execute(sa.update(table).where(
        table.c.package_id == package_id, table.c.number == sa.bindparam("at_number"),
        table.c.state == "archived").values(
        state="held", reason=reason, object_sha256="", span=sa.bindparam("to_span")),
        [{"at_number": number, "to_span": span.as_json()} for number, span in spans.items()])
    if done.rowcount != len(spans):
        raise StateError(f"Package {package_id} changed meanwhile.")


def last_number(connection: sa.Connection, package_id: int) -> int:
    """-1 where there is no item."""
    found = connection.execute(sa.select(sa.func.max(table.c.number)).where(
        table.c.package_id == package_id)).scalar()
    return -1 if found is None else int(found)


def unsettled(connection: sa.Connection, package_id: int, group_state: str,
              olds: Sequence[ItemState]) -> bool:
    """Whether patient groups in ``group_state`` have items in one of the states ``olds``."""
    return bool(connection.execute(sa.select(sa.exists().where(
        _of_groups(package_id, group_state), table.c.state.in_(olds)))).scalar())


def settle_groups(connection: sa.Connection, package_id: int, group_state: str,
                  olds: Sequence[ItemState], new: ItemState, first: int, stop: int) -> None:
    """Those of items ``first`` to ``stop`` (not with it) that are in one of the states ``olds``,
    and whose patient group is in ``group_state``, become ``new`` by that decision."""
    for old in olds:
        states.require_edge(states.ITEM, "An item", old, new)
    connection.execute(sa.update(table).where(
        _of_groups(package_id, group_state), table.c.state.in_(olds), table.c.number >= first,
        table.c.number < stop).values(state=new, reason="decision", duplicate_of="",
                                      object_sha256=""))


def _of_groups(package_id: int, group_state: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.package_id == package_id, table.c.group_number.in_(
        sa.select(patient_group.c.number).where(patient_group.c.package_id == package_id,
                                                patient_group.c.state == group_state)))


def settle_all(connection: sa.Connection, package_id: int, *, old: ItemState, new: ItemState,
               reason: str = "", first: int = 0, stop: int | None = None) -> int:
    """Every item, or those from ``first`` to ``stop`` (not with it), that is ``old`` becomes
    ``new``; returns how many."""
    states.require_edge(states.ITEM, "An item", old, new)
    update = sa.update(table).where(table.c.package_id == package_id, table.c.state == old)
    if stop is not None:
        update = update.where(table.c.number >= first, table.c.number < stop)
    return connection.execute(update.values(
        state=new, reason=reason, duplicate_of="", object_sha256="")).rowcount


def counts(connection: sa.Connection, package_id: int, *, group: int | None = None) -> Counts:
    """Counted by the database from the rows themselves (invariant 2)."""
    query = sa.select(table.c.state, sa.func.count()).where(
        table.c.package_id == package_id, table.c.state != "").group_by(table.c.state)
    if group is not None:
        query = query.where(table.c.group_number == group)
    return Counts(**dict(connection.execute(query).all()))


def role_counts(connection: sa.Connection, package_id: int) -> dict[str, int]:
    """How many items of each role; absent roles are absent."""
    query = sa.select(table.c.role, sa.func.count()).where(
        table.c.package_id == package_id).group_by(table.c.role)
    return dict(connection.execute(query).all())


def drop_items(connection: sa.Connection, package_id: int, first: int, stop: int) -> None:
    """Forget items ``first`` to ``stop`` (not with it) of the list, to make it again. Raises
    StateError once an instance of the package is archived."""
    if _has(connection, package_id, ("archived",)):
        raise StateError(f"Package {package_id} has archived instances; its list stays.")
    connection.execute(sa.delete(table).where(
        table.c.package_id == package_id, table.c.number >= first, table.c.number < stop))


def has_open(connection: sa.Connection, package_id: int) -> bool:
    """Whether what becomes of some item is still to be decided."""
    return _has(connection, package_id, OPEN)


def discarded_with_open(connection: sa.Connection) -> list[int]:
    """Packages that were given up and have such items."""
    return list(connection.execute(sa.select(package.c.id).where(
        package.c.state == "discarded", sa.exists().where(
            table.c.package_id == package.c.id, table.c.state.in_(OPEN)))).scalars())


def _has(connection: sa.Connection, package_id: int, wanted: Sequence[ItemState]) -> bool:
    return bool(connection.execute(sa.select(sa.exists().where(
        table.c.package_id == package_id, table.c.state.in_(wanted)))).scalar())


def _row(package_id: int, one: Item) -> Row:
    return (package_id, one.number, one.label, one.length, one.sha256, one.role, one.state,
            one.reason, one.group_number, one.sop_instance_uid,
            as_text(one.header.as_json() if one.header else None),
            as_text(one.span.as_json() if one.span else None), one.file_id, one.duplicate_of,
            one.object_sha256)


def _item(row: Any) -> Item:
    *before, header, span, file_id, duplicate_of, object_sha256 = row
    known = (InstanceHeader(**header) if header else None,
             Span.from_json(span) if span else None)
    return Item(*(*before, *known, file_id, duplicate_of, object_sha256))


def _change(one: Settled) -> Row:
    return one.number, one.reason, one.duplicate_of, one.object_sha256
