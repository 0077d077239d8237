"""Writing and hashing beside the reading of what is written: two halves of one core each."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, Self

from mediasvc.direct_write import block_buffer
from mediasvc.errors import DamagedError
from mediasvc.medium import read_into
from mediasvc.span import Span

#: Parts that are filled, written and hashed in turn, of a `block_buffer` each.
PARTS = 6


class _Part:
    """A piece of the target: ``size`` bytes at the beginning of ``room``."""

    def __init__(self) -> None:
        self.room = block_buffer()
        self.size = self.users = 0

    @property
    def data(self) -> memoryview:
        return self.room[:self.size]


class WriteBehind:
    """Two threads write to ``target`` and hash what `write` and `copy` were given, in order.

    At the end of the ``with`` block everything is handed to ``target``; `sha256` is known then.
    Errors of the writing are raised by `write`, by `copy` or at the end. ``reached`` is called with
    how many bytes can be read from ``target``, ever more. ``behind``: bytes that stand behind all
    others already, and are only hashed.
    """

    def __init__(self, target: BinaryIO, reached: Callable[[int], None] | None = None,
                 behind: bytes = b"") -> None:
        self.written = 0
        self.sha256 = ""
        self._target, self._reached, self._behind = target, reached, behind
        self._error: BaseException | None = None
        self._guard = threading.Lock()
        self._part = _Part()
        self._made = 1
        self._empty: queue.SimpleQueue[_Part] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[_Part | None] = queue.SimpleQueue()
        self._hashing: queue.SimpleQueue[_Part | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=work, daemon=True)
                         for work in (self._write_all, self._hash_all)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is None and self._part.size:
            self._hand_over()
        for line in (self._full, self._hashing):
            line.put(None)
        for thread in self._threads:
            thread.join()
        if error is None and self._error is not None:
            raise self._error

    def write(self, data: bytes | bytearray) -> None:
        """``data`` may change afterwards."""
        rest = memoryview(data)
        while rest:
            part = self._with_room()
            taken = min(len(rest), len(part.room) - part.size)
            part.room[part.size:part.size + taken] = rest[:taken]
            part.size += taken
            rest = rest[taken:]
        self.written += len(data)

    def copy(self, span: Span, step: Callable[[], None] = lambda: None) -> None:
        """The bytes of ``span``, read to where they are written from; ``step`` is called now and
        then. Raises DamagedError when the file ends before the span does."""
        fd, at, end = span.open(), span.offset, span.offset + span.length
        try:
            while at < end:
                part = self._with_room()
                taken = read_into(fd, part.room[part.size:part.size + end - at], at)
                if not taken:
                    raise DamagedError("the file ends before the item does")
                part.size += taken
                at += taken
                self.written += taken
                step()
        finally:
            os.close(fd)

    def _with_room(self) -> _Part:
        if self._part.size == len(self._part.room):
            self._hand_over()
            self._part = self._next()
        return self._part

    def _hand_over(self) -> None:
        if self._error is not None:
            raise self._error
        self._part.users = 2
        self._full.put(self._part)
        self._hashing.put(self._part)

    def _next(self) -> _Part:
        if self._made < PARTS and self._empty.empty():
            self._made += 1
            return _Part()
        part = self._empty.get()
        part.size = 0
        return part

    def _done(self, part: _Part) -> None:
        with self._guard:
            part.users -= 1
            if not part.users:
                self._empty.put(part)

    def _write_all(self) -> None:
        written = 0
        while (part := self._full.get()) is not None:
            if self._error is None:
                try:
                    self._target.write(part.data)
                    written += part.size
                    if self._reached is not None:
                        self._target.flush()
                        self._reached(written)
                except BaseException as error:
                    self._error = error
            self._done(part)

    def _hash_all(self) -> None:
        digest = hashlib.sha256()
        while (part := self._hashing.get()) is not None:
            digest.update(part.data)
            self._done(part)
        digest.update(self._behind)
        self.sha256 = digest.hexdigest()
