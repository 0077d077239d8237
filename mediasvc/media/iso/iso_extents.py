"""Every extent and file flag of an ISO image, list by list (ECMA-119 6.4, 9.1.6).

What files hold is judged elsewhere; here stands what lies where, folders and tables included.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mediasvc.errors import DamagedError
from mediasvc.media.extents import overlapping
from mediasvc.media.iso.iso9660 import (
    ASSOCIATED,
    DESCRIPTOR_LIMIT,
    FIRST_DESCRIPTOR,
    MULTI_EXTENT,
    PRIMARY,
    SECTOR,
    STANDARD_IDENTIFIER,
    SUPPLEMENTARY,
    TERMINATOR,
    Record,
    Volume,
    plain_name,
    records,
)
from mediasvc.media.iso.iso_tree import PARENT, SELF
from mediasvc.media.labels import label
from mediasvc.media.window import Window

if TYPE_CHECKING:
    from mediasvc.settings import Limits

HIDDEN = 0x01
#: Version of a supplementary descriptor that is an enhanced one (ISO 9660:1999).
ENHANCED = 2
#: Where a descriptor tells of its path tables, two of each byte order (ECMA-119 8.4.13 to 8.4.17).
_PATH_TABLE_SIZE = 132
_PATH_TABLES = (("<I", 140), ("<I", 144), (">I", 148), (">I", 152))
#: Flag → rule, and what is told of the first file that has it.
_FLAGS = {
    HIDDEN: ("R12-1g", "it is hidden: systems may not show it"),
    ASSOCIATED: ("R12-1g", "it is only associated with a file of the same name"),
    MULTI_EXTENT: ("R12-1a", "it is kept in several sections, which level 1 does not know"),
}
_NOTED = HIDDEN | ASSOCIATED | MULTI_EXTENT

Trouble = tuple[str, str, str]
"""Rule, words and label."""


@dataclass(slots=True)
class _Seen:
    """``places``: first byte and the one behind the last, one after the other."""

    places: array[int] = field(default_factory=lambda: array("Q"))
    folders: set[int] = field(default_factory=set)
    counts: Counter[int] = field(default_factory=Counter)
    first: dict[int, str] = field(default_factory=dict)
    """Flag → label of the first record that has it."""

    def add(self, offset: int, length: int) -> None:
        self.places.extend((offset, offset + length))


def extent_troubles(window: Window, volumes: Sequence[Volume], limits: Limits, *, single: bool,
                    ) -> Iterator[Trouble]:
    """What is wrong with where things lie, and with their flags. ``single``: the disc was written
    in one session, so the primary volume has all of it."""
    import numpy as np

    seen, primary = _Seen(), next(volume for volume in volumes if volume.kind == PRIMARY)
    descriptors = list(_descriptors(window, primary.sector))
    for volume in volumes:
        _walk(window, volume, limits, seen)
    for flag, count in seen.counts.items():
        rule, words = _FLAGS[flag]
        yield rule, words + (f" (and {count - 1} more)" if count > 1 else ""), seen.first[flag]
    if any(raw[0] == SUPPLEMENTARY and raw[6] == ENHANCED for raw in descriptors):
        yield "R12-1h", "there is an enhanced volume descriptor, a list for level 4 alone", ""
    # the same bytes under several names are no overlap (M32), nor are two lists of one tree
    runs = np.unique(np.array(seen.places, np.uint64).reshape(-1, 2), axis=0)
    runs = np.concatenate([runs, np.array(_tables(volumes, len(descriptors)), np.uint64)])
    if shared := int(overlapping(runs[:, 0], runs[:, 1]).sum()):
        yield "R12-1i", f"{shared} files, folders or tables share bytes with another", ""
    if single and (outside := int((runs[:, 1] > primary.space).sum())):
        yield "R12-1i", f"{outside} files, folders or tables lie outside of the volume", ""


def _walk(window: Window, volume: Volume, limits: Limits, seen: _Seen) -> None:
    """Take up what the list of ``volume`` names; what cannot be read of it others tell."""
    waiting: list[tuple[Record, tuple[str, ...]]] = [(volume.root, ())]
    left = limits.entries
    while waiting:
        folder, path = waiting.pop()
        if folder.offset in seen.folders:
            continue
        seen.folders.add(folder.offset)
        seen.add(folder.offset, folder.length)
        for record in _records(window, folder, volume.block):
            left -= 1
            if left < 0:
                return
            if record.flags & _NOTED and volume.kind == PRIMARY:
                _notice(seen, record, path)
            if record.is_directory:
                waiting.append((record, (*path, plain_name(record.name))))
            elif record.length:
                seen.add(record.offset, record.length)


def _records(window: Window, folder: Record, block: int) -> Iterator[Record]:
    try:
        for record in records(window, folder.offset, folder.length, block):
            if record is not None and record.name not in (SELF, PARENT):
                yield record
    except DamagedError:
        return


def _notice(seen: _Seen, record: Record, path: tuple[str, ...]) -> None:
    for flag in _FLAGS:
        if record.flags & flag:
            seen.counts[flag] += 1
            if flag not in seen.first:
                seen.first[flag] = label((*path, plain_name(record.name)))


def _descriptors(window: Window, first: int) -> Iterator[bytes]:
    """Volume descriptors through the terminator (ECMA-119 8)."""
    for sector in range(first, first + DESCRIPTOR_LIMIT):
        raw = window.head(sector * SECTOR, SECTOR)
        if len(raw) < SECTOR or raw[1:6] != STANDARD_IDENTIFIER:
            return
        yield raw
        if raw[0] == TERMINATOR:
            return


def _tables(volumes: Sequence[Volume], descriptors: int) -> list[tuple[int, int]]:
    """Where the system area, the descriptors and the path tables of each volume lie, as in
    `_Seen.places`."""
    first = min(volume.sector for volume in volumes)
    found = {(0, FIRST_DESCRIPTOR * SECTOR), (first * SECTOR, (first + descriptors) * SECTOR)}
    for volume in volumes:
        length = struct.unpack_from("<I", volume.raw, _PATH_TABLE_SIZE)[0]
        for order, at in _PATH_TABLES:
            if place := struct.unpack_from(order, volume.raw, at)[0] * volume.block:
                found.add((place, place + length))
    return sorted(found)
