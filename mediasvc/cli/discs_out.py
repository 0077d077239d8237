"""Discs that went out with images about which something changes: somebody may want to ring up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mediasvc.cli.session import Session

if TYPE_CHECKING:
    from mediasvc.work.desk import Desk


def tell_discs(session: Session, desk: Desk, numbers: Iterable[int], more: str = "") -> None:
    """A line for each; their numbers are in the summary."""
    from mediasvc.store.discs import disc

    with desk.store.read() as connection:
        for one in [disc(connection, number) for number in numbers]:
            whom = f", for {one.recipient}" if one.recipient else ""
            session.say(f"  Some of it left the house on disc {one.id} ({one.created_at[:10]}"
                        f"{whom}){more}.")
