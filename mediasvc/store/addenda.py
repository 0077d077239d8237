"""Files that one package lacked, or could not use, and a later one brought (FIELD N1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from mediasvc.model import Role
from mediasvc.store.schema import instance
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
    missing, here = table.alias("missing"), table.alias("here")
    came = sa.exists().where(here.c.package_id == package_id, here.c.role == "instance",
                             here.c.sop_instance_uid == missing.c.sop_instance_uid)
    query = sa.select(missing.c.package_id, sa.func.sum(sa.case((came, 1), else_=0)),
                      sa.func.count()).where(
        missing.c.role.in_(LACKED), missing.c.package_id < package_id,
        missing.c.sop_instance_uid != "").group_by(missing.c.package_id)
    return [Completion(number, int(found), lacked)
            for number, found, lacked in connection.execute(query.order_by(missing.c.package_id))
            if found]


def came_with(connection: sa.Connection, package_id: int, uids: Sequence[str]) -> dict[str, int]:
    """SOP Instance UID → the other package that brought it, for those that are in the archive."""
    found: dict[str, int] = {}
    for start in range(0, len(uids), _CHUNK):
        found.update(connection.execute(sa.select(
            instance.c.sop_instance_uid, instance.c.package_id).where(
            instance.c.sop_instance_uid.in_(uids[start:start + _CHUNK]),
            instance.c.package_id != package_id)).all())
    return found
