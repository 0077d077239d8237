"""Packages and their states: one row each, changed in one function that checks the old state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from mediasvc.errors import NotFoundError, StateError
from mediasvc.model import PackageKind, PackageState
from mediasvc.store import states
from mediasvc.store.events import now, record
from mediasvc.store.schema import package as table

_LIVE = ("receiving", "waiting", "done")


@dataclass(frozen=True, slots=True)
class Package:
    """One row of the table. ``fence`` is the claim's: pass it to whatever changes the package."""

    id: int
    kind: PackageKind
    path: str
    location: str
    source: str
    digest: str
    state: PackageState
    reason: str
    arrived_at: str
    changed_at: str
    fence: int
    attempts: int
    duplicate_of: int | None


_COLUMNS = [table.c[field.name] for field in fields(Package)]


def submit(connection: sa.Connection, *, kind: PackageKind, path: str, location: str = "",
           source: str = "", digest: str = "", by: str = "") -> Package:
    """A new package in state receiving, or duplicate when a live one has the same digest."""
    earlier = live_with_digest(connection, digest)
    at = now()
    row = {"kind": kind, "path": path, "location": location or path, "source": source,
           "digest": digest, "state": "duplicate" if earlier else "receiving",
           "duplicate_of": earlier.id if earlier else None, "arrived_at": at, "changed_at": at}
    done = connection.execute(sa.insert(table).values(row).returning(table.c.id))
    number = int(done.scalar_one())
    record(connection, "package", number, str(row["state"]), by=by,
           data={"digest": digest} | ({"duplicate_of": earlier.id} if earlier else {}))
    return package(connection, number)


def live_with_digest(connection: sa.Connection, digest: str) -> Package | None:
    """The package with this content that is received, waiting or done."""
    if not digest:
        return None
    found = connection.execute(sa.select(*_COLUMNS).where(
        table.c.digest == digest, table.c.state.in_(_LIVE))).first()
    return _package(found) if found else None


def package(connection: sa.Connection, number: int) -> Package:
    """Raises NotFoundError."""
    row = connection.execute(sa.select(*_COLUMNS).where(table.c.id == number)).first()
    if row is None:
        raise NotFoundError(f"There is no package {number}.", "See mediasvc queue list.")
    return _package(row)


def packages(connection: sa.Connection, states_: Iterable[PackageState] = (), *, after: int = 0,
             limit: int = 1000) -> list[Package]:
    """In order of arrival; ``after`` the number of the last one seen turns the page."""
    query = sa.select(*_COLUMNS).where(table.c.id > after).order_by(table.c.id).limit(limit)
    wanted = list(states_)
    if wanted:
        query = query.where(table.c.state.in_(wanted))
    return [_package(row) for row in connection.execute(query)]


def claim(connection: sa.Connection, number: int, *, by: str = "") -> Package:
    """Begin an attempt: a receiving package gets a new fence, and the attempt is counted before it
    is made (C17). Whoever held it before can change nothing any more (C09)."""
    done = connection.execute(sa.update(table).where(
        table.c.id == number, table.c.state == "receiving").values(
        fence=table.c.fence + 1, attempts=table.c.attempts + 1, changed_at=now()))
    if done.rowcount != 1:
        raise StateError(f"Package {number} is {package(connection, number).state}, "
                         "there is nothing to run.")
    claimed = package(connection, number)
    record(connection, "package", number, "claimed", by=by,
           data={"attempt": claimed.attempts, "fence": claimed.fence})
    return claimed


def check_fence(connection: sa.Connection, number: int, fence: int) -> None:
    """Raise StateError when somebody else claimed the package since; ask first in each
    transaction of the line."""
    found = connection.execute(sa.select(table.c.fence).where(table.c.id == number)).scalar()
    if found != fence:
        raise StateError(f"Package {number} was taken over by another worker.")


def change_state(connection: sa.Connection, number: int, *, expect: PackageState,
                 to: PackageState, fence: int | None = None, reason: str = "", by: str = "",
                 duplicate_of: int | None = None, data: dict[str, Any] | None = None) -> Package:
    """The only place where a package's state changes; writes the event with it.

    Raises StateError when the edge is not listed, the state is not ``expect`` any more, or
    ``fence`` (None: a person's change, not a worker's) is not the current one.
    """
    subject = f"Package {number}"
    states.require_edge(states.PACKAGE, subject, expect, to)
    update = sa.update(table).where(table.c.id == number, table.c.state == expect)
    if fence is not None:
        update = update.where(table.c.fence == fence)
    values: dict[str, Any] = {"state": to, "reason": reason, "changed_at": now()}
    if to in ("duplicate", "receiving"):
        values["duplicate_of"] = duplicate_of
    if to == "receiving":  # a person sends it again: the poison counter starts anew
        values["attempts"] = 0
    try:
        done = connection.execute(update.values(values))
    except sa.exc.IntegrityError as error:
        raise StateError(f"{subject}: another package with the same content is already in.") \
            from error
    if done.rowcount != 1:
        present = package(connection, number)
        raise StateError(f"{subject} is {present.state} (claim {present.fence}); somebody else "
                         f"changed it, so it did not become {to}.")
    record(connection, "package", number, to, by=by,
           data={"from": expect, "reason": reason} | (data or {}))
    return package(connection, number)


def describe(connection: sa.Connection, number: int, *, fence: int | None = None,
             **columns: str) -> None:
    """Set ``location``, ``source``, ``kind`` or ``path``, or forget the ``digest``; nothing else.
    """
    unknown = set(columns) - {"location", "source", "kind", "path", "digest"}
    if unknown:
        raise TypeError(f"not a description: {sorted(unknown)}")
    if fence is not None:
        check_fence(connection, number, fence)
    connection.execute(sa.update(table).where(table.c.id == number).values(columns))


def set_digest(connection: sa.Connection, number: int, digest: str, *, fence: int,
               ) -> Package | None:
    """Say what the content is. When a live package has it already, that one is returned and
    nothing is changed: this one is to become its duplicate."""
    check_fence(connection, number, fence)
    earlier = live_with_digest(connection, digest)
    if earlier and earlier.id != number:
        return earlier
    connection.execute(sa.update(table).where(table.c.id == number).values(digest=digest))
    return None


def _package(row: Any) -> Package:
    return Package(*row)
