"""Taking back what one package brought (``studies undo``).

Rows first: in one transaction the package's rows go and its files get their delete-intent. After
the commit the files go, and then their rows. A crash in between loses nothing: `given_up` finds
the intents again (FAULTS C15).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from mediasvc.store.events import record
from mediasvc.store.schema import (
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
_PAGE = 2000
_SHA256 = 32


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows went; ``discs`` that carry some of the instances (they are out of the house);
    ``dependents``: packages whose items were duplicates of what went."""

    instances: int
    series: int
    studies: int
    patients: int
    discs: tuple[int, ...]
    dependents: tuple[int, ...]


def remove_package(connection: sa.Connection, package_id: int, *, by: str) -> Removed:
    """Remove the package's instances and whatever only they kept alive.

    Studies and series stay while other packages have instances in them. Further identifiers that
    this package's decisions added go, and provisional patients that they made when nothing else
    uses them. States of the package, its items and groups are the caller's to change.
    """
    gone = _drop_instances(connection, package_id)
    series_gone, studies_gone = _drop_series(connection, gone.series)
    patients_gone = _drop_people(connection, package_id)
    removed = Removed(gone.count, series_gone, studies_gone, patients_gone,
                      tuple(sorted(gone.discs)), tuple(sorted(gone.dependents - {package_id})))
    seq = record(connection, "package", package_id, "taken-back", by=by, data={
        "instances": removed.instances, "series": series_gone, "studies": studies_gone,
        "patients": patients_gone, "discs": list(removed.discs),
        "dependents": list(removed.dependents)})
    for digests in gone.files:
        give_up(connection, digests, seq)
    return removed


@dataclass(slots=True)
class _Gone:
    """What went with the instances of a package. A package may have brought hundreds of thousands:
    the digests of their files are packed."""

    count: int = 0
    series: set[str] = field(default_factory=set)
    discs: set[int] = field(default_factory=set)
    dependents: set[int] = field(default_factory=set)
    packed: bytearray = field(default_factory=bytearray)

    @property
    def files(self) -> Iterator[set[str]]:
        step = _CHUNK * _SHA256
        return ({self.packed[at:at + _SHA256].hex()
                 for at in range(start, min(start + step, len(self.packed)), _SHA256)}
                for start in range(0, len(self.packed), step))


def _drop_instances(connection: sa.Connection, package_id: int) -> _Gone:
    gone, packs = _Gone(), set[str]()
    query = sa.select(
        instance.c.sop_instance_uid, instance.c.series_instance_uid, instance.c.object_sha256,
        instance.c.pack_sha256).where(instance.c.package_id == package_id).order_by(
        instance.c.sop_instance_uid).limit(_PAGE)
    while rows := connection.execute(query).all():
        uids = [row[0] for row in rows]
        gone.count += len(rows)
        gone.series.update(row[1] for row in rows)
        gone.discs.update(_distinct(connection, disc_instance.c.disc_id,
                                    disc_instance.c.sop_instance_uid, uids))
        gone.dependents.update(_distinct(connection, item.c.package_id, item.c.duplicate_of, uids))
        for part in _chunks(uids):
            connection.execute(sa.delete(instance).where(instance.c.sop_instance_uid.in_(part)))
        packs.update(row[3] for row in rows)
        kept = _forget_moves(connection, uids)
        gone.packed += bytes.fromhex("".join({row[2] for row in rows} | kept))
    gone.packed += bytes.fromhex("".join(packs))
    return gone


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


def _drop_series(connection: sa.Connection, touched: set[str]) -> tuple[int, int]:
    """Remove those that are empty now, and then empty studies; returns how many of each."""
    studies: set[str] = set()
    gone = studies_gone = 0
    empty = ~sa.exists().where(instance.c.series_instance_uid == series.c.series_instance_uid)
    for part in _chunks(sorted(touched)):
        found = series.c.series_instance_uid.in_(part)
        studies.update(connection.execute(sa.select(series.c.study_instance_uid).where(found))
                       .scalars())
        gone += connection.execute(sa.delete(series).where(found, empty)).rowcount
    bare = ~sa.exists().where(series.c.study_instance_uid == study.c.study_instance_uid)
    for part in _chunks(sorted(studies)):
        studies_gone += connection.execute(sa.delete(study).where(
            study.c.study_instance_uid.in_(part), bare)).rowcount
    return gone, studies_gone


def _drop_people(connection: sa.Connection, package_id: int) -> int:
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


def _distinct(connection: sa.Connection, wanted: sa.Column[Any], column: sa.Column[Any],
              uids: Sequence[str]) -> tuple[int, ...]:
    found: set[int] = set()
    for part in _chunks(uids):
        found.update(connection.execute(sa.select(wanted).distinct().where(column.in_(part)))
                     .scalars())
    return tuple(sorted(found))


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start:start + _CHUNK] for start in range(0, len(values), _CHUNK))
