"""Image File Directories: of TIFF files and of EXIF (TIFF 6.0 section 2, BigTIFF)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mediasvc.errors import BudgetError, DamagedError

#: ``read(position, length)`` gives exactly that many bytes or raises DamagedError.
Read = Callable[[int, int], bytes]
Values = tuple[int, ...] | bytes

#: Field type → (bytes of one value, struct letter or "" for bytes as they are).
_TYPES = {1: (1, "B"), 2: (1, ""), 3: (2, "H"), 4: (4, "I"), 5: (8, "II"), 6: (1, "b"), 7: (1, ""),
          8: (2, "h"), 9: (4, "i"), 10: (8, "ii"), 13: (4, "I"), 16: (8, "Q"), 17: (8, "q"),
          18: (8, "Q")}
MOST_ENTRIES, MOST_DIRECTORIES, MOST_BYTES = 4096, 10_000, 16 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte order and the widths of classic or big TIFF."""

    order: str
    big: bool

    @property
    def offset(self) -> int:
        return 8 if self.big else 4

    def number(self, data: bytes) -> int:
        return int.from_bytes(data, "little" if self.order == "<" else "big")


def read_layout(read: Read) -> tuple[Layout, int]:
    """(layout, position of the first directory). Raises DamagedError for what is no TIFF."""
    head = read(0, 8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise DamagedError("it does not begin like a TIFF")
    layout = Layout(order, False)
    version = layout.number(head[2:4])
    if version == 42:
        return layout, layout.number(head[4:8])
    if version == 43 and layout.number(head[4:6]) == 8:
        return Layout(order, True), layout.number(read(8, 8))
    raise DamagedError("it does not begin like a TIFF")


def directories(read: Read) -> Iterator[tuple[Layout, dict[int, Values]]]:
    """The chain of directories; each one's values by tag. Bounded, and a loop ends it."""
    layout, at = read_layout(read)
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) >= MOST_DIRECTORIES:
            raise DamagedError("the pages of the TIFF form a loop")
        seen.add(at)
        values, at = read_directory(read, layout, at)
        yield layout, values


def read_directory(read: Read, layout: Layout, at: int) -> tuple[dict[int, Values], int]:
    """(values by tag, position of the next directory). Entries of unknown type are left out."""
    width = 8 if layout.big else 2
    count = layout.number(read(at, width))
    if count > MOST_ENTRIES:
        raise DamagedError("a directory of the TIFF has too many entries")
    size = 20 if layout.big else 12
    table = read(at + width, count * size + layout.offset)
    values: dict[int, Values] = {}
    budget = MOST_BYTES
    for start in range(0, count * size, size):
        tag, value = _entry(read, layout, table[start:start + size])
        budget -= len(value)
        if budget < 0:
            raise BudgetError("the directories of the TIFF are larger than any picture needs")
        if value:
            values.setdefault(tag, value)
    return values, layout.number(table[count * size:])


def _entry(read: Read, layout: Layout, entry: bytes) -> tuple[int, Values]:
    tag, kind = layout.number(entry[:2]), layout.number(entry[2:4])
    count = layout.number(entry[4:4 + layout.offset])
    if kind not in _TYPES:
        return tag, ()
    size, letter = _TYPES[kind]
    if size * count > MOST_BYTES:
        raise BudgetError("a field of the TIFF is larger than any picture needs")
    place = entry[4 + layout.offset:]
    if size * count > layout.offset:
        data = read(layout.number(place), size * count)
    else:
        data = place[:size * count]
    if not letter:
        return tag, data
    return tag, struct.unpack(layout.order + letter * count, data)


def integers(values: dict[int, Values], tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
    found = values.get(tag, default)
    return default if isinstance(found, bytes) else found


def integer(values: dict[int, Values], tag: int, default: int) -> int:
    found = integers(values, tag)
    return found[0] if found else default


def text(values: dict[int, Values], tag: int) -> str:
    found = values.get(tag, b"")
    return found.split(b"\0")[0].decode("ascii", "replace") if isinstance(found, bytes) else ""
