"""The patient index: rows, identifiers with their history, and the keys to find them by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from mediasvc.errors import NotFoundError
from mediasvc.model import Demographics, Identifier, Patient, PatientKey
from mediasvc.store import merges
from mediasvc.store.among import among
from mediasvc.store.db import upsert
from mediasvc.store.events import now
from mediasvc.store.schema import patient as table
from mediasvc.store.schema import patient_identifier as identifier
from mediasvc.store.schema import patient_key as key_table

#: (kind, key), made by `mediasvc.identity.names`; this module never looks inside.
BlockingKey = tuple[str, str]
_DEMOGRAPHICS = tuple(field.name for field in fields(Demographics))
_CHUNK = 400
#: So many columns in front of `_PATIENTS` are those of a further identifier.
_FURTHER = 5
#: Put together once: candidates and the patient feed ask for them all the time.
_PATIENTS = sa.select(
    identifier.c.patient_id, identifier.c.issuer, identifier.c.provenance,
    identifier.c.valid_from, identifier.c.valid_to,
    table.c.id, table.c.patient_id, table.c.issuer, table.c.provisional,
    *(table.c[name] for name in _DEMOGRAPHICS)).select_from(table.outerjoin(identifier)).where(
    among(table.c.id, "rows")).order_by(table.c.id, identifier.c.id)
_CHANGE = sa.update(table).where(table.c.id == sa.bindparam("row"))
_DROP_KEYS = sa.delete(key_table).where(key_table.c.patient == sa.bindparam("row"))


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """What is to be known of a patient: identity, its keys for the search, further identifiers."""

    key: PatientKey
    demographics: Demographics
    blocking: tuple[BlockingKey, ...] = ()
    others: tuple[PatientKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch changed: row numbers with the names of the fields that differ."""

    added: int
    updated: tuple[tuple[int, tuple[str, ...]], ...]
    unchanged: int


def put_patients(connection: sa.Connection, records: Sequence[PatientRecord], *,
                 provenance: str, at: str = "", known: Sequence[Patient] | None = None) -> Stored:
    """Insert or update by (Patient ID, Issuer); the same again changes nothing.

    ``at`` is from when further identifiers are valid or no longer so, by default now; ``known`` are
    those of them who are there, when the caller has just asked `patients_by_keys`.

    Further identifiers of this ``provenance`` that are no longer named end now; those of another
    provenance stay. A provisional patient that the feed knows is provisional no more. The records
    of one batch have different keys.
    """
    at = at or now()
    if known is None:
        known = patients_by_keys(connection, [one.key for one in records])
    before = {one.key: one for one in known}
    fresh = [one for one in records if one.key not in before]
    rows = _insert(connection, fresh)
    _put_keys(connection, [(rows[one.key], one) for one in fresh])
    _add_identifiers(connection, [(rows[one.key], other) for one in fresh for other in one.others],
                     provenance, at=at)
    updated = []
    for one in records:
        if one.key in before:
            changed = _update(connection, before[one.key], one, provenance, at)
            if changed:
                updated.append((before[one.key].row, changed))
    return Stored(len(fresh), tuple(updated), len(records) - len(fresh) - len(updated))


def add_provisional(connection: sa.Connection, record: PatientRecord, package_id: int) -> int:
    """A patient whom only a package knows; returns the row. Taken away again with the package."""
    row = {"patient_id": record.key.patient_id, "issuer": record.key.issuer, "provisional": True,
           "package_id": package_id, **asdict(record.demographics)}
    number = int(connection.execute(sa.insert(table).values(row).returning(table.c.id))
                 .scalar_one())
    _put_keys(connection, [(number, record)])
    return number


def add_identifier(connection: sa.Connection, patient: int, key: PatientKey, *, provenance: str,
                   package_id: int | None = None) -> bool:
    """Say that ``key`` is the same person; False when that was known (with any provenance)."""
    known = connection.execute(sa.select(identifier.c.id).where(
        identifier.c.patient == patient, identifier.c.patient_id == key.patient_id,
        identifier.c.issuer == key.issuer, identifier.c.valid_to == "")).first()
    if known:
        return False
    _add_identifiers(connection, [(patient, key)], provenance, package_id)
    return True


def patient(connection: sa.Connection, key: PatientKey) -> Patient:
    """By own key; a key that was merged means the survivor. Raises NotFoundError."""
    row = merges.survivor_row(connection, key)
    if row is None:
        raise NotFoundError("There is no such patient in the index.",
                            "See mediasvc patients find; write ID@ISSUER.")
    return people(connection, [row])[0]


def patient_row(connection: sa.Connection, row: int) -> Patient:
    """Who the row is now: itself, or whom it was merged into. Raises NotFoundError."""
    found = people(connection, [row])
    if not found:
        raise NotFoundError("That patient is no longer in the index.")
    return found[0]


