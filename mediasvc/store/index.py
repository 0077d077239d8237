"""What the archive holds: studies, series, instances and their objects.

A study belongs to one patient (invariant 8); rows that exist are never rewritten by a later
package, so that taking that package back leaves them as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from operator import attrgetter
from typing import Any, Literal

import sqlalchemy as sa

from mediasvc.errors import NotFoundError, StateError
from mediasvc.model import InstanceHeader, Patient
from mediasvc.store.bulk import as_text, execute_many
from mediasvc.store.db import upsert
from mediasvc.store.events import now
from mediasvc.store.merges import family_rows, survivors
from mediasvc.store.patients import patient_row
from mediasvc.store.schema import instance, object_, series, study

_PAGE = 2000
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """One instance row: where its object is and how the received bytes are rebuilt.

    ``restore``: ``same`` the object is what came · ``delta`` apply the pack's delta to the object ·
    ``object`` the received object is kept beside it, named by ``pack_sha256``.
    """

    sop_instance_uid: str
    series_instance_uid: str
    object_sha256: str
    received_sha256: str
    received_length: int
    package_id: int
    item_number: int
    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""
    instance_number: str = ""
    restore: Literal["same", "delta", "object"] = "same"
    pack_sha256: str = ""
    pack_offset: int = 0
    pack_length: int = 0
    header: InstanceHeader | None = None


@dataclass(frozen=True, slots=True)
class StudySummary:
    """A study with what it contains now."""

    study_instance_uid: str
    patient: Patient
    study_date: str
    study_time: str
    study_id: str
    accession_number: str
    study_description: str
    modalities: tuple[str, ...]
    series: int
    instances: int


_NAMES = tuple(field.name for field in fields(StoredInstance))
#: All but the last, the header.
_VALUES = attrgetter(*_NAMES[:-1])
_INSTANCE: list[sa.ColumnElement[Any]] = [instance.c[name] for name in _NAMES]
_WITHOUT_HEADER = [sa.null().label("header") if column is instance.c.header else column
                   for column in _INSTANCE]


def put_objects(connection: sa.Connection, lengths: dict[str, int], *,
                kind: Literal["object", "pack"] = "object") -> None:
    """Files that are durable now, ``{sha256: length}``; before the instances that need them."""
    at = now()
    # A file that was to go and comes again stays.
    execute_many(
        connection, upsert(connection, object_, key=("sha256",), update=("given_up",)),
        ("sha256", "kind", "length", "placed_at", "given_up"),
        [(sha256, kind, length, at, None) for sha256, length in lengths.items()])


def put_instances(connection: sa.Connection, patient: int,
                  rows: Sequence[StoredInstance]) -> None:
    """File instances under a patient's row.

    Study and series come from each row's header and are added when new. The same rows again
    change nothing. Raises StateError when a study is another patient's, a series another study's,
    or a SOP Instance UID is here with another object; the transaction must then be rolled back.
    """
    headers = [row.header or InstanceHeader() for row in rows]
    _put_studies(connection, patient, headers)
    _put_series(connection, headers)
    if _add(connection, rows) == len(rows):
        return
    wanted = {(row.sop_instance_uid, row.series_instance_uid, row.object_sha256) for row in rows}
    if wanted - _there(connection, [row.sop_instance_uid for row in rows]):
        raise StateError("A SOP Instance UID is in the archive with other content.")


def _add(connection: sa.Connection, rows: Sequence[StoredInstance]) -> int:
    """How many of them were not there."""
    return execute_many(
        connection, upsert(connection, instance, key=("sop_instance_uid",)), _NAMES,
        [(*_VALUES(row), as_text(row.header.as_json() if row.header else None)) for row in rows])


def _there(connection: sa.Connection, uids: Sequence[str]) -> set[tuple[str, str, str]]:
    """(SOP Instance UID, Series Instance UID, object) as the rows are now."""
    columns = instance.c.sop_instance_uid, instance.c.series_instance_uid, instance.c.object_sha256
    return {(uid, series_uid, sha256) for start in range(0, len(uids), _CHUNK)
            for uid, series_uid, sha256 in connection.execute(sa.select(*columns).where(
                instance.c.sop_instance_uid.in_(uids[start:start + _CHUNK])))}


def instances(connection: sa.Connection, uids: Sequence[str]) -> dict[str, StoredInstance]:
    """Those of the SOP Instance UIDs that are here, asked for in batches."""
    found: dict[str, StoredInstance] = {}
    for start in range(0, len(uids), _CHUNK):
        for row in connection.execute(sa.select(*_INSTANCE).where(
                instance.c.sop_instance_uid.in_(uids[start:start + _CHUNK]))):
            found[row[0]] = _stored(row)
    return found


def study_patients(connection: sa.Connection, uids: Sequence[str]) -> dict[str, int]:
    """Study Instance UID → row of the patient whose it is now, for those that are here."""
    found: dict[str, int] = {}
    for start in range(0, len(uids), _CHUNK):
        found.update(connection.execute(sa.select(
            study.c.study_instance_uid, study.c.patient).where(
            study.c.study_instance_uid.in_(uids[start:start + _CHUNK]))).all())
    present = survivors(connection, found.values())
    return {uid: present[row] for uid, row in found.items()}


def series_studies(connection: sa.Connection, uids: Sequence[str]) -> dict[str, str]:
    """Series Instance UID → Study Instance UID, for those that are here."""
    found: dict[str, str] = {}
    for start in range(0, len(uids), _CHUNK):
        found.update(connection.execute(sa.select(
            series.c.series_instance_uid, series.c.study_instance_uid).where(
            series.c.series_instance_uid.in_(uids[start:start + _CHUNK]))).all())
    return found


def study_instances(connection: sa.Connection, uid: str, *, headers: bool = True,
                    ) -> Iterator[StoredInstance]:
    """All instances of a study by series and UID, read by pages; without ``headers`` they are None.
    Raises NotFoundError."""
    for series_uid in series_uids(connection, uid):
        yield from _pages(connection, instance.c.series_instance_uid == series_uid,
                          _INSTANCE if headers else _WITHOUT_HEADER)


def series_uids(connection: sa.Connection, uid: str) -> list[str]:
    """Of a study, in order. Raises NotFoundError."""
    if not study_patients(connection, [uid]):
        raise NotFoundError("There is no such study in the archive.", "See mediasvc studies list.")
    return list(connection.execute(sa.select(series.c.series_instance_uid).where(
        series.c.study_instance_uid == uid).order_by(series.c.series_instance_uid)).scalars())


def series_page(connection: sa.Connection, uid: str, after: str) -> list[StoredInstance]:
    """The next instances of a series by UID behind ``after``, [] when there are no more: for
    those who write in between."""
    return [_stored(row) for row in connection.execute(sa.select(*_INSTANCE).where(
        instance.c.series_instance_uid == uid, instance.c.sop_instance_uid > after).order_by(
        instance.c.sop_instance_uid).limit(_PAGE))]


def package_instances(connection: sa.Connection, package_id: int, *, headers: bool = True,
                      ) -> Iterator[StoredInstance]:
    """What one package brought, by UID, read by pages; without ``headers`` they are None."""
    return _pages(connection, instance.c.package_id == package_id,
                  _INSTANCE if headers else _WITHOUT_HEADER)


def package_page(connection: sa.Connection, package_id: int, after: str, size: int,
                 ) -> list[StoredInstance]:
    """The next ``size`` of them by UID behind ``after``, without headers."""
    return [_stored(row) for row in connection.execute(sa.select(*_WITHOUT_HEADER).where(
        instance.c.package_id == package_id, instance.c.sop_instance_uid > after).order_by(
        instance.c.sop_instance_uid).limit(size))]


def _pages(connection: sa.Connection, where: sa.ColumnElement[bool],
           columns: Sequence[sa.ColumnElement[Any]] = _INSTANCE) -> Iterator[StoredInstance]:
    query = sa.select(*columns).where(where).order_by(instance.c.sop_instance_uid).limit(_PAGE)
    last = ""
    while True:
        page = connection.execute(query.where(instance.c.sop_instance_uid > last)).all()
        yield from map(_stored, page)
        if len(page) < _PAGE:
            return
        last = page[-1].sop_instance_uid


def studies(connection: sa.Connection, *, patient: int | None = None,
            uids: Sequence[str] | None = None) -> Iterator[StudySummary]:
    """Newest first, with counts; of one patient and all who were merged with them, or those of
    ``uids``, or all. Each with the patient whose it is now."""
    query = sa.select(study, sa.func.count(sa.distinct(series.c.series_instance_uid)).label("n"),
                      sa.func.count(instance.c.sop_instance_uid).label("m")).select_from(
        study.join(series).join(instance)).group_by(study.c.study_instance_uid).order_by(
        study.c.study_date.desc(), study.c.study_instance_uid)
    if patient is not None:
        query = query.where(study.c.patient.in_(family_rows(connection, patient)))
    if uids is not None:
        query = query.where(study.c.study_instance_uid.in_(uids))
    rows = iter(connection.execute(query).mappings().all())
    known: dict[int, Patient] = {}
    while page := list(islice(rows, _CHUNK)):
        kinds = _modalities(connection, [row["study_instance_uid"] for row in page])
        for row in page:
            owner = row["patient"]
            known[owner] = known.get(owner) or patient_row(connection, owner)
            yield _summary(row, known[owner], kinds.get(row["study_instance_uid"], ()))


def _modalities(connection: sa.Connection, uids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for uid, modality in connection.execute(sa.select(
            series.c.study_instance_uid, series.c.modality).distinct().where(
            series.c.study_instance_uid.in_(uids), series.c.modality != "").order_by(
            series.c.modality)):
        found[uid] = (*found.get(uid, ()), modality)
    return found


def _put_studies(connection: sa.Connection, patient: int, headers: Sequence[InstanceHeader],
                 ) -> None:
    new = {one.study_instance_uid: one for one in reversed(headers)}
    _insert(connection, study, ("study_instance_uid",), [{
        "study_instance_uid": uid, "patient": patient, "study_date": one.study_date,
        "study_time": one.study_time, "study_id": one.study_id,
        "accession_number": one.accession_number, "study_description": one.study_description,
    } for uid, one in new.items()])
    owners = study_patients(connection, list(new))
    if set(owners.values()) - {survivors(connection, [patient]).get(patient)}:
        raise StateError("A study of this package is filed under another patient.")


def _put_series(connection: sa.Connection, headers: Sequence[InstanceHeader]) -> None:
    new = {one.series_instance_uid: one for one in reversed(headers)}
    _insert(connection, series, ("series_instance_uid",), [{
        "series_instance_uid": uid, "study_instance_uid": one.study_instance_uid,
        "modality": one.modality, "series_number": one.series_number,
        "series_description": one.series_description,
    } for uid, one in new.items()])
    for uid, owner in series_studies(connection, list(new)).items():
        if owner != new[uid].study_instance_uid:
            raise StateError("A series of this package is filed under another study.")


def _insert(connection: sa.Connection, table: sa.Table, key: tuple[str, ...],
            rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _PAGE):
        connection.execute(upsert(connection, table, key=key), rows[start:start + _PAGE])


def _stored(row: Any) -> StoredInstance:
    *values, header = row
    return StoredInstance(*(*values, InstanceHeader(**header) if header else None))


def _summary(row: Any, patient: Patient, modalities: tuple[str, ...]) -> StudySummary:
    return StudySummary(row["study_instance_uid"], patient, row["study_date"], row["study_time"],
                        row["study_id"], row["accession_number"], row["study_description"],
                        modalities, row["n"], row["m"])
