"""How a package names itself, kept while it was read."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from mediasvc.store.schema import package as table


def put(connection: sa.Connection, number: int, label: dict[str, Any]) -> None:
    connection.execute(sa.update(table).where(table.c.id == number).values(label=label))


def get(connection: sa.Connection, number: int) -> dict[str, Any] | None:
    """None for a package that came before labels were kept."""
    found: dict[str, Any] | None = connection.execute(
        sa.select(table.c.label).where(table.c.id == number)).scalar()
    return found
