"""What the archive holds of a study, as somebody wants it who takes it away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mediasvc.model import InstanceHeader
from mediasvc.store.schema import instance, object_, series

_PAGE = 2000
_NAMES = (instance.c.sop_instance_uid, instance.c.object_sha256)
_FROM = instance.join(series)


@dataclass(frozen=True, slots=True)
class HeldInstance:
    """``length`` of the object, -1 where nobody knows it; ``header`` as it was read from the
    object when it was placed, None where that is not known."""

    sop_instance_uid: str
    object_sha256: str
    length: int
    header: InstanceHeader | None = None


def held_instances(connection: sa.Connection, study_uid: str) -> Iterator[HeldInstance]:
    """Those of a study by series and UID; what the database sorts in memory is one series."""
    for series_uid in connection.scalars(sa.select(series.c.series_instance_uid).where(
            series.c.study_instance_uid == study_uid).order_by(
            series.c.series_instance_uid)).all():
        query = sa.select(*_NAMES, object_.c.length, instance.c.header).select_from(
            instance.outerjoin(object_, object_.c.sha256 == instance.c.object_sha256)).where(
            instance.c.series_instance_uid == series_uid).order_by(instance.c.sop_instance_uid)
        for uid, sha256, length, header in connection.execution_options(
                yield_per=_PAGE).execute(query):
            yield HeldInstance(uid, sha256, -1 if length is None else length, _header(header))


def held_names(connection: sa.Connection, study_uid: str) -> Iterator[HeldInstance]:
    """The same in any order, without lengths and headers."""
    query = sa.select(*_NAMES).select_from(_FROM).where(series.c.study_instance_uid == study_uid)
    for uid, sha256 in connection.execution_options(yield_per=_PAGE).execute(query):
        yield HeldInstance(uid, sha256, -1)


def _header(row: dict[str, Any] | None) -> InstanceHeader | None:
    """None also for what another version wrote: then the object tells."""
    try:
        return InstanceHeader.from_json(row) if row else None
    except TypeError:
        return None
