"""Reading the files of an image one after the other, into memory that is used again.

A finished image is not in the page cache, it was written past it; filling the cache with it would
cost more than looking at it. Large files are read past the cache, too, and come from the medium.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import randrange

from mediasvc.direct_write import BLOCK
from mediasvc.errors import DamagedError
from mediasvc.media.fetch import is_in_memory
from mediasvc.medium import read_into
from mediasvc.span import READ_LIMIT, Span

#: Below this the wait for the device costs more than the copy.
LARGE = 128 << 10
PLACES = 16


class ImageReader:
    """The image at ``path``. Spans elsewhere, and long ones, it leaves to `Span.view`."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._fd = self._direct = -1
        self._room = _room(1 << 20)

    @contextmanager
    def view(self, span: Span) -> Iterator[memoryview]:
        """The bytes of ``span``, until the next call. Raises what `Span.view` does."""
        if span.path != self._path or span.length > READ_LIMIT:
            with span.view() as view:
                yield view
            return
        if self._fd < 0:
            self._open(span)
        if len(self._room) < span.length + 2 * BLOCK:
            self._room = _room(span.length + 2 * BLOCK)
        found: memoryview | None = None
        if self._direct >= 0 and span.length >= LARGE:
            found = self._past_the_cache(span)
        yield self._through_the_cache(span) if found is None else found

    def _open(self, span: Span) -> None:
        self._fd = span.open()
        if is_cached(span):
            return
        with suppress(OSError):  # not every file system knows it
            self._direct = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
                                   | os.O_DIRECT)

    def _past_the_cache(self, span: Span) -> memoryview | None:
        """None where that cannot be."""
        before = span.offset % BLOCK
        length = -(-(before + span.length) // BLOCK) * BLOCK
        with suppress(OSError):
            found = os.preadv(self._direct, [self._room[:length]], span.offset - before)
            if found >= before + span.length:
                return self._room[before:before + span.length]
        return None

    def _through_the_cache(self, span: Span) -> memoryview:
        view = self._room[:span.length]
        done = 0
        while done < span.length:
            more = read_into(self._fd, view[done:], span.offset + done)
            if not more:
                raise DamagedError("the file ends before the item does")
            done += more
        return view

    def close(self) -> None:
        for fd in (self._fd, self._direct):
            if fd >= 0:
                os.close(fd)
        self._fd = self._direct = -1


def is_cached(span: Span) -> bool:
    """Whether the system has most of the file of ``span`` in memory, judged by a few places. They
    are taken by chance, because looking at one brings it there."""
    fd = span.open()
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        size = os.fstat(fd).st_size
        places = (randrange(max(1, size)) for _ in range(PLACES))  # noqa: S311 - no secret
        return sum(is_in_memory(fd, at) for at in places) * 2 > PLACES
    finally:
        os.close(fd)


def _room(size: int) -> memoryview:
    """A mapping, because those begin at a page."""
    return memoryview(mmap.mmap(-1, size))
