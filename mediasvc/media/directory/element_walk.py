"""Where the elements of a small data set lie, in any of the three plain encodings (PS3.5 7).

For DICOMDIR: pure Python, one element at a time, iterative, without a library. Instances, which
are many and large, go through `mediasvc.dicom`.
"""

from __future__ import annotations

import struct

from mediasvc.dicom.compose import ITEM, Encoding
from mediasvc.standard.value_representations import LONG_VRS, SHORT_VRS

ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
#: Sequences inside a record; the standard needs five.
DEPTH_LIMIT = 32

SHORT = frozenset(vr.encode() for vr in SHORT_VRS) | {b"up"}  # DCMTK's word for an offset
LONG = frozenset(vr.encode() for vr in LONG_VRS)

_LITTLE_EXPLICIT = struct.Struct("<HH2sH")
_BIG_EXPLICIT = struct.Struct(">HH2sH")
_LITTLE_LENGTH = struct.Struct("<I")
_BIG_LENGTH = struct.Struct(">I")


class UnreadableError(Exception):
    """There is no element at that place."""


def number(raw: bytes, encoding: Encoding) -> int:
    """An unsigned value of 2 or 4 bytes; 0 for anything else."""
    if len(raw) not in (2, 4):
        return 0
    return int.from_bytes(raw, "big" if encoding.big_endian else "little")


def read_header(
    view: memoryview, position: int, encoding: Encoding
) -> tuple[int, bytes, int, int]:
    """(tag, VR or b"", first byte of the value, its length or `UNDEFINED`).

    Raises UnreadableError where no element header can be.
    """
    big = encoding.big_endian
    try:
        group, element, vr, length = (
            _BIG_EXPLICIT if big else _LITTLE_EXPLICIT).unpack_from(view, position)
        if group == 0xFFFE or encoding.implicit:
            length = (_BIG_LENGTH if big else _LITTLE_LENGTH).unpack_from(view, position + 4)[0]
            return group << 16 | element, b"", position + 8, length
        if vr in SHORT:
            return group << 16 | element, vr, position + 8, length
        if vr in LONG:
            length = (_BIG_LENGTH if big else _LITTLE_LENGTH).unpack_from(view, position + 8)[0]
            return group << 16 | element, vr, position + 12, length
    except struct.error:
        pass
    raise UnreadableError


def element_end(view: memoryview, position: int, encoding: Encoding) -> int:
    """The first byte after the element at ``position``, its delimiters included."""
    _, vr, value, length = read_header(view, position, encoding)
    if length != UNDEFINED:
        if value + length > len(view):
            raise UnreadableError
        return value + length
    # An undefined-length UN holds Implicit VR Little Endian (PS3.5 6.2.2 note 5).
    return _end_of_items(view, value, Encoding(True, False) if vr == b"UN" else encoding)


def _end_of_items(view: memoryview, position: int, encoding: Encoding) -> int:
    """Skip items up to and including the delimiter of the sequence that begins before them."""
    inside = [SEQUENCE_END]
    while inside:
        tag, _, value, length = read_header(view, position, encoding)
        if tag == inside[-1]:
            inside.pop()
            position = value
        elif length != UNDEFINED:
            position = value + length
            if position > len(view):
                raise UnreadableError
        elif len(inside) >= DEPTH_LIMIT * 2:
            raise UnreadableError
        else:
            inside.append(ITEM_END if tag == ITEM else SEQUENCE_END)
            position = value
    return position


def sniff(view: memoryview, position: int) -> Encoding | None:
    """The encoding in which an element of a DICOMDIR's own groups begins here."""
    first = bytes(view[position:position + 6])
    if len(first) < 6:
        return None
    implicit = first[4:6] not in SHORT and first[4:6] not in LONG
    if first[:2] in (b"\x04\0", b"\x08\0"):
        return Encoding(implicit, False)
    if first[:2] in (b"\0\x04", b"\0\x08"):
        return Encoding(implicit, True)
    return None
