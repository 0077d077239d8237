"""Files that one package lacked, or could not use, and a later one brought (FIELD N1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from mediasvc.model import Role
from mediasvc.store.schema import instance, package
from mediasvc.store.schema import item as table

_CHUNK = 400
#: What a package does not have: named by its DICOMDIR only, or there and of no use.
LACKED: tuple[Role, ...] = ("missing", "refused")


@dataclass(frozen=True, slots=True)
class Completion:
    """``came`` of the ``lacked`` files of ``package`` whose SOP Instance UID is known."""

    package: int
    came: int
    lacked: int


def completes(connection: sa.Connection, package_id: int) -> list[Completion]:
    """Which earlier packages the instances of this one complete, by SOP Instance UID."""
    missing = table.alias("missing")
    here = sa.select(table.c.sop_instance_uid).distinct().where(
        table.c.package_id == package_id, table.c.role == "instance").subquery()
    query = sa.select(missing.c.package_id, sa.func.count(here.c.sop_instance_uid),
                      sa.func.count()).select_from(missing.outerjoin(
        here, here.c.sop_instance_uid == missing.c.sop_instance_uid)).where(
        missing.c.package_id.in_(_incomplete(connection, package_id)), *_lacked(missing)).group_by(
        missing.c.package_id).order_by(missing.c.package_id)
    return [Completion(number, came, lacked)
            for number, came, lacked in connection.execute(query) if came]


def _incomplete(connection: sa.Connection, before: int) -> list[int]:
    """Packages that lack something, in order."""
    numbers = list(connection.execute(sa.select(package.c.id).where(
        package.c.id < before).order_by(package.c.id)).scalars())
    query = sa.select(table.c.package_id).distinct().where(*_lacked(table))
    return [number for start in range(0, len(numbers), _CHUNK) for number in connection.execute(
        query.where(table.c.package_id.in_(numbers[start:start + _CHUNK])).order_by(
            table.c.package_id)).scalars()]


def _lacked(items: sa.FromClause) -> tuple[sa.ColumnElement[bool], ...]:
    """By state, too: with the package there is an index on it."""
    return (items.c.state.in_(("", "quarantined")), items.c.role.in_(LACKED),
            items.c.sop_instance_uid != "")


def came_with(connection: sa.Connection, package_id: int, uids: Sequence[str]) -> dict[str, int]:
    """SOP Instance UID → the other package that brought it, for those that are in the archive."""
    found: dict[str, int] = {}
    for start in range(0, len(uids), _CHUNK):
        found.update(connection.execute(sa.select(
            instance.c.sop_instance_uid, instance.c.package_id).where(
            instance.c.sop_instance_uid.in_(uids[start:start + _CHUNK]),
            instance.c.package_id != package_id)).all())
    return found
