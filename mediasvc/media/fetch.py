"""Telling the system early what of an image will be read.

A finished image is not in the page cache, it was written past it. Read file by file the disk would
stand still while a file is judged, and the judge while the next one is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mediasvc.errors import DamagedError
from mediasvc.span import Span

#: More of a file is not asked for beforehand: the system itself reads ahead in it.
SOON = 1 << 20
#: So many files behind one that is in memory are taken to be there, too. Asking costs 20 µs each.
ALIKE = 15


class Foresight:
    """Asks the system to read files while others are read, in the order of their reading."""

    def __init__(self) -> None:
        self._alike = 0

    def ask(self, span: Span) -> None:
        """What is wrong with the file shows when it is read."""
        if self._alike:
            self._alike -= 1
            return
        soon = Span(span.path, span.offset, min(span.length, SOON))
        with suppress(OSError, DamagedError):
            fd = soon.open()
            try:
                if _is_there(fd, soon):
                    self._alike = ALIKE
                else:
                    os.posix_fadvise(fd, soon.offset, soon.length, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(fd)


def fetch(image: Path | str, spans: Iterable[Span]) -> None:
    """Begin to read ``spans`` of ``image``; does not wait, and nothing depends on it."""
    with suppress(OSError, AttributeError):
        fd = os.open(image, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            for span in spans:
                if not _is_there(fd, span):
                    os.posix_fadvise(fd, span.offset, span.length, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(fd)


def _is_there(fd: int, span: Span) -> bool:
    """Whether it was read before, judged by its ends: asking for all of it takes as long as reading
    a part of it."""
    last = max(span.offset, span.offset + span.length - 1)
    return all(is_in_memory(fd, at) for at in (span.offset, last))


def is_in_memory(fd: int, offset: int) -> bool:
    """Whether the system has that byte; asking begins to read it. False where it cannot say."""
    try:
        return os.preadv(fd, [bytearray(1)], offset, os.RWF_NOWAIT) == 1
    except (OSError, AttributeError):
        return False
