"""Much to write, a little at a time, so that others who write wait for less than a second."""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa

from mediasvc.store.db import Aside

#: A transaction should take so long; the next one gets more or less to do accordingly.
SECONDS = 0.35
#: Who waits for SQLite's lock looks for it at least every 100 ms.
PAUSE = 0.11
#: While others write one thing after the other, they go first, but no longer than this.
PATIENCE = 2.0
SMALLEST, LARGEST = 50, 200_000


class Turns:
    """Transactions of ``aside``, one after the other with pauses between."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside

    def take(self, work: Callable[[sa.Connection, int, int], None], first: int, stop: int,
             size: int) -> None:
        """Call ``work(connection, a, b)`` for parts of ``range(first, stop)``, each of them in a
        transaction; the first one has ``size``."""
        while first < stop:
            end = min(stop, first + size)
            with self._aside.transaction() as connection:
                began = time.monotonic()
                work(connection, first, end)
            took = max(time.monotonic() - began, 0.001)
            if end - first == size:
                size = max(SMALLEST, min(LARGEST, int(size * min(2.0, SECONDS / took))))
            first = end
            if took > SECONDS / 4 or first < stop:
                self._let_others()

    def _let_others(self) -> None:
        """A pause, and another one for each in which somebody wrote. PostgreSQL's lock is given to
        those who wait in the order in which they came: none is needed."""
        if self._aside.is_fair:
            return
        until, seen = time.monotonic() + PATIENCE, self._aside.others_wrote()
        while time.monotonic() < until:
            time.sleep(PAUSE)
            now = self._aside.others_wrote()
            if now == seen:
                return
            seen = now
