"""Boxes of ISO base media files: where they lie, what is in the small ones (ISO 14496-12 4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.window import Window

#: Boxes of a file on all levels that are looked at, and bytes of tables that are read.
MOST_BOXES, MOST_TABLE = 400_000, 256 << 20


@dataclass(frozen=True, slots=True)
class Box:
    """``start`` is the first byte behind the header, ``end`` the byte behind the box."""

    kind: bytes
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


class Boxes:
    """Walks through the boxes of a window and counts what it looks at. Raises BudgetError."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self._looked = self._read = 0

    def within(self, start: int, end: int) -> Iterator[Box]:
        """Boxes from ``start`` to ``end``. Raises DamagedError when one reaches beyond it."""
        at = start
        while end - at >= 8:
            self._looked += 1
            if self._looked > MOST_BOXES:
                raise BudgetError("the file has more parts than the limits allow")
            box = self._box(at, end)
            yield box
            at = box.end

    def children(self, box: Box, skip: int = 0) -> Iterator[Box]:
        return self.within(box.start + skip, box.end)

    def all(self) -> Iterator[Box]:
        """Those of the file itself."""
        return self.within(0, self.window.length)

    def find(self, box: Box, *path: bytes) -> Box | None:
        """The first child of the first child … with these names."""
        for kind in path:
            found = next((one for one in self.children(box) if one.kind == kind), None)
            if found is None:
                return None
            box = found
        return box

    def need(self, box: Box, *path: bytes) -> Box:
        found = self.find(box, *path)
        if found is None:
            raise DamagedError("a part that every video file has is missing")
        return found

    def read(self, box: Box, length: int | None = None) -> bytes:
        """The first ``length`` bytes of the box, or all."""
        length = box.length if length is None else min(length, box.length)
        self._read += length
        if self._read > MOST_TABLE:
            raise BudgetError("the tables of the file are larger than the limits allow")
        return self.window.read(box.start, length)

    def _box(self, at: int, end: int) -> Box:
        head = self.window.read(at, 8)
        size, start = int.from_bytes(head[:4], "big"), at + 8
        if size == 1:
            size, start = int.from_bytes(self.window.read(at + 8, 8), "big"), at + 16
        elif size == 0:
            size = end - at
        if size < start - at or at + size > end:
            raise DamagedError("it is cut off, or a part of it says a wrong length")
        return Box(head[4:8], start, at + size)


def number(data: bytes, at: int, size: int = 4) -> int:
    """Raises DamagedError behind the end."""
    if at + size > len(data):
        raise DamagedError("a part of the video file is too short")
    return int.from_bytes(data[at:at + size], "big")
