"""Pages that were handed out, found again by their hash."""

from __future__ import annotations

import json

import sqlalchemy as sa

from mediasvc.store.db import upsert
from mediasvc.store.events import Event
from mediasvc.store.schema import event
from mediasvc.store.schema import import_report as table


def put(connection: sa.Connection, sha256: str, seq: int) -> None:
    """``seq``: the event that says who made the page; of two equal pages the first counts."""
    connection.execute(upsert(connection, table, key=("sha256",), update=()),
                       {"sha256": sha256, "event": seq})


def find(connection: sa.Connection, sha256: str) -> Event | None:
    """The event, when it still says what the row says: the chain is the proof, not the table."""
    row = connection.execute(sa.select(event).join(table, table.c.event == event.c.seq).where(
        table.c.sha256 == sha256)).mappings().first()
    if row is None:
        return None
    found = Event(**{**row, "data": json.loads(row["data"])})
    return found if found.data.get("sha256") == sha256 else None
