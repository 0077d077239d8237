"""What happened, as a chain: each event's hash covers the one before it (invariant 16)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from mediasvc.store.schema import event

GENESIS = "0" * 64
_PAGE = 5000
_NEWEST = sa.select(event.c.seq, event.c.hash).order_by(event.c.seq.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Event:
    """``subject`` is a row's number or a digest and ``data`` names fields, never patients' values:
    what stands here cannot be taken back."""

    seq: int
    at: str
    subject_kind: str
    subject: str
    action: str
    by: str
    data: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The verdict: ``broken_at`` is the seq of the first event that does not fit, or 0."""

    events: int
    head: str
    broken_at: int = 0
    text: str = ""

    @property
    def whole(self) -> bool:
        return self.broken_at == 0


def now() -> str:
    """The time as every table has it: UTC, ISO 8601, microseconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def record(connection: sa.Connection, subject_kind: str, subject: str | int, action: str, *,
           by: str = "", data: dict[str, Any] | None = None) -> int:
    """Append one event to the chain; returns its seq. Only inside ``Store.transaction``."""
    return record_many(connection, [(subject_kind, subject, action, data)], by=by)


def record_many(connection: sa.Connection,
                events: Iterable[tuple[str, str | int, str, dict[str, Any] | None]], *,
                by: str = "") -> int:
    """Append ``(subject_kind, subject, action, data)``; returns the last seq (0 without events)."""
    seq, previous = head(connection)
    at, rows = now(), []
    for subject_kind, subject, action, data in events:
        seq += 1
        row = {"seq": seq, "at": at, "subject_kind": subject_kind, "subject": str(subject),
               "action": action, "by": by, "data": _canonical(data or {})}
        previous = row["hash"] = _link(previous, row)
        rows.append(row)
    if rows:
        connection.execute(sa.insert(event), rows)
    return seq if rows else 0


def head(connection: sa.Connection) -> tuple[int, str]:
    """(seq, hash) of the last event; printed in reports it also proves that none was cut off."""
    row = connection.execute(_NEWEST).first()
    return (row.seq, row.hash) if row else (0, GENESIS)


def events(connection: sa.Connection, subject_kind: str = "", subject: str | int = "",
           ) -> Iterator[Event]:
    """In order, of one subject or of all."""
    query = sa.select(event)
    if subject_kind:
        query = query.where(event.c.subject_kind == subject_kind,
                            event.c.subject == str(subject))
    for row in _pages(connection, query):
        yield _event(row)


def last_event(connection: sa.Connection, subject_kind: str, subject: str | int, action: str,
               ) -> Event | None:
    """The newest of this kind."""
    row = connection.execute(sa.select(event).where(
        event.c.subject_kind == subject_kind, event.c.subject == str(subject),
        event.c.action == action).order_by(event.c.seq.desc()).limit(1)).mappings().first()
    return _event(row) if row else None


def verify_chain(connection: sa.Connection) -> Chain:
    """Recompute every hash from the first event on."""
    previous, expected = GENESIS, 0
    for row in _pages(connection, sa.select(event)):
        expected += 1
        if row["seq"] != expected:
            return Chain(expected - 1, previous, expected, "an event is missing")
        if row["hash"] != _link(previous, row):
            return Chain(expected - 1, previous, expected, "an event was changed")
        previous = row["hash"]
    return Chain(expected, previous)


def _pages(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[sa.RowMapping]:
    last = 0
    while True:
        page = connection.execute(
            query.where(event.c.seq > last).order_by(event.c.seq).limit(_PAGE)).mappings().all()
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1]["seq"]


def _event(row: sa.RowMapping) -> Event:
    return Event(**{**row, "data": json.loads(row["data"])})


def _link(previous: str, row: Any) -> str:
    fields = {key: row[key] for key in ("seq", "at", "subject_kind", "subject", "action", "by",
                                        "data")}
    return hashlib.sha256(previous.encode() + _canonical(fields).encode()).hexdigest()


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"),
                      allow_nan=False)
