"""What is just being filed, or taken back, is neither moved nor handed out; what is being moved is
not moved otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mediasvc.errors import StateError
from mediasvc.store import ledger, refiles
from mediasvc.store.refiles import Refile

if TYPE_CHECKING:
    from mediasvc.store.db import Connection


def require_at_rest(connection: Connection, packages: Iterable[int]) -> None:
    """Raises StateError when one of the packages is under way."""
    for number in packages:
        if ledger.package(connection, number).state == "receiving":
            raise StateError(f"Package {number} is just being filed or taken back.",
                             "Try again when that is done.")


def require_not_moving(connection: Connection, studies: Sequence[str]) -> None:
    """Raises StateError when one of the studies is just being moved."""
    if moving := refiles.under_way(connection, studies):
        raise just_moving(moving)


def just_moving(one: Refile) -> StateError:
    return StateError(f"They are just being moved (refile {one.id}).",
                      "Try again when that is done.")
