"""Work for the sandbox whose answers are wanted in the order of the items, a few ahead of it.

Like `batches.run_batches`, but no answer overtakes another, and children never work more than a
window ahead: what they write for the caller meanwhile is never much.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any

from mediasvc.sandbox import Answer, Sandbox
from mediasvc.work.turns.batches import Item, single

#: Items that may be finished or under way before the first of them is taken.
WINDOW = 32
_Batch = list[tuple[int, Item]]


def run_in_turn(sandbox: Sandbox, function: str, items: Iterable[Item], size: int, **common: Any,
                ) -> Generator[tuple[Item, Answer], None, None]:
    """Call ``function(items=[…], **common)``, which answers a list as long as its ``items``; yields
    ``(item, Answer)`` in order. A batch whose child dies is tried again item by item."""
    line = _Line(items, size, common)
    done: dict[int, tuple[Item, Answer]] = {}
    for answer in sandbox.map(function, line.requests(), line.stop):
        batch, again = answer.key
        if answer.error and not again:
            line.repeat(batch)
            continue
        values = [answer] if answer.error else map(single, answer.value)
        done.update((at, (item, value))
                    for (at, item), value in zip(batch, values, strict=True))
        line.answered(len(batch))
        while line.due in done:
            yield done.pop(line.due)
            line.advance()


class _Line:
    """What is to be done next; asked by the thread that feeds the children."""

    def __init__(self, items: Iterable[Item], size: int, common: dict[str, Any]) -> None:
        self._items = iter(enumerate(items))
        self._size, self._common = size, common
        self._again: deque[_Batch] = deque()
        self._change = threading.Condition()
        self._given = self._answered = self.due = 0
        self._at_end = self._stopped = False

    def requests(self) -> Iterator[tuple[tuple[_Batch, bool], dict[str, Any]]]:
        while (found := self._next()) is not None:
            yield found, {"items": [item for _, item in found[0]], **self._common}

    def _next(self) -> tuple[_Batch, bool] | None:
        with self._change:
            while not self._stopped:
                if self._again:
                    return self._again.popleft(), True
                if not self._at_end and self._given < self.due + WINDOW:
                    batch = list(islice(self._items, self._size))
                    self._at_end = len(batch) < self._size
                    self._given += len(batch)
                    if batch:
                        return batch, False
                    continue
                if self._at_end and self._answered == self._given:
                    return None
                self._change.wait()
            return None

    def repeat(self, batch: _Batch) -> None:
        with self._change:
            self._again.extend([one] for one in batch)
            self._change.notify()

    def answered(self, count: int) -> None:
        with self._change:
            self._answered += count
            self._change.notify()

    def advance(self) -> None:
        with self._change:
            self.due += 1
            self._change.notify()

    def stop(self) -> None:
        with self._change:
            self._stopped = True
            self._change.notify()
