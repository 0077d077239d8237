"""Look-ups of patients: each answers row numbers for `mediasvc.store.patients`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from mediasvc.store.merges import LASTS, rows_merged_as
from mediasvc.store.patients import BlockingKey
from mediasvc.store.schema import patient, patient_identifier, patient_key, patient_merge

#: Patients who share an identifier, of any issuers, that are looked at.
HOLDERS = 50
#: In this order.
_OWN, _FURTHER, _MERGED = range(3)


def by_identifier(connection: sa.Connection, patient_id: str, issuer: str | None = None, *,
                  limit: int = HOLDERS) -> list[int]:
    """Rows whose own ID, valid further identifier or merged ID it is; ``None`` = of any issuer."""
    found = sorted(connection.execute(_HOLDERS[issuer is None], {
        "patient_id": patient_id, "issuer": issuer, "most": limit}).all())
    rows = dict.fromkeys(row for kind, row in found if kind != _MERGED)
    if any(kind == _MERGED for kind, _ in found):
        rows |= dict.fromkeys(rows_merged_as(connection, patient_id, issuer))
    return [*rows]


def _holders(any_issuer: bool) -> sa.CompoundSelect[Any]:
    """(Kind, row) of all in one statement; of merges the first shows that there are some."""
    own, further, merge = patient.c, patient_identifier.c, patient_merge.c
    parts = []
    for kind, row, number, issuer, lasts in (
            (_OWN, own.id, own.patient_id, own.issuer, sa.true()),
            (_FURTHER, further.patient, further.patient_id, further.issuer,
             further.valid_to == ""),
            (_MERGED, merge.id, merge.prior_id, merge.prior_issuer, LASTS)):
        query = sa.select(row.label("row")).where(number == sa.bindparam("patient_id"), lasts)
        if not any_issuer:
            query = query.where(issuer == sa.bindparam("issuer"))
        held = query.limit(sa.bindparam("most", type_=sa.Integer)).subquery()
        parts.append(sa.select(sa.literal_column(str(kind)), held.c.row))
    return sa.union_all(*parts)


_HOLDERS = {any_issuer: _holders(any_issuer) for any_issuer in (False, True)}


def lists(connection: sa.Connection, keys: Sequence[BlockingKey], birth_dates: Sequence[str], *,
          limit: int) -> list[list[int]]:
    """For each of the blocking keys, then for each birth date, the rows that have it; of a list
    that is longer than ``limit`` only the first ``limit`` rows."""
    found: list[list[int]] = [[] for _ in range(len(keys) + len(birth_dates))]
    if not found:
        return []
    values: dict[str, str | int] = {"most": limit}
    for place, (kind, key) in enumerate(keys):
        values |= {f"kind{place}": kind, f"key{place}": key}
    values |= {f"date{place}": date for place, date in enumerate(birth_dates)}
    for place, rows in connection.execute(_lists(len(keys), len(birth_dates)), values).all():
        found[place] = [*map(int, rows.split())] if rows else []
    return found


@lru_cache(maxsize=256)
def _lists(keys: int, dates: int) -> sa.CompoundSelect[Any]:
    """One statement for all of them, and a text for each: a dozen statements, or thousands of
    rows, would take longer to hand over than to answer."""
    most = sa.bindparam("most", type_=sa.Integer)
    parts = [sa.select(patient_key.c.patient.label("row")).where(
        patient_key.c.kind == sa.bindparam(f"kind{place}"),
        patient_key.c.key == sa.bindparam(f"key{place}")).limit(most) for place in range(keys)]
    parts += [sa.select(patient.c.id.label("row")).where(
        patient.c.patient_birth_date == sa.bindparam(f"date{place}")).limit(most)
        for place in range(dates)]
    return sa.union_all(*(
        sa.select(sa.literal_column(str(place)), sa.func.aggregate_strings(
            sa.cast(part.subquery().c.row, sa.Text), " ")) for place, part in enumerate(parts)))


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
