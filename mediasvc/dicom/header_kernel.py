"""Compiled helpers of the header scan: the file meta before the walk, the values after it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasvc.dicom.compiled import BYTES, CONSTANTS, INT, NUMBERS, ROWS, TABLE, TEXT, kernel, part

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Rows = NDArray[Any]

#: VRs as they stand in the file, read little endian.
US, IS, UL, OB, UI, SH, AE = (int.from_bytes(vr, "little")
                              for vr in (b"US", b"IS", b"UL", b"OB", b"UI", b"SH", b"AE"))
NUMBER_OF_FRAMES = 0x00280008
#: Bytes of a value that is still put together here; longer ones are looked at one by one.
PLAIN_LENGTH = 1024


@part
def _u16(data: Bytes, at: int) -> int:
    return int(data[at]) | (int(data[at + 1]) << 8)


@part
def _u32(data: Bytes, at: int) -> int:
    return _u16(data, at) | (_u16(data, at + 2) << 16)


@kernel(BYTES, NUMBERS)
def transfer_syntax(data: Bytes, place: Ints) -> bool:
    """``place`` = (start and end of the Transfer Syntax UID, start of the data set). True when the
    file meta are all there, plain, and their group length is right."""
    size = len(data)
    if size < 160 or data[128] != 68 or data[129] != 73 or data[130] != 67 or data[131] != 77:
        return False
    if _u32(data, 132) != 2 or _u16(data, 136) != UL or _u16(data, 138) != 4:
        return False
    at, end, last = 144, 144 + _u32(data, 140), 0
    place[0] = -1
    while at < end:
        if size - at < 12 or _u16(data, at) != 2 or _u16(data, at + 2) <= last:
            return False
        last, vr = _u16(data, at + 2), _u16(data, at + 4)
        length = _u16(data, at + 6)
        if vr == OB:
            at += 12 + _u32(data, at + 8)
            continue
        if vr not in (UI, SH, AE):
            return False
        if last == 0x10:
            place[0], place[1] = at + 8, at + 8 + length
        at += 8 + length
    place[2] = end
    return at == end and place[0] >= 0 and size - at >= 8 and _u16(data, at) > 2


@part
def _integer(data: Bytes, start: int, length: int) -> int:
    """The number of an IS without sign, or -1."""
    number, seen = 0, False
    for at in range(start, start + length):
        byte = data[at]
        if 48 <= byte <= 57 and number < 100_000_000:
            number, seen = number * 10 + byte - 48, True
        elif byte != 32 or (seen and at != start + length - 1):
            return -1
    return number if seen else -1


@part
def _number(data: Bytes, tag: int, start: int, length: int, vr: int, big: int) -> int:
    """The number of a US, or of the IS that Number of Frames is; -1 for anything else."""
    if tag == NUMBER_OF_FRAMES:
        return _integer(data, start, length) if vr in (IS, 0) else -1
    if length != 2 or vr not in (US, 0):
        return -1
    return (data[start] << 8) | data[start + 1] if big else _u16(data, start)


@part
def _append(data: Bytes, start: int, stop: int, text: Bytes, used: int) -> int:
    """Add a text without its padding, and a zero byte; the bytes used then, or -1."""
    while stop > start and (data[stop - 1] == 32 or data[stop - 1] == 0):
        stop -= 1
    while start < stop and data[start] == 32:
        start += 1
    if used + stop - start + 2 > len(text):
        return -1
    for at in range(start, stop):
        if data[at] < 32 or data[at] > 126:
            return -1
        text[used] = data[at]
        used += 1
    text[used] = 0
    return used + 1


@part
def _locate(rows: Rows, count: int, tags: Ints, places: Ints, available: int) -> bool:
    """Fill ``places``; whether all values are there and short."""
    row, plain = 0, True
    for i in range(len(tags)):
        places[i, 0] = -1
        while row < count and rows[row].tag < tags[i]:
            row += 1
        if row < count and rows[row].tag == tags[i]:
            places[i, 0] = rows[row].value
            places[i, 1] = rows[row].length
            places[i, 2] = rows[row].vr
            plain &= rows[row].length <= PLAIN_LENGTH
            plain &= rows[row].value + rows[row].length <= available
    return plain


@kernel(BYTES, INT, ROWS, INT, CONSTANTS, CONSTANTS, INT, TABLE, TEXT, NUMBERS)
def gather(data: Bytes, big: int, rows: Rows, count: int, tags: Ints, slots: Ints, texts: int,
           places: Ints, text: Bytes, numbers: Ints) -> int:
    """Find ``tags`` (ascending) among ``count`` rows: ``places[i]`` = (start, length, VR), start -1
    when absent.

    Where every value is plain ASCII of ordinary length, they are also put together: the texts of
    the first ``texts`` ``slots`` (places in ``tags``) in ``text``, each ended by a zero byte, the
    numbers of the other slots in ``numbers``. The answer is the bytes of ``text`` used, else -1.
    """
    if not _locate(rows, count, tags, places, len(data)):
        return -1
    used = 0
    for slot in range(len(slots)):
        i = slots[slot]
        start, length = max(places[i, 0], 0), places[i, 1] if places[i, 0] >= 0 else 0
        if slot < texts:
            used = _append(data, start, start + length, text, used)
            if used < 0:
                return -1
            continue
        number = _number(data, tags[i], start, length, places[i, 2], big) if length else 0
        if number < 0:
            return -1
        numbers[slot - texts] = number
    return used


@kernel(TABLE, CONSTANTS)
def any_serious(problems: Ints, serious: Ints) -> bool:
    """Whether one of the ``serious`` codes was noted."""
    count = 0
    for i in range(len(serious)):
        count += problems[serious[i], 0]
    return count > 0
