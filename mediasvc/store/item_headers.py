"""What the instances of a package say of patient, study and series, counted by the database.

A disc has thousands of instances and few people: nothing here brings their rows into Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

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


class StudyHeld(NamedTuple):
    """A study as a patient group of a package has it."""

    study_instance_uid: str
    study_date: str
    study_description: str
    modalities: tuple[str, ...]
    institutions: tuple[str, ...]
    instances: int


def _field(name: str) -> sa.ColumnElement[str]:
    return sa.func.coalesce(table.c.header[name].as_string(), "")


_TEXTS = {"patient_id": _field("patient_id"), "issuer": _field("issuer_of_patient_id"),
          "patient_name": _field("patient_name"),
          "patient_birth_date": _field("patient_birth_date"), "patient_sex": _field("patient_sex")}
#: `InstanceHeader.as_json` has the key only where it is set.
_CERTAIN = table.c.header["uncertain_text"].as_string().is_(None)


def _pending(package_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.package_id == package_id, table.c.role == "instance",
                   table.c.state == "pending")


def _first(query: sa.Select[*tuple[Any, ...]]) -> sa.Subquery:
    """Worked out before anything else is done with it: to group by what is taken out of a header
    SQLite would keep every whole header in memory."""
    return query.offset(0).subquery()


def identities(connection: sa.Connection, package_id: int) -> Counter[Identity]:
    """Every identity among the pending instances, with their number."""
    inner = _first(sa.select(*(column.label(name) for name, column in _TEXTS.items()),
                             _CERTAIN.label("certain")).where(_pending(package_id)))
    found = connection.execute(sa.select(*inner.c, sa.func.count()).group_by(*inner.c))
    return Counter({Identity._make((*texts, bool(certain))): count
                    for *texts, certain, count in found})


def assign_groups(connection: sa.Connection, package_id: int, groups: Mapping[Identity, int],
                  first: int, stop: int) -> None:
    """The pending instances among items ``first`` to ``stop`` (not with it) belong to the patient
    groups of their identities."""
    here = sa.and_(_pending(package_id), table.c.number >= first, table.c.number < stop)
    if len(set(groups.values())) == 1:
        connection.execute(sa.update(table).where(here).values(
            group_number=next(iter(groups.values()))))
        return
    found = connection.execute(sa.select(table.c.number, *_TEXTS.values(), _CERTAIN).where(here))
    rows = [{"at_number": number, "to_group": groups[Identity._make((*texts, bool(certain)))]}
            for number, *texts, certain in found]
    if rows:
        connection.execute(sa.update(table).where(
            table.c.package_id == package_id, table.c.number == sa.bindparam("at_number"),
            ).values(group_number=sa.bindparam("to_group")), rows)


def assign_held(connection: sa.Connection, package_id: int, reason: str, number: int) -> int:
    """The instances held for ``reason`` belong to group ``number``; returns how many."""
    return connection.execute(sa.update(table).where(
        table.c.package_id == package_id, table.c.state == "held", table.c.reason == reason,
    ).values(group_number=number)).rowcount


def studies_of(connection: sa.Connection, package_id: int, group: int) -> list[StudyHeld]:
    """What a person wants to know of the images before deciding, oldest first."""
    names = ("study_instance_uid", "study_date", "study_description", "modality",
             "institution_name")
    inner = _first(sa.select(*(_field(name).label(name) for name in names)).where(
        table.c.package_id == package_id, table.c.group_number == group,
        table.c.header.is_not(None)))
    found: dict[str, list[tuple[str, str, str, str, int]]] = {}
    for uid, *rest in connection.execute(
            sa.select(*inner.c, sa.func.count()).group_by(*inner.c).order_by(*inner.c)):
        found.setdefault(uid, []).append((*rest,))
    return sorted((StudyHeld(
        uid, min(row[0] for row in rows), next((row[1] for row in rows if row[1]), ""),
        tuple(sorted({row[2] for row in rows} - {""})),
        tuple(sorted({row[3] for row in rows} - {""})), sum(row[4] for row in rows))
        for uid, rows in found.items()), key=lambda one: (one.study_date, one.study_instance_uid))


def series_of(connection: sa.Connection, package_id: int, group: int) -> list[tuple[str, str]]:
    """(Study Instance UID, Series Instance UID) of a group, each pair once."""
    pair = _field("study_instance_uid"), _field("series_instance_uid")
    found = connection.execute(sa.select(*pair).distinct().where(
        table.c.package_id == package_id, table.c.group_number == group,
        table.c.header.is_not(None)))
    return sorted((study, series) for study, series in found)
