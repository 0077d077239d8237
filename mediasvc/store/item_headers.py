"""What the instances of a package say of patient, study and series, counted by the database.

A disc has thousands of instances and few people: nothing here brings their rows into Python.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import sqlalchemy as sa

from mediasvc.store.schema import item as table


class Identity(NamedTuple):
    """Who one instance says it belongs to, as received; ``""`` for what is absent."""

    patient_id: str
    issuer: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    certain_text: bool = True


def _field(name: str) -> sa.ColumnElement[str]:
    return sa.func.coalesce(table.c.header[name].as_string(), "")


_TEXTS = [_field(name) for name in ("patient_id", "issuer_of_patient_id", "patient_name",
                                    "patient_birth_date", "patient_sex")]
#: `InstanceHeader.as_json` has the key only where it is set.
_CERTAIN = table.c.header["uncertain_text"].as_string().is_(None)


def _pending(package_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.package_id == package_id, table.c.role == "instance",
                   table.c.state == "pending")


def identities(connection: sa.Connection, package_id: int) -> Counter[Identity]:
    """Every identity among the pending instances, with their number."""
    found = connection.execute(sa.select(*_TEXTS, _CERTAIN, sa.func.count()).where(
        _pending(package_id)).group_by(*_TEXTS, _CERTAIN))
    return Counter({Identity(*texts, certain_text=bool(certain)): count
                    for *texts, certain, count in found})


def assign_group(connection: sa.Connection, package_id: int, identity: Identity,
                 number: int) -> None:
    """The pending instances of ``identity`` belong to patient group ``number``."""
    same = [column == text for column, text in zip(_TEXTS, identity[:-1], strict=True)]
    connection.execute(sa.update(table).where(
        _pending(package_id), *same, _CERTAIN.is_(identity.certain_text),
    ).values(group_number=number))


def assign_held(connection: sa.Connection, package_id: int, reason: str, number: int) -> int:
    """The instances held for ``reason`` belong to group ``number``; returns how many."""
    return connection.execute(sa.update(table).where(
        table.c.package_id == package_id, table.c.state == "held", table.c.reason == reason,
    ).values(group_number=number)).rowcount


def series_of(connection: sa.Connection, package_id: int, group: int) -> list[tuple[str, str]]:
    """(Study Instance UID, Series Instance UID) of a group, each pair once."""
    pair = _field("study_instance_uid"), _field("series_instance_uid")
    return [(study, series) for study, series in connection.execute(
        sa.select(*pair).distinct().where(
            table.c.package_id == package_id, table.c.group_number == group,
            table.c.header.is_not(None)).order_by(*pair))]
