"""The rows that a refile changes besides those of instances: taken down before, put back exactly.

Whole groups take their decision, the foreign identifier and the expected import with them. Where
only some studies of a group move, the group stays what it is.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from mediasvc.store.index import StoredInstance, instances
from mediasvc.store.refiles import Refile, Staged
from mediasvc.store.schema import (
    expected_import,
    instance,
    item,
    object_,
    patient_group,
    patient_identifier,
    series,
    study,
)

_CHUNK = 400
_PAGE = 2000
NO_GROUP = -1
_DECISION = ("target", "decision", "rule", "evidence", "by", "decided_at", "order_numbers")


_SET_INSTANCE = sa.update(instance).where(
    instance.c.sop_instance_uid == sa.bindparam("at_uid"),
    instance.c.object_sha256 == sa.bindparam("at_object")).values({
        field.name: sa.bindparam(f"to_{field.name}") for field in fields(StoredInstance)})
_SET_ITEM = sa.update(item).where(
    item.c.package_id == sa.bindparam("at_package"), item.c.number == sa.bindparam("at_number"),
    ).values(object_sha256=sa.bindparam("to_object"))


def groups_of(connection: sa.Connection, studies: Sequence[str]) -> list[tuple[int, int, bool]]:
    """(package, group, whether all that is filed of it is in these studies)."""
    inside = sa.case((_study_uid().in_(studies), 1), else_=0)
    rows = connection.execute(sa.select(
        item.c.package_id, item.c.group_number, sa.func.sum(inside), sa.func.count()).where(
        item.c.state == "archived", item.c.group_number.is_not(None),
        item.c.package_id.in_(packages_of(connection, studies))).group_by(
        item.c.package_id, item.c.group_number).order_by(item.c.package_id, item.c.group_number))
    return [(package, group, moving == filed) for package, group, moving, filed in rows if moving]


def packages_of(connection: sa.Connection, studies: Sequence[str]) -> list[int]:
    """Those that brought instances of the studies."""
    return sorted(connection.execute(sa.select(instance.c.package_id).distinct().select_from(
        series.join(instance)).where(series.c.study_instance_uid.in_(studies))).scalars())


def _study_uid() -> sa.ColumnElement[str]:
    return sa.func.coalesce(item.c.header["study_instance_uid"].as_string(), "")


def take_down(connection: sa.Connection, one: Refile) -> dict[str, Any]:
    """The rows as they are now, as JSON."""
    packages = sorted({package for package, _ in one.groups})
    return {
        "studies": _rows(connection, study, study.c.study_instance_uid.in_(one.studies)),
        "groups": [row for package, number in one.groups for row in _rows(
            connection, patient_group, patient_group.c.package_id == package,
            patient_group.c.number == number, only=("package_id", "number", *_DECISION))],
        "identifiers": _rows(connection, patient_identifier,
                             patient_identifier.c.package_id.in_(packages)),
        "expected": _rows(connection, expected_import, expected_import.c.package_id.in_(packages),
                          only=("id", "package_id")),
    }


def _rows(connection: sa.Connection, table: sa.Table, *where: sa.ColumnElement[bool],
          only: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    columns = [table.c[name] for name in only] or [*table.c]
    return [dict(row) for row in connection.execute(
        sa.select(*columns).where(*where).order_by(*table.primary_key)).mappings()]


def put_back(connection: sa.Connection, one: Refile) -> None:
    """Every row as it was taken down."""
    before = one.before or {}
    for row in before["studies"]:
        connection.execute(sa.update(study).where(
            study.c.study_instance_uid == row["study_instance_uid"]).values(row))
    for row in before["groups"]:
        connection.execute(sa.update(patient_group).where(
            patient_group.c.package_id == row["package_id"],
            patient_group.c.number == row["number"],
            patient_group.c.state == "filed",  # its import may have been taken back since
        ).values({n: row[n] for n in _DECISION}))
    _put_back_identifiers(connection, one, before["identifiers"])
    if one.expected is not None:
        connection.execute(sa.update(expected_import).where(
            expected_import.c.id == one.expected).values(package_id=None))
    for row in before["expected"]:
        connection.execute(sa.update(expected_import).where(
            expected_import.c.id == row["id"]).values(package_id=row["package_id"]))


def _put_back_identifiers(connection: sa.Connection, one: Refile, before: list[dict[str, Any]],
                          ) -> None:
    known = [row["id"] for row in before]
    # A number that became free may have been given out again: those of the target go all.
    connection.execute(sa.delete(patient_identifier).where(
        patient_identifier.c.package_id.in_({package for package, _ in one.groups}),
        patient_identifier.c.patient == one.target))
    there = {row["id"]: dict(row) for row in connection.execute(sa.select(
        patient_identifier).where(patient_identifier.c.id.in_(known))).mappings()}
    for row in before:
        if row["id"] not in there:
            connection.execute(sa.insert(patient_identifier).values(row))
        elif there[row["id"]] != row:  # somebody else has that number now
            connection.execute(sa.insert(patient_identifier).values(
                {name: value for name, value in row.items() if name != "id"}))


def move_studies(connection: sa.Connection, one: Refile, accession_number: str) -> None:
    connection.execute(sa.update(study).where(study.c.study_instance_uid.in_(one.studies)).values(
        patient=one.target, accession_number=accession_number))


def move_group(connection: sa.Connection, one: Refile, package: int, number: int,
               order_numbers: dict[str, str]) -> None:
    """The decision about the group is now that of the refile."""
    evidence = {"waits": [], "refile": one.id} | ({"first": one.first} if one.first else {})
    connection.execute(sa.update(patient_group).where(
        patient_group.c.package_id == package, patient_group.c.number == number).values(
        target=one.target, decision="link", rule="", evidence=evidence, by=one.by,
        decided_at=one.at, order_numbers=order_numbers))


def forget_identifiers(connection: sa.Connection, package: int, owners: Sequence[int]) -> None:
    """The wrong patient is not known under the package's foreign identifiers any more, except
    where another group of it is theirs."""
    kept = sa.select(patient_group.c.patient_id).where(
        patient_group.c.package_id == package, patient_group.c.state == "filed",
        patient_group.c.target.in_(owners))
    connection.execute(sa.delete(patient_identifier).where(
        patient_identifier.c.package_id == package, patient_identifier.c.patient.in_(owners),
        patient_identifier.c.patient_id.not_in(kept)))


def reopen_expected(connection: sa.Connection, package: int, owners: Sequence[int]) -> None:
    """What the package answered for the wrong patient is expected again, unless another group of
    it is theirs."""
    theirs = sa.exists().where(patient_group.c.package_id == package,
                               patient_group.c.state == "filed",
                               patient_group.c.target.in_(owners))
    connection.execute(sa.update(expected_import).where(
        expected_import.c.package_id == package, expected_import.c.patient.in_(owners),
        ~theirs).values(package_id=None))


def set_instances(connection: sa.Connection, page: Sequence[Staged], *, back: bool) -> bool:
    """Give instances and items the rows after, or ``back`` those before; once more changes
    nothing. False when one of them is neither."""
    both = [(one.after, one.before) if back else (one.before, one.after) for one in page]
    done = connection.execute(_SET_INSTANCE, [
        {f"to_{name}": value for name, value in _instance(new).items()}
        | {"at_uid": old.sop_instance_uid, "at_object": old.object_sha256} for old, new in both])
    connection.execute(_SET_ITEM, [
        {"at_package": new.package_id, "at_number": new.item_number,
         "to_object": new.object_sha256} for _, new in both])
    return done.rowcount == len(page) or have(connection, [new for _, new in both])


def have(connection: sa.Connection, rows: Sequence[StoredInstance]) -> bool:
    """Whether the archive has every one of these instances with that very object."""
    present = instances(connection, [one.sop_instance_uid for one in rows])
    return all(one.sop_instance_uid in present and present[one.sop_instance_uid].object_sha256
               == one.object_sha256 for one in rows)


def _instance(one: StoredInstance) -> dict[str, Any]:
    row = {field.name: getattr(one, field.name) for field in fields(one)}
    return row | {"header": one.header.as_json() if one.header else None}


def placed(connection: sa.Connection, digests: Sequence[str]) -> dict[str, tuple[int, str]]:
    """sha256 → (length, placed at) of objects."""
    found: dict[str, tuple[int, str]] = {}
    for start in range(0, len(digests), _CHUNK):
        for sha256, length, at in connection.execute(sa.select(
                object_.c.sha256, object_.c.length, object_.c.placed_at).where(
                object_.c.sha256.in_(digests[start:start + _CHUNK]))):
            found[sha256] = length, at
    return found


def filed_instances(connection: sa.Connection, studies: Sequence[str]) -> int:
    """How many instances the studies have now."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(
        series.join(instance)).where(series.c.study_instance_uid.in_(studies))).scalar_one())


def item_groups(connection: sa.Connection, packages: Sequence[int]) -> dict[int, array[int]]:
    """Package → by number of the item the group of what is filed, NO_GROUP for all else."""
    found: dict[int, array[int]] = {}
    for package in packages:
        groups = found[package] = array("i")
        rows = connection.execution_options(yield_per=_PAGE).execute(sa.select(
            item.c.number, item.c.group_number).where(
            item.c.package_id == package, item.c.state == "archived"))
        for number, group in rows:
            groups.extend([NO_GROUP] * (number + 1 - len(groups)))
            groups[number] = group or 0
    return found
