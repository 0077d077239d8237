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
        def part(connection: sa.Connection, size: int) -> int:
            nonlocal first
            end = min(stop, first + size)
            work(connection, first, end)
            done, first = end - first, end
            return done

        while first < stop:
            _, size = self._one(part, size)

    def repeat(self, work: Callable[[sa.Connection, int], int], size: int) -> None:
        """Call ``work(connection, size)`` in one transaction after the other, until it says that it
        has done less than it was asked for."""
        done = asked = size
        while done == asked:
            asked = size
            done, size = self._one(work, asked)

    def _one(self, work: Callable[[sa.Connection, int], int], size: int) -> tuple[int, int]:
        """How much was done, and the size of the next part."""
        with self._aside.transaction() as connection:
            began = time.monotonic()
            done = work(connection, size)
        took = max(time.monotonic() - began, 0.001)
        if took > SECONDS / 4 or done == size:
            self._let_others()
        if done == size:
            size = max(SMALLEST, min(LARGEST, int(size * min(2.0, SECONDS / took))))
        return done, size

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
