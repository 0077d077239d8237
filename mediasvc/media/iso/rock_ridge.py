"""System Use entries of a directory record: SUSP 1.12 and Rock Ridge (RRIP 1.12), bounded."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.errors import DamagedError
from mediasvc.media.iso.iso9660 import Record
from mediasvc.media.window import Window

#: Continuation areas that one record may have, and how long each may be (SUSP 5.1).
CONTINUATION_LIMIT = 16
AREA_LIMIT = 32 << 10
NAME_CONTINUES, NAME_CURRENT, NAME_PARENT = 1, 2, 4
_CONTINUATION = struct.Struct("<I4xI4xI4x")


@dataclass(slots=True)
class Attributes:
    """What Rock Ridge says of one record; None where it is silent.

    ``child`` is the block of a folder that was moved elsewhere (CL), ``moved`` marks that folder
    where it was moved to (RE), ``refused`` says in words why the file cannot be read plainly.
    """

    name: bytes | None = None
    mode: int | None = None
    child: int | None = None
    moved: bool = False
    refused: str = ""


def skip_length(first: Record) -> int | None:
    """Bytes to skip in every System Use field, from the root's ``.``; None without SUSP (5.3).

    On CD-ROM XA discs the SP entry may stand behind 14 bytes of XA attributes.
    """
    for start in (0, 14):
        area = first.system_use[start:]
        if area[:2] == b"SP" and area[4:6] == b"\xbe\xef":
            return area[6] if len(area) > 6 else 0
    return None


def attributes(window: Window, record: Record, skip: int, block: int) -> Attributes:
    """Raises DamagedError when the entries contradict themselves or run in circles."""
    found = Attributes()
    name = b""
    continues = False
    for signature, data in _entries(window, record.system_use[skip:], block):
        if signature == b"NM" and data:
            if data[0] & (NAME_CURRENT | NAME_PARENT):
                continue
            name = name + data[1:] if continues else data[1:]
            continues = bool(data[0] & NAME_CONTINUES)
            found.name = name
        else:
            _take(found, signature, data)
    return found


def _take(found: Attributes, signature: bytes, data: bytes) -> None:
    if signature == b"PX" and len(data) >= 8:
        found.mode = struct.unpack_from("<I", data)[0]
    elif signature == b"SL":
        found.refused = "it is a link"
    elif signature == b"PN":
        found.refused = "it is a device"
    elif signature == b"ZF":
        found.refused = "it is stored compressed (zisofs)"
    elif signature == b"SF":
        found.refused = "it is stored as a sparse file"
    elif signature == b"CL" and len(data) >= 8:
        found.child = struct.unpack_from("<I", data)[0]
    elif signature == b"RE":
        found.moved = True


def _entries(window: Window, area: bytes, block: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(CONTINUATION_LIMIT):
        following: tuple[int, int, int] | None = None
        at = 0
        while at + 4 <= len(area) and area[at]:
            size = area[at + 2]
            if size < 4 or at + size > len(area):
                raise DamagedError("its Rock Ridge entries are damaged")
            signature, data = area[at:at + 2], area[at + 4:at + size]
            at += size
            if signature == b"ST":
                break
            if signature == b"CE" and len(data) >= _CONTINUATION.size:
                following = _CONTINUATION.unpack_from(data)
            else:
                yield signature, data
        if following is None:
            return
        start, offset, length = following
        if length > AREA_LIMIT:
            break
        area = window.read(start * block + offset, length)
    raise DamagedError("its Rock Ridge entries do not end")
