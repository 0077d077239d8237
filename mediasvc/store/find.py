"""Look-ups of patients: each answers row numbers for `mediasvc.store.patients`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from mediasvc.store.merges import rows_merged_as
from mediasvc.store.patients import BlockingKey
from mediasvc.store.schema import patient, patient_identifier, patient_key

#: Asked a dozen times for each candidate list, so it is put together once.
_BY_KEY = sa.select(patient_key.c.patient).where(
    patient_key.c.kind == sa.bindparam("kind"), patient_key.c.key == sa.bindparam("key"),
).limit(sa.bindparam("most", type_=sa.Integer))


def by_identifier(connection: sa.Connection, patient_id: str, issuer: str | None = None, *,
                  limit: int = 50) -> list[int]:
    """Rows whose own ID, valid further identifier or merged ID it is; ``None`` = of any issuer."""
    own = sa.select(patient.c.id).where(patient.c.patient_id == patient_id)
    further = sa.select(patient_identifier.c.patient).where(
        patient_identifier.c.patient_id == patient_id, patient_identifier.c.valid_to == "")
    if issuer is not None:
        own = own.where(patient.c.issuer == issuer)
        further = further.where(patient_identifier.c.issuer == issuer)
    return list(dict.fromkeys((*connection.execute(own.limit(limit)).scalars(),
                               *connection.execute(further.limit(limit)).scalars(),
                               *rows_merged_as(connection, patient_id, issuer))))


def by_birth_date(connection: sa.Connection, birth_date: str, *, limit: int) -> list[int]:
    return list(connection.execute(sa.select(patient.c.id).where(
        patient.c.patient_birth_date == birth_date).limit(limit)).scalars())


def by_keys(connection: sa.Connection, keys: Iterable[BlockingKey], *, limit: int) -> list[int]:
    """Rows with any of the blocking keys, at most ``limit`` for each."""
    rows: dict[int, None] = {}
    for kind, key in keys:
        found = connection.execute(_BY_KEY, {"kind": kind, "key": key, "most": limit})
        rows.update(dict.fromkeys(found.scalars()))
    return list(rows)


def by_words(connection: sa.Connection, words: Sequence[str], birth_dates: Sequence[str], *,
             limit: int) -> list[int]:
    """Rows that have a name word beginning with each of ``words``, and the birth date if given."""
    query = sa.select(patient.c.id).limit(limit)
    for word in words:
        query = query.where(patient.c.id.in_(sa.select(patient_key.c.patient).where(
            patient_key.c.kind == "w", _begins(patient_key.c.key, word))))
    for date in birth_dates:
        query = query.where(patient.c.patient_birth_date == date)
    return list(connection.execute(query).scalars())


def by_id_prefix(connection: sa.Connection, begin: str, *, limit: int) -> list[int]:
    """Rows whose own Patient ID begins with ``begin``."""
    return list(connection.execute(sa.select(patient.c.id).where(
        _begins(patient.c.patient_id, begin)).limit(limit)).scalars())


def _begins(column: sa.Column[str], begin: str) -> sa.ColumnElement[bool]:
    return sa.and_(column >= begin, column < begin + "\U0010ffff")
