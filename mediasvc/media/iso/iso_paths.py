"""The path tables of an ISO image (ECMA-119 9.4). Old systems find folders by them alone.

Our own reader follows directory records instead; here the two are compared.
"""

from __future__ import annotations

import struct

from mediasvc.media.iso.iso9660 import SECTOR, Volume, parse_record
from mediasvc.media.window import Window

#: Longer tables are not looked at: a folder takes some twenty bytes.
LONGEST = 64 << 20
_LOCATION = {"<": 140, ">": 148}


def path_tables_hold(window: Window, volume: Volume, folders: int) -> bool:
    """Whether both tables are the same, lead to directories that know where they stand, and have
    the root and at least ``folders`` more."""
    length = struct.unpack_from("<I", volume.raw, 132)[0]
    if length > LONGEST:
        return True
    little, big = (_entries(_table(window, volume, order, length), order) for order in "<>")
    if little is None or little != big or len(little) <= folders:
        return False
    return all(_leads(window, volume.block, extent, little[parent - 1][0])
               for extent, parent, _ in little)


def _table(window: Window, volume: Volume, order: str, length: int) -> bytes:
    place = struct.unpack_from(f"{order}I", volume.raw, _LOCATION[order])[0]
    return bytes(window.head(place * volume.block, length))


def _entries(table: bytes, order: str) -> list[tuple[int, int, bytes]] | None:
    """(extent, number of the parent from 1, name) of each folder; None where it is no table."""
    found: list[tuple[int, int, bytes]] = []
    head, at = struct.Struct(f"{order}BBIH"), 0
    while at < len(table):
        if at + head.size > len(table):
            return None
        size, extended, extent, parent = head.unpack_from(table, at)
        at += head.size
        if not size or not 1 <= parent <= max(len(found), 1):
            return None
        found.append((extent + extended, parent, table[at:at + size]))
        at += size + size % 2
    return found


def _leads(window: Window, block: int, extent: int, parent: int) -> bool:
    """Whether a directory lies at ``extent`` whose first two records name itself and its parent."""
    sector = bytes(window.head(extent * block, SECTOR))
    for place in (extent, parent):
        size = sector[0] if sector else 0
        record = parse_record(sector[:size], block) if size else None
        if record is None or not record.is_directory or record.offset != place * block:
            return False
        sector = sector[size:]
    return True
