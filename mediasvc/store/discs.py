"""Discs that leave: one row each, with the instances they carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, Literal

import sqlalchemy as sa

from mediasvc.errors import NotFoundError, StateError
from mediasvc.store import states
from mediasvc.store.bulk import execute_many
from mediasvc.store.events import now, record
from mediasvc.store.memory import frugal
from mediasvc.store.schema import disc as table
from mediasvc.store.schema import disc_instance, instance, package, series

#: Rows of one statement: each takes a KiB until it is executed.
_AT_ONCE = 2_000
_INSTANCE = ("disc_id", "file_id", "sop_instance_uid", "sha256")
DiscState = Literal["planned", "built", "verified", "released", "failed"]


@dataclass(frozen=True, slots=True)
class Disc:
    """``sha256`` and ``bytes`` of the finished image; ``certificate`` its path in the outbox."""

    id: int
    state: DiscState
    path: str
    profile: str
    sha256: str
    bytes: int
    file_set_id: str
    certificate: str
    created_at: str
    by: str
    recipient: str = ""
    part: str = ""


_COLUMNS = [table.c[field.name] for field in fields(Disc)]


def plan_disc(connection: sa.Connection, *, path: str, profile: str, file_set_id: str,
              by: str = "", recipient: str = "", part: str = "", whose: Sequence[int] = (),
              ) -> Disc:
    """A new row in state planned. ``whose``: rows of the patients whose studies it will carry; the
    ledger keeps them, because on a de-identified disc nothing else tells."""
    row = {"state": "planned", "path": path, "profile": profile, "file_set_id": file_set_id,
           "created_at": now(), "by": by, "recipient": recipient, "part": part}
    number = int(connection.execute(sa.insert(table).values(row).returning(table.c.id))
                 .scalar_one())
    record(connection, "disc", number, "planned", by=by,
           data={"profile": profile, **({"patients": list(whose)} if whose else {})})
    return disc(connection, number)


def disc(connection: sa.Connection, number: int) -> Disc:
    """Raises NotFoundError."""
    row = connection.execute(sa.select(*_COLUMNS).where(table.c.id == number)).first()
    if row is None:
        raise NotFoundError(f"There is no disc {number}.")
    return Disc(*row)


def discs_at(connection: sa.Connection, path: str) -> list[Disc]:
    """Everything that was ever made at ``path``, oldest first."""
    return [Disc(*row) for row in connection.execute(
        sa.select(*_COLUMNS).where(table.c.path == path).order_by(table.c.id))]


def change_disc(connection: sa.Connection, number: int, *, expect: DiscState, to: DiscState,
                by: str = "", note: Mapping[str, str] | None = None, **columns: Any) -> Disc:
    """The only place where a disc's state changes; ``columns``: path, sha256, bytes, certificate.
    ``note``: what the ledger keeps beside it.

    Raises StateError when the edge is not listed or the state is not ``expect`` any more.
    """
    unknown = set(columns) - {"path", "sha256", "bytes", "certificate", "file_set_id"}
    if unknown:
        raise TypeError(f"not a column that changes: {sorted(unknown)}")
    states.require_edge(states.DISC, f"Disc {number}", expect, to)
    done = connection.execute(sa.update(table).where(
        table.c.id == number, table.c.state == expect).values(state=to, **columns))
    if done.rowcount != 1:
        raise StateError(f"Disc {number} is {disc(connection, number).state}, not {expect}.")
    record(connection, "disc", number, to, by=by, data={
        key: columns[key] for key in ("sha256", "bytes") if key in columns} | dict(note or {}))
    return disc(connection, number)


def put_disc_instances(connection: sa.Connection, number: int,
                       rows: Iterable[tuple[str, str, str]]) -> None:
    """``(File ID with "/", SOP Instance UID, sha256 of the file on the disc)``."""
    left = iter(rows)
    with frugal(connection):  # written once and not read soon
        while part := [(number, *row) for row in islice(left, _AT_ONCE)]:
            execute_many(connection, sa.insert(disc_instance), _INSTANCE, part)


def handed_out_files(connection: sa.Connection, uids: Iterable[str]) -> set[tuple[str, str]]:
    """(SOP Instance UID, sha256) of files that we put on released discs ourselves, made of the very
    instances that the index holds now: those were there before the disc."""
    found: set[tuple[str, str]] = set()
    wanted = list(uids)
    for start in range(0, len(wanted), 400):
        found.update((uid, sha256) for uid, sha256 in connection.execute(
            sa.select(disc_instance.c.sop_instance_uid, disc_instance.c.sha256)
            .join(table, table.c.id == disc_instance.c.disc_id)
            .join(instance, instance.c.sop_instance_uid == disc_instance.c.sop_instance_uid)
            .join(package, package.c.id == instance.c.package_id)
            .where(table.c.state == "released", package.c.arrived_at < table.c.created_at,
                   disc_instance.c.sop_instance_uid.in_(wanted[start:start + 400]))))
    return found


def discs_of(connection: sa.Connection, studies: Sequence[str]) -> tuple[int, ...]:
    """Numbers of the released discs that carry any of what is filed in these studies."""
    return tuple(connection.execute(sa.select(table.c.id).distinct().select_from(table.join(
        disc_instance).join(instance, instance.c.sop_instance_uid
                            == disc_instance.c.sop_instance_uid).join(series)).where(
        table.c.state == "released", series.c.study_instance_uid.in_(studies)).order_by(
        table.c.id)).scalars())