def people(connection: sa.Connection, rows: Sequence[int]) -> list[Patient]:
    """Who the rows are now, each person once, in order of row.

    Identifiers that were merged into a person, and those of the merged, are among their further
    identifiers (provenance ``merge`` for the merged ones themselves).
    """
    found = patients_by_rows(connection, rows)
    if not merges.in_any(connection, {one.key.patient_id for one in found}):
        return found
    own = {one.row: one.key for one in found}
    present = set(merges.survivors_of(connection, own).values())
    if present != own.keys():
        found = patients_by_rows(connection, list(present))
    below = merges.merged_into(connection, [one.key for one in found])
    priors = [one.prior for rest in below.values() for one in rest]
    if not priors:
        return found
    merged = {one.key: one for one in patients_by_keys(connection, priors)}
    return [replace(one, identifiers=(*one.identifiers, *_merged(below[one.key], merged)))
            for one in found]


def _merged(below: Iterable[merges.Merge], known: dict[PatientKey, Patient],
            ) -> Iterator[Identifier]:
    for one in below:
        yield Identifier(one.prior.patient_id, one.prior.issuer, "merge", one.merged_at, "")
        if one.prior in known:
            yield from known[one.prior].identifiers


def patients_by_keys(connection: sa.Connection, keys: Sequence[PatientKey]) -> list[Patient]:
    """Whose own key is among ``keys``, in any number, merged or not."""
    return patients_by_rows(connection, list(merges.rows_of(connection, keys).values()))


def patients_by_rows(connection: sa.Connection, rows: Sequence[int]) -> list[Patient]:
    """As they stand, merged or not, in order of row; rows that are not there are left out."""
    found: list[Patient] = []
    ordered = sorted(set(rows))
    for start in range(0, len(ordered), _CHUNK):
        joined = connection.execute(_PATIENTS, {"rows": ordered[start:start + _CHUNK]}).all()
        for _, same in groupby(joined, key=itemgetter(_FURTHER)):
            found.append(_patient(list(same)))
    return found


def _insert(connection: sa.Connection, records: Sequence[PatientRecord]) -> dict[PatientKey, int]:
    if not records:
        return {}
    connection.execute(sa.insert(table), [
        {"patient_id": one.key.patient_id, "issuer": one.key.issuer, **asdict(one.demographics)}
        for one in records])
    return merges.rows_of(connection, [one.key for one in records])


def _update(connection: sa.Connection, old: Patient, new: PatientRecord, provenance: str,
            at: str) -> tuple[str, ...]:
    changed = [name for name in _DEMOGRAPHICS
               if getattr(old.demographics, name) != getattr(new.demographics, name)]
    if old.provisional:
        changed.append("provisional")
    if changed:
        connection.execute(_CHANGE, {"row": old.row, "provisional": False, "package_id": None,
                                     **asdict(new.demographics)})
        connection.execute(_DROP_KEYS, {"row": old.row})
        _put_keys(connection, [(old.row, new)])
    present = {one.key for one in old.identifiers
               if one.provenance == provenance and not one.valid_to}
    gone, come = present - set(new.others), set(new.others) - present
    for key in gone:
        connection.execute(sa.update(identifier).where(
            identifier.c.patient == old.row, identifier.c.patient_id == key.patient_id,
            identifier.c.issuer == key.issuer, identifier.c.provenance == provenance,
            identifier.c.valid_to == "").values(valid_to=at))
    _add_identifiers(connection, [(old.row, key) for key in sorted(come, key=str)], provenance,
                     at=at)
    return (*changed, "other_ids") if gone or come else tuple(changed)


def _add_identifiers(connection: sa.Connection, pairs: Iterable[tuple[int, PatientKey]],
                     provenance: str, package_id: int | None = None, at: str = "") -> None:
    """One that ended at the very time when it begins again did not end."""
    rows = [{"patient": patient, "patient_id": key.patient_id, "issuer": key.issuer,
             "provenance": provenance, "valid_from": at or now(), "valid_to": "",
             "package_id": package_id} for patient, key in dict.fromkeys(pairs)]
    if rows:
        key = ("patient", "patient_id", "issuer", "provenance", "valid_from")
        connection.execute(upsert(connection, identifier, key=key, update=("valid_to",)), rows)


def _put_keys(connection: sa.Connection, pairs: Iterable[tuple[int, PatientRecord]]) -> None:
    rows = [{"kind": kind, "key": key, "patient": number}
            for number, one in pairs for kind, key in dict.fromkeys(one.blocking)]
    if rows:
        connection.execute(upsert(connection, key_table, key=("kind", "key", "patient")), rows)


def _patient(joined: Sequence[Any]) -> Patient:
    """Of rows that differ in the further identifier; that of somebody without one is NULL."""
    number, patient_id, issuer, provisional, *who = joined[0][_FURTHER:]
    others = tuple(Identifier(*row[:_FURTHER]) for row in joined if row[0] is not None)
    return Patient(number, PatientKey(patient_id, issuer), Demographics(*who), others, provisional)
