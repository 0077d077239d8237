"""A second thread that writes one file after the other, so that the first need not wait for the
disk while it computes. More threads would mostly wait for each other's turn with the interpreter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

#: Files under way at a time, and so in memory.
MOST = 3
_Result = TypeVar("_Result")


class Writer:
    """One for each process; not thread-safe."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._going: deque[Future[Any]] = deque()

    def soon(self, function: Callable[..., _Result], *arguments: Any) -> Future[_Result]:
        """Have it called after all that came before; waits while too much is under way."""
        while len(self._going) >= MOST:
            wait([self._going.popleft()])
        going = self._pool.submit(function, *arguments)
        self._going.append(going)
        return going
