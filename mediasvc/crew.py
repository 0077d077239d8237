"""Who works next: a few of something that each do one piece of work at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

_Member = TypeVar("_Member")


class Crew(Generic[_Member]):
    """Hands out its members, the first ones first, and in turn to those who wait. Thread-safe."""

    def __init__(self, members: Sequence[_Member]) -> None:
        self._members = members
        self._guard = threading.Lock()
        self._idle = list(range(len(members)))
        self._waiting: deque[_Ticket] = deque()

    @contextmanager
    def one(self) -> Iterator[_Member]:
        """A member that nobody else has until the end of the block; waits for one."""
        at = self._take()
        try:
            yield self._members[at]
        finally:
            self._give(at)

    def _take(self) -> int:
        with self._guard:
            if self._idle:
                return self._idle.pop(0)
            ticket = _Ticket()
            self._waiting.append(ticket)
        ticket.called.wait()
        return ticket.member

    def _give(self, at: int) -> None:
        with self._guard:
            if self._waiting:
                ticket = self._waiting.popleft()
                ticket.member = at
                ticket.called.set()
                return
            self._idle.append(at)
            self._idle.sort()


class _Ticket:
    """Of one who waits."""

    def __init__(self) -> None:
        self.called, self.member = threading.Event(), -1
