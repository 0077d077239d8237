"""Reading the files of an image one after the other, into memory that is used again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediasvc.errors import DamagedError
from mediasvc.medium import read_into
from mediasvc.span import READ_LIMIT, Span


class ImageReader:
    """The image at ``path``. Spans elsewhere, and long ones, it leaves to `Span.view`."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._fd = -1
        self._room = bytearray(1 << 20)

    @contextmanager
    def view(self, span: Span) -> Iterator[memoryview]:
        """The bytes of ``span``, until the next call. Raises what `Span.view` does."""
        if span.path != self._path or span.length > READ_LIMIT:
            with span.view() as view:
                yield view
            return
        if self._fd < 0:
            self._fd = span.open()
        if len(self._room) < span.length:
            self._room = bytearray(span.length)
        view = memoryview(self._room)[:span.length]
        done = 0
        while done < span.length:
            more = read_into(self._fd, view[done:], span.offset + done)
            if not more:
                raise DamagedError("the file ends before the item does")
            done += more
        yield view

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
