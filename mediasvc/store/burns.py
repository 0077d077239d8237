"""Discs on their way onto a medium, and what left when, for whom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import sqlalchemy as sa

from mediasvc.errors import NotFoundError, StateError
from mediasvc.model import PatientKey
from mediasvc.store import merges, states
from mediasvc.store.discs import Disc
from mediasvc.store.events import events, now, record
from mediasvc.store.schema import burn as table
from mediasvc.store.schema import disc, disc_instance, event, instance, series, study

BurnState = Literal["planned", "built", "verified", "released", "failed"]
Method = Literal["drive", "folder", "robot"]
CHANGES = frozenset({"program", "job", "reason"})


@dataclass(frozen=True, slots=True)
class Burn:
    """``target``: device, folder, or name of the robot; ``job``: its job file, without the
    extension, which tells how far it is."""

    id: int
    disc_id: int
    state: BurnState
    method: Method
    target: str
    program: str
    job: str
    copies: int
    reason: str
    created_at: str
    changed_at: str
    by: str


_COLUMNS = [table.c[field.name] for field in fields(Burn)]


def plan_burn(connection: sa.Connection, disc_id: int, *, method: Method, target: str,
              copies: int = 1, by: str = "") -> Burn:
    """A new row in state planned. Raises StateError unless the disc is released."""
    state = connection.execute(sa.select(disc.c.state).where(disc.c.id == disc_id)).scalar()
    if state != "released":
        raise StateError(f"Disc {disc_id} is {state or 'unknown'}; only a released one is burnt.")
    moment = now()
    number = int(connection.execute(sa.insert(table).values(
        disc_id=disc_id, state="planned", method=method, target=target, copies=copies, by=by,
        created_at=moment, changed_at=moment).returning(table.c.id)).scalar_one())
    record(connection, "disc", disc_id, "burn-planned", by=by,
           data={"burn": number, "method": method, "copies": copies})
    return burn(connection, number)


def burn(connection: sa.Connection, number: int) -> Burn:
    """Raises NotFoundError."""
    row = connection.execute(sa.select(*_COLUMNS).where(table.c.id == number)).first()
    if row is None:
        raise NotFoundError(f"There is no burn {number}.")
    return Burn(*row)


def change_burn(connection: sa.Connection, number: int, *, expect: BurnState, to: BurnState,
                by: str = "", **columns: str) -> Burn:
    """The only place where a burn's state changes; ``columns``: program, job, reason.

    Raises StateError when the edge is not listed or the state is not ``expect`` any more.
    """
    if unknown := set(columns) - CHANGES:
        raise TypeError(f"not a column that changes: {sorted(unknown)}")
    states.require_edge(states.BURN, f"Burn {number}", expect, to)
    done = connection.execute(sa.update(table).where(
        table.c.id == number, table.c.state == expect).values(
            state=to, changed_at=now(), **columns))
    if done.rowcount != 1:
        raise StateError(f"Burn {number} is {burn(connection, number).state}, not {expect}.")
    row = burn(connection, number)
    record(connection, "disc", row.disc_id, f"burn-{to}", by=by, data={"burn": number})
    return row


def note_job(connection: sa.Connection, number: int, job: str) -> None:
    """Where the job file of a planned burn will stand, before it does."""
    connection.execute(sa.update(table).where(table.c.id == number).values(job=job))


def burns(connection: sa.Connection, *, disc_id: int | None = None, open_only: bool = False,
          ) -> list[Burn]:
    """Oldest first; ``open_only``: those that are neither released nor failed."""
    query = sa.select(*_COLUMNS).order_by(table.c.id)
    if disc_id is not None:
        query = query.where(table.c.disc_id == disc_id)
    if open_only:
        query = query.where(table.c.state.in_(("planned", "built", "verified")))
    return [Burn(*row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Handed:
    """A disc that was released: who made it, for whom, and with what on it. ``patients`` are those
    whom it names, ``now`` others whose images they have been since; ``noted`` what else the ledger
    says of it (see `noted`)."""

    disc: Disc
    patients: tuple[PatientKey, ...]
    now: tuple[PatientKey, ...]
    studies: int
    instances: int
    noted: dict[str, Any]


def noted(connection: sa.Connection, disc_id: int) -> dict[str, Any]:
    """What the ledger says of a disc, the latest of each: ``patients`` (rows) that it was made of,
    ``deidentified`` (the options), ``encrypted`` (zip or cms) …"""
    found: dict[str, Any] = {}
    for one in events(connection, "disc", disc_id):
        found |= one.data
    return found


def handed_out(connection: sa.Connection, *, whose: int | None = None, since: str = "",
               until: str = "", recipient: str = "") -> Iterator[Handed]:
    """Released discs, oldest first. ``whose``: row of a patient; ``since`` and ``until`` (that day
    too): YYYY-MM-DD, UTC; ``recipient``: part of the name, in capitals or not."""
    query = sa.select(*(disc.c[field.name] for field in fields(Disc))).where(
        disc.c.state == "released", disc.c.created_at >= since).order_by(disc.c.id)
    if until:
        query = query.where(disc.c.created_at < until + "T99")
    if recipient:
        query = query.where(disc.c.recipient.icontains(recipient, autoescape=True))
    planned = _planned_for(connection)
    if whose is not None:
        noted = [number for number, rows in planned.items() if whose in rows]
        query = query.where(sa.or_(disc.c.id.in_(noted), disc.c.id.in_(
            _carried(sa.select(disc_instance.c.disc_id)).where(study.c.patient == whose))))
    for row in connection.execute(query).all():
        yield _handed(connection, Disc(*row), planned.get(row.id, ()))


def _planned_for(connection: sa.Connection) -> dict[int, tuple[int, ...]]:
    """Disc → rows of the patients whose studies were asked for, as the ledger noted it."""
    rows = connection.execute(sa.select(event.c.subject, event.c.data).where(
        event.c.subject_kind == "disc", event.c.action == "planned"))
    return {int(subject): tuple(json.loads(data).get("patients", ())) for subject, data in rows}


def _handed(connection: sa.Connection, one: Disc, planned: Sequence[int]) -> Handed:
    """What is on it. Whose it was when it was made is noted for all discs of an export together;
    where each of them is known to the index and none has moved, the index says it of each disc."""
    carried = connection.execute(_carried(sa.select(study.c.patient).distinct()).where(
        disc_instance.c.disc_id == one.id)).scalars()
    whose = set(merges.survivors(connection, carried).values())
    as_made = set(planned) if planned and not (whose and whose <= set(planned)) else whose
    studies = connection.execute(_carried(sa.select(
        sa.func.count(study.c.study_instance_uid.distinct()))).where(
            disc_instance.c.disc_id == one.id)).scalar_one()
    instances = connection.execute(sa.select(sa.func.count()).select_from(disc_instance).where(
        disc_instance.c.disc_id == one.id)).scalar_one()
    return Handed(one, _keys(connection, as_made), _keys(connection, whose - as_made), studies,
                  instances, noted(connection, one.id))


def _keys(connection: sa.Connection, rows: Iterable[int]) -> tuple[PatientKey, ...]:
    return tuple(sorted(merges.keys_of(connection, rows).values(), key=str))


def studies_on(connection: sa.Connection, disc_id: int) -> dict[str, list[str]]:
    """Study Instance UID of what a disc carries → modalities of it that it carries, as far as the
    index knows it."""
    found: dict[str, list[str]] = {}
    for uid, modality in connection.execute(_carried(sa.select(
            study.c.study_instance_uid, series.c.modality).distinct()).where(
                disc_instance.c.disc_id == disc_id).order_by(
                    study.c.study_instance_uid, series.c.modality)):
        found.setdefault(uid, []).extend([modality] if modality else [])
    return found


def _carried(query: Any) -> Any:
    """From the files of a disc to the studies that the index knows them in."""
    return query.select_from(disc_instance).join(
        instance, instance.c.sop_instance_uid == disc_instance.c.sop_instance_uid).join(
        series, series.c.series_instance_uid == instance.c.series_instance_uid).join(
        study, study.c.study_instance_uid == series.c.study_instance_uid)


def not_handed_out(connection: sa.Connection, uids: Iterable[str]) -> list[str]:
    """Of these studies the ones with an instance that no released disc carries."""
    found = []
    released = sa.select(disc_instance.c.sop_instance_uid).join(
        disc, disc.c.id == disc_instance.c.disc_id).where(disc.c.state == "released")
    for uid in uids:
        left = sa.select(instance.c.sop_instance_uid).join(
            series, series.c.series_instance_uid == instance.c.series_instance_uid).where(
                series.c.study_instance_uid == uid,
                instance.c.sop_instance_uid.not_in(released)).limit(1)
        if connection.execute(left).first() is not None:
            found.append(uid)
    return found
