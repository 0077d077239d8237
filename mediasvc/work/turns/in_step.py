"""Several files worked on in step: the first step of each, then the second of each.

What one step needs of the interpreter and of our own code is in the processor's cache after the
first file; between the pixels of two files it is not, and the same step takes five times as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

from mediasvc.work.turns.batches import tried

_Result = TypeVar("_Result")
#: Yields between its steps.
Steps = Generator[None, None, _Result]
Row = dict[str, Any]

_MORE = object()


def in_step(works: Iterable[Steps[Row]]) -> list[Row]:
    """What each of them returns, with the ``seconds`` of its own steps, or its error as
    `batches.each` says it; in their order."""
    going = list(enumerate(works))
    rows: list[Any] = [_MORE] * len(going)
    spent, clock = [0.0] * len(going), time.perf_counter()
    while going:
        for number, work in going:
            rows[number] = row = tried(_stepped, work)
            now = time.perf_counter()
            spent[number] += now - clock
            clock = now
            if row is not _MORE and "error" not in row:
                row["seconds"] = round(spent[number], 6)
        going = [one for one in going if rows[one[0]] is _MORE]
    return rows


def _stepped(work: Steps[Row]) -> Any:
    try:
        next(work)
    except StopIteration as end:
        return end.value
    return _MORE


def at_once(work: Steps[_Result]) -> _Result:
    """All steps of one."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: _Result = end.value
            return result


def groups(items: list[Row], bytes_of: Callable[[Row], int], most: int, most_bytes: int,
           ) -> Iterator[list[Row]]:
    """Neighbours in groups of up to ``most`` items and ``most_bytes``; a large one is alone."""
    group: list[Row] = []
    size = 0
    for item in items:
        more = bytes_of(item)
        if group and (len(group) == most or size + more > most_bytes):
            yield group
            group, size = [], 0
        group.append(item)
        size += more
    if group:
        yield group
