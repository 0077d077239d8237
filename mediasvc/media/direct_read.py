"""Reading what was just written from the medium itself.

A finished image is read past the page cache (open(2), O_DIRECT): what is judged came from the
disk, and in half the time that the cache would take. That nothing is read ahead in a thread is
measured: two threads that want the interpreter cost more than the wait for the disk, in which
another child has the core.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

from mediasvc.span import READ_LIMIT, Span

#: Alignment that every block device takes.
BLOCK = 4096
#: Shorter files cost less through the cache, which reads several of them at once.
FROM = 64 << 10


def _new(size: int) -> mmap.mmap:
    """Private: children are forks, and each needs its own bytes."""
    return mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


class DirectReader:
    """Reads one span at a time into a buffer of its own."""

    def __init__(self) -> None:
        self._buffer = _new(1 << 20)

    @contextmanager
    def view(self, span: Span) -> Iterator[memoryview]:
        """All bytes, valid inside the block only. Raises what `Span.view` raises."""
        read = self._read(span) if FROM <= span.length <= READ_LIMIT else None
        if read is not None:
            yield read
            return
        with span.view() as view:
            yield view

    def _read(self, span: Span) -> memoryview | None:
        """None where the file system, or the medium, wants to be read in another way."""
        start = span.offset // BLOCK * BLOCK
        skipped = span.offset - start
        size = -(-(skipped + span.length) // BLOCK) * BLOCK
        if len(self._buffer) < size:
            self._buffer = _new(size)
        whole = memoryview(self._buffer)
        try:
            fd = os.open(span.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECT)
        except OSError:
            return None
        try:
            read = os.preadv(fd, [whole[:size]], start)
        except OSError:
            return None
        finally:
            os.close(fd)
        return whole[skipped:skipped + span.length] if read >= skipped + span.length else None
