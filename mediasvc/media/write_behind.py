"""Writing and hashing beside the reading of what is written: two halves of one core each."""

from __future__ import annotations

import hashlib
import queue
import threading
from types import TracebackType
from typing import BinaryIO, Self

#: Parts that wait to be written, of at most a MiB each.
WAITING = 16
#: Smaller parts are joined before they are handed over.
JOINED = 256 << 10


class WriteBehind:
    """A thread writes to ``target`` what `write` was given, in order, and hashes it.

    At the end of the ``with`` block everything is handed to ``target``; `sha256` is known then.
    Errors of the writing are raised by `write` or at the end.
    """

    def __init__(self, target: BinaryIO) -> None:
        self.written = 0
        self.sha256 = ""
        self._target = target
        self._parts: list[bytes] = []
        self._size = 0
        self._error: BaseException | None = None
        self._full: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._hashing: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._threads = [threading.Thread(target=work, daemon=True)
                         for work in (self._write_all, self._hash_all)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is None:
            self._hand_over()
        for line in (self._full, self._hashing):
            line.put(None)
        for thread in self._threads:
            thread.join()
        if error is None and self._error is not None:
            raise self._error

    def write(self, data: bytes) -> None:
        """``data`` must not change afterwards."""
        self.written += len(data)
        if len(data) >= JOINED:  # as it is: joining would copy it
            self._hand_over()
            self._put(data)
            return
        self._parts.append(data)
        self._size += len(data)
        if self._size >= JOINED:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._parts:
            self._put(b"".join(self._parts))
            self._parts, self._size = [], 0

    def _put(self, data: bytes) -> None:
        if self._error is not None:
            raise self._error
        self._full.put(data)
        self._hashing.put(data)

    def _write_all(self) -> None:
        while (data := self._full.get()) is not None:
            if self._error is None:
                try:
                    self._target.write(data)
                except BaseException as error:
                    self._error = error

    def _hash_all(self) -> None:
        digest = hashlib.sha256()
        while (data := self._hashing.get()) is not None:
            digest.update(data)
        self.sha256 = digest.hexdigest()
