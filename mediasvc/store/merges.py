"""Merged identifiers: prior → survivor, as rows that begin and end (DESIGN §5).

The rows that last form a forest over identifiers. Whom an identifier means now is the last one on
its way up that the index has as a patient; so a merge into somebody who is not there yet is an
intent, and takes effect by itself when they come.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mediasvc.model import PatientKey
from mediasvc.store.among import among
from mediasvc.store.schema import patient
from mediasvc.store.schema import patient_merge as table

_CHUNK = 400
#: Put together once: a message of the patient feed asks a dozen questions.
_OWN = sa.select(patient.c.id, patient.c.patient_id, patient.c.issuer)
_OWN_BY_ID = _OWN.where(among(patient.c.patient_id, "ids"))
_OWN_BY_ROW = _OWN.where(among(patient.c.id, "rows"))
# Written out, because a bound value does not show SQLite that its partial index can be used.
LASTS = table.c.ended_at == sa.literal_column("''")
_LASTING = sa.select(table).where(LASTS).order_by(table.c.id)
_IS_PRIOR, _IS_SURVIVOR = among(table.c.prior_id, "ids"), among(table.c.survivor_id, "ids")
_FROM, _INTO = _LASTING.where(_IS_PRIOR), _LASTING.where(_IS_SURVIVOR)
_ANY = sa.select(sa.or_(sa.exists().where(LASTS, _IS_PRIOR),
                        sa.exists().where(LASTS, _IS_SURVIVOR)))
_BETWEEN = sa.select(table).where(sa.or_(*(
    sa.and_(table.c.prior_id == sa.bindparam(f"{one}_id"),
            table.c.prior_issuer == sa.bindparam(f"{one}_issuer"),
            table.c.survivor_id == sa.bindparam(f"{other}_id"),
            table.c.survivor_issuer == sa.bindparam(f"{other}_issuer"))
    for one, other in (("a", "b"), ("b", "a"))))).order_by(table.c.id)
_ADD = sa.insert(table)
_CONFIRM = sa.update(table).where(table.c.id == sa.bindparam("number"),
                                  table.c.merged_at < sa.bindparam("at")).values(
    merged_at=sa.bindparam("at"))
_END = sa.update(table).where(table.c.id == sa.bindparam("number"),
                              table.c.ended_at < sa.bindparam("at")).values(
    ended_at=sa.bindparam("at"), ended_by=sa.bindparam("by"))


@dataclass(frozen=True, slots=True)
class Merge:
    """One row. ``ended_at`` is empty while it lasts, ``merged_at`` where only the end is known."""

    id: int
    prior: PatientKey
    survivor: PatientKey
    merged_at: str
    merged_by: str
    ended_at: str
    ended_by: str


def add_merge(connection: sa.Connection, prior: PatientKey, survivor: PatientKey, *,
              merged_at: str = "", merged_by: str = "", ended_at: str = "",
              ended_by: str = "") -> None:
    connection.execute(_ADD, {
        "prior_id": prior.patient_id, "prior_issuer": prior.issuer,
        "survivor_id": survivor.patient_id, "survivor_issuer": survivor.issuer,
        "merged_at": merged_at, "merged_by": merged_by, "ended_at": ended_at,
        "ended_by": ended_by})


def confirm_merge(connection: sa.Connection, number: int, at: str) -> None:
    """It was said again; the newest time counts."""
    connection.execute(_CONFIRM, {"number": number, "at": at})


def end_merge(connection: sa.Connection, number: int, at: str, by: str) -> None:
    """It lasts no longer; said again, the newest time counts."""
    connection.execute(_END, {"number": number, "at": at, "by": by})


def merges_between(connection: sa.Connection, a: PatientKey, b: PatientKey) -> list[Merge]:
    """Every row of the two, in either direction, lasting or ended; the oldest first."""
    return _merges(connection, _BETWEEN, {
        "a_id": a.patient_id, "a_issuer": a.issuer, "b_id": b.patient_id, "b_issuer": b.issuer})


def history(connection: sa.Connection, keys: Sequence[PatientKey]) -> list[Merge]:
    """Every row in which one of the identifiers stands, the oldest first."""
    ids = {key.patient_id for key in keys}
    found = _merges(connection, sa.select(table).where(sa.or_(
        table.c.prior_id.in_(ids), table.c.survivor_id.in_(ids))).order_by(table.c.id))
    return [one for one in found if {one.prior, one.survivor} & set(keys)]


def ways_up(connection: sa.Connection, keys: Sequence[PatientKey]) -> list[list[PatientKey]]:
    """For each identifier: itself, what it was merged into, and so on; the last is in nobody."""
    above = _above(connection, keys)
    ways = [[key] for key in keys]
    for way in ways:
        while (following := above.get(way[-1])) and following not in way:
            way.append(following)
    return ways


def survivor_row(connection: sa.Connection, key: PatientKey) -> int | None:
    """Row of the patient whom the identifier, as an own or a merged one, means now."""
    way, = ways_up(connection, [key])
    rows = rows_of(connection, way)
    return next((rows[one] for one in reversed(way) if one in rows), None)


def survivors(connection: sa.Connection, rows: Iterable[int]) -> dict[int, int]:
    """Row → row of the patient who it is now; most are themselves."""
    return survivors_of(connection, keys_of(connection, rows))


def survivors_of(connection: sa.Connection, own: dict[int, PatientKey]) -> dict[int, int]:
    """As `survivors`, of rows with their own identifiers."""
    above = _above(connection, list(own.values()))
    if not above:
        return {row: row for row in own}
    there = rows_of(connection, [*own.values(), *above.values(), *above])
    result = {}
    for row, key in own.items():
        result[row], seen = row, {key}
        while (following := above.get(key)) and following not in seen:
            seen.add(key := following)
            result[row] = there.get(key, result[row])
    return result


def merged_into(connection: sa.Connection, keys: Sequence[PatientKey]) -> dict[
        PatientKey, list[Merge]]:
    """For each identifier the lasting merges that end in it, over any number of steps."""
    found: dict[PatientKey, list[Merge]] = {key: [] for key in keys}
    top = {key: key for key in keys}
    level = list(keys)
    while level:
        below = _lasting(connection, level, _INTO)
        level = []
        for one in below:
            if one.survivor in top and one.prior not in top:
                top[one.prior] = top[one.survivor]
                found[top[one.prior]].append(one)
                level.append(one.prior)
    return found


def family_rows(connection: sa.Connection, row: int) -> list[int]:
    """Rows of everybody who is the same person as ``row`` now."""
    top = survivors(connection, [row]).get(row, row)
    keys = list(keys_of(connection, [top]).values())
    merged = [one.prior for below in merged_into(connection, keys).values() for one in below]
    return sorted({row, top, *rows_of(connection, merged).values()})


def rows_of(connection: sa.Connection, keys: Sequence[PatientKey]) -> dict[PatientKey, int]:
    """Those of the identifiers that are a patient's own. By Patient ID first: SQLite has no index
    look-up for pairs."""
    rows: dict[PatientKey, int] = {}
    wanted = set(keys)
    for start in range(0, len(keys), _CHUNK):
        ids = {one.patient_id for one in keys[start:start + _CHUNK]}
        for number, *key in connection.execute(_OWN_BY_ID, {"ids": [*ids]}):
            if PatientKey(*key) in wanted:
                rows[PatientKey(*key)] = number
    return rows


def keys_of(connection: sa.Connection, rows: Iterable[int]) -> dict[int, PatientKey]:
    """The own identifier of each row that is there."""
    ordered, found = sorted(set(rows)), {}
    for start in range(0, len(ordered), _CHUNK):
        for number, *key in connection.execute(_OWN_BY_ROW, {
                "rows": ordered[start:start + _CHUNK]}).all():
            found[number] = PatientKey(*key)
    return found


def in_any(connection: sa.Connection, ids: Collection[str]) -> bool:
    """Whether one of the Patient IDs stands in a lasting merge, which few do."""
    return bool(connection.execute(_ANY, {"ids": [*ids]}).scalar())


def rows_merged_as(connection: sa.Connection, patient_id: str, issuer: str | None) -> list[int]:
    """Rows of the patients whom a merged identifier means now; ``None`` = of any issuer."""
    merged = [one for one in _merges(connection, _FROM, {"ids": [patient_id]})
              if issuer is None or one.prior.issuer == issuer]
    found = (survivor_row(connection, one.prior) for one in merged)
    return [row for row in found if row is not None]


def _above(connection: sa.Connection, keys: Sequence[PatientKey]) -> dict[PatientKey, PatientKey]:
    """prior → survivor for the identifiers and all that are above them."""
    above: dict[PatientKey, PatientKey] = {}
    level = list(keys)
    while level:
        found = {one.prior: one.survivor for one in _lasting(connection, level, _FROM)
                 if one.prior not in above}
        wanted = set(level)
        found = {prior: survivor for prior, survivor in found.items() if prior in wanted}
        above |= found
        level = [one for one in dict.fromkeys(found.values()) if one not in above]
    return above


def _lasting(connection: sa.Connection, keys: Sequence[PatientKey],
             query: sa.Select[Any]) -> list[Merge]:
    found: list[Merge] = []
    for start in range(0, len(keys), _CHUNK):
        ids = {one.patient_id for one in keys[start:start + _CHUNK]}
        found += _merges(connection, query, {"ids": list(ids)})
    return found


def _merges(connection: sa.Connection, query: sa.Select[Any],
            values: dict[str, Any] | None = None) -> list[Merge]:
    return [Merge(row.id, PatientKey(row.prior_id, row.prior_issuer),
                  PatientKey(row.survivor_id, row.survivor_issuer), row.merged_at, row.merged_by,
                  row.ended_at, row.ended_by)
            for row in connection.execute(query, values)]
