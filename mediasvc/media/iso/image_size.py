"""How large a disc becomes, known to the byte before any of it is written.

The code that will write it lays it out, so that no formula can drift from the writer.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mediasvc.media.disc.disc_file import DiscFile


class Counter(io.RawIOBase):
    """A file that only remembers how long it became."""

    def __init__(self) -> None:
        self._at = self.length = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = len(memoryview(data).cast("B"))
        self._at += size
        self.length = max(self.length, self._at)
        return size

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self.length)[whence]
        return self._at

    def tell(self) -> int:
        return self._at


def folder_bytes(files: Sequence[DiscFile]) -> int:
    return sum(file.span.length for file in files)


def zip_bytes(files: Sequence[DiscFile], moment: datetime) -> int:
    """Everything is deflated for it: as long as writing takes, without the writing."""
    from mediasvc.media.packed.zip_write import write_zip

    sink = Counter()
    write_zip(sink, files, moment=moment)  # type: ignore[arg-type]
    return sink.length
