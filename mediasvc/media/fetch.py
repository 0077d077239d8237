"""Telling the system early what of an image will be read.

A finished image is not in the page cache, it was written past it. Read file by file the disk would
stand still while a file is judged, and the judge while the next one is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mediasvc.span import Span


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
