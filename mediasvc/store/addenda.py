"""Files that one package lacked and a later one brought (FIELD N1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from mediasvc.store.schema import instance
from mediasvc.store.schema import item as table

_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Completion:
    """``came`` of the ``lacked`` files that DICOMDIR of ``package`` named in vain."""

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
        missing.c.role == "missing", missing.c.package_id < package_id,
        missing.c.sop_instance_uid != "").group_by(missing.c.package_id)
    return [Completion(number, int(found), lacked)
            for number, found, lacked in connection.execute(query.order_by(missing.c.package_id))
            if found]


def came_with(connection: sa.Connection, uids: Sequence[str]) -> dict[str, int]:
    """SOP Instance UID → the package that brought it, for those that are in the archive."""
    found: dict[str, int] = {}
    for start in range(0, len(uids), _CHUNK):
        found.update(connection.execute(sa.select(
            instance.c.sop_instance_uid, instance.c.package_id).where(
            instance.c.sop_instance_uid.in_(uids[start:start + _CHUNK]))).all())
    return found
