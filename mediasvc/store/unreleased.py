"""Discs that were begun and are neither released nor given up."""

from __future__ import annotations

import sqlalchemy as sa

from mediasvc.store.discs import Disc, disc
from mediasvc.store.schema import disc as table


def unreleased_discs(connection: sa.Connection) -> list[Disc]:
    """In state planned, built or verified, oldest first."""
    numbers = connection.execute(sa.select(table.c.id).where(
        table.c.state.in_(("planned", "built", "verified"))).order_by(table.c.id)).scalars().all()
    return [disc(connection, number) for number in numbers]
