"""Taking back what one package brought (``studies undo``), a part at a time.

Rows first: in each transaction some of the package's instances go, with what only they kept alive,
and their files get their delete-intent. After the commits the files go, and then their rows. A
crash in between loses nothing: `given_up` finds the intents again (FAULTS C15).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mediasvc.store.schema import (
    disc,
    disc_instance,
    expected_import,
    instance,
    item,
    object_,
    patient,
    patient_group,
    patient_identifier,
    refile,
    refiled_instance,
    series,
    study,
)

_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows went; ``discs`` that carry some of the instances (they are out of the house);
    ``dependents``: packages whose items were duplicates of what went."""

    instances: int
    series: int
    studies: int
    patients: int = 0
    discs: tuple[int, ...] = ()
    dependents: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """An instance whose row is gone: where its item is, and what was received."""

    item_number: int
    received_sha256: str
    received_length: int


def foresee(connection: sa.Connection, package_id: int) -> Removed:
    """What will go with the package's instances, besides people and what depends on them."""
    mine = instance.c.package_id == package_id
    touched = sa.select(instance.c.series_instance_uid).distinct().where(mine).subquery()
    others = instance.alias()
    ending = sa.select(series.c.series_instance_uid, series.c.study_instance_uid).join(
        touched, touched.c.series_instance_uid == series.c.series_instance_uid).where(
        ~sa.exists().where(others.c.series_instance_uid == series.c.series_instance_uid,
                           others.c.package_id != package_id)).cte("ending")
    known = ending.alias()
    stays = sa.exists().where(
        series.c.study_instance_uid == ending.c.study_instance_uid,
        series.c.series_instance_uid.not_in(sa.select(known.c.series_instance_uid)))
    discs = sa.select(disc_instance.c.disc_id).distinct().select_from(
        instance.join(disc_instance,
                      disc_instance.c.sop_instance_uid == instance.c.sop_instance_uid)
        .join(disc)).where(mine, disc.c.state == "released")
    return Removed(
        _number(connection, sa.select(sa.func.count()).select_from(instance).where(mine)),
        _number(connection, sa.select(sa.func.count()).select_from(ending)),
        _number(connection, sa.select(sa.func.count(sa.distinct(ending.c.study_instance_uid)))
                .where(~stays)),
        discs=tuple(sorted(connection.execute(discs).scalars())))


def _number(connection: sa.Connection, query: sa.Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())


def drop_instances(connection: sa.Connection, package_id: int, size: int, seq: int,
                   ) -> list[Dropped]:
    """Remove the next ``size`` instances of the package, with series and studies that have no
    other; [] when there are none. Files that nothing needs get the delete-intent ``seq``. The
    states of package, items and groups are the caller's to change."""
    rows = connection.execute(sa.select(
        instance.c.sop_instance_uid, instance.c.series_instance_uid, instance.c.object_sha256,
        instance.c.pack_sha256, instance.c.item_number, instance.c.received_sha256,
        instance.c.received_length).where(instance.c.package_id == package_id).order_by(
        instance.c.sop_instance_uid).limit(size)).all()
    uids = [row.sop_instance_uid for row in rows]
    for part in _chunks(uids):
        connection.execute(sa.delete(instance).where(instance.c.sop_instance_uid.in_(part)))
    _drop_series(connection, {row.series_instance_uid for row in rows})
    digests = {sha256 for row in rows for sha256 in (row.object_sha256, row.pack_sha256)}
    give_up(connection, (digests | _forget_moves(connection, uids)) - {""}, seq)
    return [Dropped(row.item_number, row.received_sha256, row.received_length) for row in rows]


def dependents(connection: sa.Connection, package_id: int, reason: str) -> tuple[int, ...]:
    """Other packages with duplicates of what the package holds for ``reason`` now."""
    twin = item.alias()
    return tuple(connection.execute(sa.select(twin.c.package_id).distinct().select_from(
        item.join(twin, sa.and_(twin.c.duplicate_of == item.c.sop_instance_uid,
                                twin.c.duplicate_of != sa.literal_column("''")))).where(
        item.c.package_id == package_id, item.c.state == "held", item.c.reason == reason,
        twin.c.package_id != package_id).order_by(twin.c.package_id)).scalars())


