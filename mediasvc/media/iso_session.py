"""Images of discs that were written in several sessions: the last one counts (PS3.12 F.1)."""

from __future__ import annotations

import struct

from mediasvc.media.iso9660 import FIRST_DESCRIPTOR, PRIMARY, SECTOR, STANDARD_IDENTIFIER
from mediasvc.media.troubles import Troubles
from mediasvc.media.window import Window

_MARK = bytes([PRIMARY]) + STANDARD_IDENTIFIER + b"\x01"
_CHUNK = 1 << 20
#: Bytes after the first session that are searched for another one.
SEARCH_LIMIT = 10 << 30


def last_session(window: Window, troubles: Troubles) -> int:
    """The sector of the last session's primary descriptor; 16 for a disc of one session.

    Later sessions lie after the volume that the first descriptor describes.
    """
    raw = window.head(FIRST_DESCRIPTOR * SECTOR, SECTOR)
    if len(raw) < SECTOR:
        return FIRST_DESCRIPTOR
    space = struct.unpack_from("<I", raw, 80)[0]
    found = _marks(window, max(space, FIRST_DESCRIPTOR + 1))
    if not found:
        return FIRST_DESCRIPTOR
    troubles.add("warning", "iso-sessions", "",
                 f"the disc was written in {len(found) + 1} sessions; the last one is read", "M35")
    return found[-1]


def _marks(window: Window, first: int) -> list[int]:
    """Sectors from ``first`` on that begin like a primary descriptor."""
    found: list[int] = []
    start = first * SECTOR
    end = min(window.length, start + SEARCH_LIMIT)
    while start + SECTOR <= end:
        chunk = window.head(start, _CHUNK)
        at = chunk.find(_MARK)
        while at >= 0:
            if at % SECTOR == 0:
                found.append((start + at) // SECTOR)
            at = chunk.find(_MARK, at + 1)
        start += len(chunk) - len(chunk) % SECTOR
    return found
