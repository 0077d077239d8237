"""What is just being filed, or taken back, is neither moved nor handed out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mediasvc.errors import StateError
from mediasvc.store import ledger

if TYPE_CHECKING:
    from mediasvc.store.db import Connection


def require_at_rest(connection: Connection, packages: Iterable[int]) -> None:
    """Raises StateError when one of the packages is under way."""
    for number in packages:
        if ledger.package(connection, number).state == "receiving":
            raise StateError(f"Package {number} is just being filed or taken back.",
                             "Try again when that is done.")