def given_up(connection: sa.Connection, limit: int = 5_000) -> list[tuple[str, str]]:
    """``[(kind, sha256)]`` of files with a committed delete-intent, kind ``object`` or ``pack``;
    ask again when they are forgotten, there may be more."""
    return [(row.kind, row.sha256) for row in connection.execute(sa.select(
        object_.c.kind, object_.c.sha256).where(object_.c.given_up.is_not(None)).limit(limit))]


def forget_given_up(connection: sa.Connection, digests: Iterable[str]) -> None:
    """Their files are gone from the disk: so go their rows."""
    for part in _chunks(sorted(digests)):
        connection.execute(sa.delete(object_).where(object_.c.given_up.is_not(None),
                                                    object_.c.sha256.in_(part)))


def _drop_series(connection: sa.Connection, touched: set[str]) -> None:
    """Remove those that are empty now, and then empty studies."""
    studies: set[str] = set()
    empty = ~sa.exists().where(instance.c.series_instance_uid == series.c.series_instance_uid)
    for part in _chunks(sorted(touched)):
        found = series.c.series_instance_uid.in_(part)
        studies.update(connection.execute(sa.select(series.c.study_instance_uid).where(found))
                       .scalars())
        connection.execute(sa.delete(series).where(found, empty))
    bare = ~sa.exists().where(series.c.study_instance_uid == study.c.study_instance_uid)
    for part in _chunks(sorted(studies)):
        connection.execute(sa.delete(study).where(study.c.study_instance_uid.in_(part), bare))


def drop_people(connection: sa.Connection, package_id: int) -> int:
    """Further identifiers that the package's decisions added go, and provisional patients that they
    made when nothing else uses them; returns how many of these."""
    connection.execute(sa.delete(patient_identifier).where(
        patient_identifier.c.package_id == package_id))
    unused = list(connection.execute(sa.select(patient.c.id).where(
        patient.c.package_id == package_id, patient.c.provisional,
        ~sa.exists().where(study.c.patient == patient.c.id),
        ~sa.exists().where(expected_import.c.patient == patient.c.id),
        ~sa.exists().where(_moved_for(patient.c.id), _can_go_back()),
        ~sa.exists().where(patient_group.c.target == patient.c.id,
                           patient_group.c.package_id != package_id))).scalars())
    for part in _chunks(unused):
        connection.execute(sa.update(patient_group).where(patient_group.c.target.in_(part))
                           .values(target=None))
        connection.execute(sa.delete(refile).where(_moved_for(*part), ~_can_go_back()))
        connection.execute(sa.delete(patient).where(patient.c.id.in_(part)))
    return len(unused)


def _moved_for(*rows: Any) -> sa.ColumnElement[bool]:
    """Refiles from or to one of the patients."""
    return sa.or_(refile.c.patient.in_(rows), refile.c.target.in_(rows))


def _can_go_back() -> sa.ColumnElement[bool]:
    """There is still something that a refile moved; of the others the events tell."""
    return sa.exists().where(refiled_instance.c.refile_id == refile.c.id)


def give_up(connection: sa.Connection, digests: set[str], seq: int) -> None:
    """The files that no row needs any more, also not to take a refile back, get their
    delete-intent, which is event ``seq``."""
    unneeded = sa.and_(*(~sa.exists().where(column == object_.c.sha256) for column in (
        instance.c.object_sha256, instance.c.pack_sha256, refiled_instance.c.back_sha256,
        refiled_instance.c.kept_sha256)))
    for part in _chunks(sorted(digests)):
        connection.execute(sa.update(object_).where(object_.c.sha256.in_(part), unneeded)
                           .values(given_up=seq))


def _forget_moves(connection: sa.Connection, uids: Sequence[str]) -> set[str]:
    """An instance that is gone cannot be moved back; returns the digests of what that needed."""
    digests: set[str] = set()
    for part in _chunks(uids):
        found = refiled_instance.c.sop_instance_uid.in_(part)
        for row in connection.execute(sa.select(
                refiled_instance.c.back_sha256, refiled_instance.c.kept_sha256).where(found)):
            digests.update(row)
        connection.execute(sa.delete(refiled_instance).where(found))
    return digests - {""}


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start:start + _CHUNK] for start in range(0, len(values), _CHUNK))
