"""Reading the files of an image one after the other, into memory that is used again.

A finished image is not in the page cache, it was written past it; filling the cache with it would
cost more than looking at it. Large files are read past the cache, too, and come from the medium,
a few neighbours at once while those before them are looked at.
"""

from __future__ import annotations

import mmap
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import randrange

from mediasvc.direct_write import BLOCK
from mediasvc.errors import DamagedError
from mediasvc.media.fetch import is_in_memory
from mediasvc.medium import read_into
from mediasvc.span import READ_LIMIT, Span

#: Below this the wait for the device costs more than the copy.
LARGE = 128 << 10
#: Neighbours that are read at once: four of 0.5 MB with their headers. A thread that reads each by
#: itself costs as much of a core as the reading.
RUN = 9 << 18
PLACES = 16


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes of an image from ``offset`` to before ``end``: files that lie one behind the other."""

    offset: int
    end: int

    def has(self, span: Span) -> bool:
        return self.offset <= span.offset and span.offset + span.length <= self.end


class ImageReader:
    """The image at ``path``. Spans elsewhere, and long ones, it leaves to `Span.view`."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._fd = self._direct = -1
        #: What is looked at, and what is read meanwhile.
        self._room, self._other = _room(1 << 20), _room(1 << 20)
        self._beside = ThreadPoolExecutor(1)
        self._held: tuple[Run, memoryview] | None = None
        self._coming: tuple[Run, Future[memoryview | None]] | None = None
        self._runs: deque[Run] = deque()

    def expect(self, spans: Iterable[Span]) -> None:
        """Begin to read what `view` is likely to be asked for, in this order."""
        wanted = [span for span in spans if span.path == self._path]
        if wanted and self._fd < 0:
            self._open(wanted[0])
        self._forget()
        self._runs.extend(runs(span for span in wanted if self._goes_past(span)))
        self._begin_next()

    @contextmanager
    def view(self, span: Span) -> Iterator[memoryview]:
        """The bytes of ``span``, until the next call. Raises what `Span.view` does."""
        if span.path != self._path or span.length > READ_LIMIT:
            with span.view() as view:
                yield view
            return
        if self._fd < 0:
            self._open(span)
        found = self._expected(span)
        if found is None:
            self._forget_held(span)
            if self._goes_past(span):
                found = self._past_the_cache(Run(span.offset, span.offset + span.length),
                                             self._room)
        yield self._through_the_cache(span) if found is None else found

    def beside(self, span: Span) -> memoryview | None:
        """The bytes of another span where they were read together with those that `view` gave."""
        if self._held is None or span.path != self._path or not self._held[0].has(span):
            return None
        run, held = self._held
        return held[span.offset - run.offset:][:span.length]

    def _expected(self, span: Span) -> memoryview | None:
        """What was read of it meanwhile; None when something else was, or nothing."""
        while self._held is None or not self._held[0].has(span):
            if not any(run.has(span) for run in self._awaited()):
                return None
            self._take_next()
        return self.beside(span)

    def _awaited(self) -> Iterator[Run]:
        if self._coming is not None:
            yield self._coming[0]
        yield from self._runs

    def _take_next(self) -> None:
        """Hold the run that is being read, and begin with the one behind it."""
        if self._coming is None:
            self._begin_next()
        assert self._coming is not None
        (run, reading), self._coming = self._coming, None
        found = reading.result()
        self._room, self._other = self._other, self._room
        self._held = (run, found) if found is not None else None
        self._begin_next()

    def _begin_next(self) -> None:
        if self._runs:
            run = self._runs.popleft()
            self._other = _large_enough(self._other, run.end - run.offset)
            self._coming = run, self._beside.submit(self._past_the_cache, run, self._other)

    def _forget(self) -> None:
        """Nothing of what was expected is wanted any more."""
        self._runs.clear()
        if self._coming is not None:
            self._coming[1].result()
        self._held = self._coming = None

    def _forget_held(self, span: Span) -> None:
        """Its place is taken by ``span``."""
        self._held = None
        self._room = _large_enough(self._room, span.length)

    def _goes_past(self, span: Span) -> bool:
        return self._direct >= 0 and LARGE <= span.length <= READ_LIMIT

    def _open(self, span: Span) -> None:
        self._fd = span.open()
        if is_cached(span):
            return
        with suppress(OSError):  # not every file system knows it
            self._direct = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
                                   | os.O_DIRECT)

    def _past_the_cache(self, run: Run, room: memoryview) -> memoryview | None:
        """None where that cannot be."""
        before, size = run.offset % BLOCK, run.end - run.offset
        length = -(-(before + size) // BLOCK) * BLOCK
        with suppress(OSError):
            found = os.preadv(self._direct, [room[:length]], run.offset - before)
            if found >= before + size:
                return room[before:before + size]
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


def runs(spans: Iterable[Span]) -> Iterator[Run]:
    """The ``spans`` of one file, those that lie one behind the other together; the first one by
    itself, because it is waited for."""
    run, most = None, 0
    for span in spans:
        end = span.offset + span.length
        if run and 0 <= span.offset - run.end < BLOCK and end - run.offset <= most:
            run = Run(run.offset, end)
            continue
        if run:
            yield run
            most = RUN
        run = Run(span.offset, end)
    if run:
        yield run


def _large_enough(room: memoryview, length: int) -> memoryview:
    needed = length + 2 * BLOCK
    return room if len(room) >= needed else _room(needed)


def _room(size: int) -> memoryview:
    """A mapping, because those begin at a page."""
    return memoryview(mmap.mmap(-1, size))
