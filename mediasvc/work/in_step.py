"""Several files worked on in step: the first step of each, then the second of each.

What one step needs of the interpreter and of our own code is in the processor's cache after the
first file; between the pixels of two files it is not, and the same step takes five times as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

from mediasvc.work.batches import each

_Result = TypeVar("_Result")
#: Yields between its steps.
Steps = Generator[None, None, _Result]
Row = dict[str, Any]

_MORE = object()


def in_step(works: Iterable[Steps[Row]]) -> list[Row]:
    """What each of them returns, or its error as `batches.each` says it; in their order."""
    items = [{"work": timed(work)} for work in works]
    rows = each(_stepped, items)
    while more := [number for number, row in enumerate(rows) if row is _MORE]:
        for number, row in zip(more, each(_stepped, [items[at] for at in more]), strict=True):
            rows[number] = row
    return rows


def _stepped(item: dict[str, Steps[Row]]) -> Any:
    try:
        next(item["work"])
    except StopIteration as end:
        return end.value
    return _MORE


def timed(work: Steps[Row]) -> Steps[Row]:
    """The same with ``seconds`` in its row: those of its own steps."""
    spent = 0.0
    while True:
        started = time.perf_counter()
        try:
            next(work)
        except StopIteration as end:
            return {**end.value, "seconds": round(spent + time.perf_counter() - started, 6)}
        spent += time.perf_counter() - started
        yield


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
