"""Reading the files of an image one after the other, into memory that is used again.

A finished image is not in the page cache, it was written past it; filling the cache with it would
cost more than looking at it. Large files are read past the cache, too, and come from the medium,
each while the one before is looked at.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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
        #: What is looked at, and what is read meanwhile.
        self._room, self._other = _room(1 << 20), _room(1 << 20)
        self._beside = ThreadPoolExecutor(1)
        self._coming: tuple[Span, Future[memoryview | None]] | None = None

    @contextmanager
    def view(self, span: Span, soon: Span | None = None) -> Iterator[memoryview]:
        """The bytes of ``span``, until the next call; ``soon``: what that is likely to be for.
        Raises what `Span.view` does."""
        if span.path != self._path or span.length > READ_LIMIT:
            with span.view() as view:
                yield view
            return
        if self._fd < 0:
            self._open(span)
        found = self._came(span)
        if found is None and self._goes_past(span):
            self._room = _large_enough(self._room, span)
            found = self._past_the_cache(span, self._room)
        if found is None:
            self._room = _large_enough(self._room, span)
            found = self._through_the_cache(span)
        if soon is not None and soon.path == self._path and self._goes_past(soon):
            self._other = _large_enough(self._other, soon)
            self._coming = soon, self._beside.submit(self._past_the_cache, soon, self._other)
        yield found

    def _came(self, span: Span) -> memoryview | None:
        """What was read of it meanwhile; None when something else was, or nothing."""
        if self._coming is None:
            return None
        coming, reading = self._coming
        self._coming, found = None, reading.result()
        if coming != span:
            return None
        self._room, self._other = self._other, self._room
        return found

    def _goes_past(self, span: Span) -> bool:
        return self._direct >= 0 and LARGE <= span.length <= READ_LIMIT

    def _open(self, span: Span) -> None:
        self._fd = span.open()
        if is_cached(span):
            return
        with suppress(OSError):  # not every file system knows it
            self._direct = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
                                   | os.O_DIRECT)

    def _past_the_cache(self, span: Span, room: memoryview) -> memoryview | None:
        """None where that cannot be."""
        before = span.offset % BLOCK
        length = -(-(before + span.length) // BLOCK) * BLOCK
        with suppress(OSError):
            found = os.preadv(self._direct, [room[:length]], span.offset - before)
            if found >= before + span.length:
                return room[before:before + span.length]
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
        self._beside.shutdown()
        for fd in (self._fd, self._direct):
            if fd >= 0:
                os.close(fd)
        self._fd = self._direct = -1


def is_cached(span: Span) -> bool:
    """Whether the system has most of what was written of the file of ``span`` from there on in
    memory, judged by a few places. They are taken by chance, because looking at one brings it
    there; what is not written yet is no place, because it is there at once."""
    fd = span.open()
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        end = os.fstat(fd).st_size
        with suppress(OSError):  # the file ends before the span begins, or nobody can say
            end = os.lseek(fd, span.offset, os.SEEK_HOLE)
        places = (randrange(span.offset, max(span.offset + 1, end))  # noqa: S311 - no secret
                  for _ in range(PLACES))
        return sum(is_in_memory(fd, at) for at in places) * 2 > PLACES
    finally:
        os.close(fd)


def _large_enough(room: memoryview, span: Span) -> memoryview:
    needed = span.length + 2 * BLOCK
    return room if len(room) >= needed else _room(needed)


def _room(size: int) -> memoryview:
    """A mapping, because those begin at a page."""
    return memoryview(mmap.mmap(-1, size))
