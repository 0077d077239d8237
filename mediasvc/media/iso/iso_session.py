"""Images of discs that were written in several sessions: the last one counts (PS3.12 F.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mediasvc.errors import DamagedError
from mediasvc.media.iso.iso9660 import (
    FIRST_DESCRIPTOR,
    PRIMARY,
    SECTOR,
    STANDARD_IDENTIFIER,
    records,
)
from mediasvc.media.iso.iso_tree import SELF
from mediasvc.media.troubles import Troubles
from mediasvc.media.window import Window

_MARK = bytes([PRIMARY]) + STANDARD_IDENTIFIER + b"\x01"
_CHUNK = 1 << 20
#: Bytes after the first session that are searched for another one.
SEARCH_LIMIT = 10 << 30
#: On media that can be overwritten the sessions begin at multiples of 32 blocks, the first one at
#: 32, and sector 16 has a copy of the last one's descriptors (as growisofs and xorriso write it).
ALIGNMENT = 32
SESSIONS_LIMIT = 1000


def last_session(window: Window, troubles: Troubles) -> int:
    """The sector of the last session's primary descriptor; 16 for a disc of one session.

    Either sector 16 describes the first session and others lie behind it, or it was overwritten
    and describes the last. A disc image that lies as a file on the disc is no session: its root
    directory is not where it says when read from the start of the outer one.
    """
    if len(window.head(FIRST_DESCRIPTOR * SECTOR, SECTOR)) < SECTOR:
        return FIRST_DESCRIPTOR
    overwritten = list(_overwritten(window))
    if overwritten and _root(window, overwritten[-1]) == _root(window, FIRST_DESCRIPTOR):
        _report(len(overwritten), troubles)
        return FIRST_DESCRIPTOR
    behind = [sector for sector in _marks(window, max(_space(window, FIRST_DESCRIPTOR),
                                                      FIRST_DESCRIPTOR + 1))
              if _is_session(window, sector)]
    _report(len(behind) + 1, troubles)
    return behind[-1] if behind else FIRST_DESCRIPTOR


def _report(sessions: int, troubles: Troubles) -> None:
    if sessions > 1:
        troubles.add("warning", "iso-sessions", "",
                     f"the disc was written in {sessions} sessions; the last one is read. What "
                     "only an earlier one lists was taken off the disc by its writer", "M35")


def _overwritten(window: Window) -> Iterator[int]:
    """The sectors of descriptors of sessions that sector 16 had before."""
    start = ALIGNMENT
    for _ in range(SESSIONS_LIMIT):
        sector = start + FIRST_DESCRIPTOR
        if window.head(sector * SECTOR, len(_MARK)) != _MARK or not _is_session(window, sector):
            return
        yield sector
        end = start + max(_space(window, sector), FIRST_DESCRIPTOR + 1)
        start = -(-end // ALIGNMENT) * ALIGNMENT


def _space(window: Window, sector: int) -> int:
    """Blocks of the volume, as its descriptor says (ECMA-119 8.4.8)."""
    space: int = struct.unpack("<I", window.read(sector * SECTOR + 80, 4))[0]
    return space


def _root(window: Window, sector: int) -> tuple[int, int]:
    """(first sector, length in bytes) of the root directory (ECMA-119 8.4.18)."""
    extent, length = struct.unpack_from("<I4xI", window.read(sector * SECTOR + 158, 16))
    return extent, length


def _is_session(window: Window, sector: int) -> bool:
    """Whether the root directory lies behind this descriptor, as one of the same disc does."""
    try:
        extent, _ = _root(window, sector)
        own = next(records(window, extent * SECTOR, SECTOR, SECTOR), None)
    except DamagedError:
        return False
    return extent > sector and own is not None and own.name == SELF and own.is_directory


def _marks(window: Window, first: int) -> Iterator[int]:
    """Sectors from ``first`` on that begin like a primary descriptor."""
    start = first * SECTOR
    end = min(window.length, start + SEARCH_LIMIT)
    while start + SECTOR <= end:
        chunk = window.head(start, _CHUNK)
        at = chunk.find(_MARK)
        while at >= 0:
            if at % SECTOR == 0:
                yield (start + at) // SECTOR
            at = chunk.find(_MARK, at + 1)
        start += len(chunk) - len(chunk) % SECTOR
