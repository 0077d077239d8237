"""Frames of one instance in several threads, handed on in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Order = TypeVar("_Order")
_Done = TypeVar("_Done")

#: Bytes that all frames under way may have, times what a frame needs while it is worked on: the
#: decoded samples, the encoded bytes, the samples decoded again.
UNDER_WAY, COPIES = 512 << 20, 4


def threads_for(wanted: int, frames: int, frame_bytes: int) -> int:
    """As many as are wanted, useful, and held in memory at a time; at least 1."""
    return max(1, min(wanted, frames, UNDER_WAY // (COPIES * max(1, frame_bytes))))


def in_order(function: Callable[[_Order], _Done], orders: Iterable[_Order], threads: int,
             ) -> Iterator[_Done]:
    """``map`` with threads: kernels and codec libraries let each other run. No more than one
    finished frame waits for each thread."""
    if threads == 1:
        yield from map(function, orders)
        return
    waiting: deque[Future[_Done]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for order in orders:
            waiting.append(pool.submit(function, order))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
