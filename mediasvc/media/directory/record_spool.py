"""Records kept on disk until all are known, then written in tree order with their offsets.

Memory is a few numbers for each record, whatever the records hold (fo-dicom#1977: 300,000 images).
"""

from __future__ import annotations

import struct
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mediasvc.errors import BudgetError

#: Item header, next record, in-use flag, lower record (PS3.3 F.3.2.2); the type and keys follow.
_HEAD = struct.Struct("<HHI HH2sHI HH2sHH HH2sHI")
_HEAD_LENGTH = _HEAD.size
ROOT = 0
NONE = 0
OFFSET_LIMIT = 1 << 32


class Places(NamedTuple):
    """Offsets of the first and last root record, 0 for none; ``end`` is where the records end."""

    first: int
    last: int
    end: int


class RecordSpool:
    """A tree of records: `add` them in any order of the tree, `place` once, then `write`."""

    def __init__(self, scratch: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=scratch, buffering=1 << 20)  # noqa: SIM115
        # Node 0 is the root directory entity; 0 as a link means none.
        self._starts = array("Q", (0,))
        self._lengths = array("I", (0,))
        self._next = array("I", (NONE,))
        self._first = array("I", (NONE,))
        self._last = array("I", (NONE,))
        self._offsets = array("Q")
        self._end = 0

    def __len__(self) -> int:
        return len(self._lengths) - 1

    def close(self) -> None:
        self._file.close()

    def add(self, parent: int, record: bytes) -> int:
        """Append a record below ``parent`` (ROOT or a number that `add` gave); its number."""
        number = len(self._lengths)
        self._starts.append(self._end)
        self._lengths.append(len(record))
        self._next.append(NONE)
        self._first.append(NONE)
        self._last.append(NONE)
        before = self._last[parent]
        if before:
            self._next[before] = number
        else:
            self._first[parent] = number
        self._last[parent] = number
        self._file.write(record)
        self._end += len(record)
        return number

    def place(self, start: int) -> Places:
        """Give every record its offset, depth first from ``start``. Raises BudgetError when
        32 bits cannot hold them."""
        self._offsets = array("Q", bytes(8 * len(self._lengths)))
        at = start
        for number in self._order():
            self._offsets[number] = at
            at += _HEAD_LENGTH + self._lengths[number]
        if at >= OFFSET_LIMIT:
            raise BudgetError("A DICOMDIR cannot be larger than 4 GiB.")
        return Places(self._offsets[self._first[ROOT]], self._offsets[self._last[ROOT]], at)

    def write(self, out: BinaryIO) -> None:
        """Append all records to ``out`` in the order of their offsets."""
        file, offsets = self._file, self._offsets
        file.flush()
        position = -1
        for number in self._order():
            start, length = self._starts[number], self._lengths[number]
            if start != position:
                file.seek(start)
            position = start + length
            out.write(_HEAD.pack(
                0xFFFE, 0xE000, length + _HEAD_LENGTH - 8,
                0x0004, 0x1400, b"UL", 4, offsets[self._next[number]],
                0x0004, 0x1410, b"US", 2, 0xFFFF,
                0x0004, 0x1420, b"UL", 4, offsets[self._first[number]]))
            out.write(file.read(length))

    def _order(self) -> Iterator[int]:
        """Numbers depth first; parents before children, siblings in order of arrival."""
        above: list[int] = []
        number = self._first[ROOT]
        while number:
            yield number
            if self._first[number]:
                above.append(number)
                number = self._first[number]
                continue
            number = self._next[number]
            while not number and above:
                number = self._next[above.pop()]
