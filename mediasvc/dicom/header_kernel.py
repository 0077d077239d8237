"""Compiled helpers of the header scan: the file meta before the walk, the values after it."""

from __future__ import annotations

import numpy as np
from numba import from_dtype, njit, types

from mediasvc.dicom import walk_codes as C

BYTES = types.Array(types.uint8, 1, "C", readonly=True)
TAGS = types.Array(types.int64, 1, "C", readonly=True)
ROWS = types.Array(from_dtype(C.KERNEL_ROW), 1, "C")
TABLE = types.Array(types.int64, 2, "C")
VECTOR = types.Array(types.int64, 1, "C")
TEXT = types.Array(types.uint8, 1, "C")

US, IS, UL = 0x5355, 0x5349, 0x4C55


@njit
def _u16(data, at):
    return np.int64(data[at]) | (np.int64(data[at + 1]) << 8)


@njit((BYTES, VECTOR), nogil=True, cache=True)
def transfer_syntax(data, place):
    """``place`` = (start and end of the Transfer Syntax UID, start of the data set). True when the
    file meta are all there, plain, and their group length is right."""
    size = np.int64(len(data))
    if size < 160 or data[128] != 68 or data[129] != 73 or data[130] != 67 or data[131] != 77:
        return False
    if _u16(data, 132) != 2 or _u16(data, 134) != 0 or _u16(data, 136) != UL or _u16(data, 138) != 4:
        return False
    end = 144 + (_u16(data, 140) | (_u16(data, 142) << 16))
    at = np.int64(144)
    place[0] = place[1] = -1
    last = np.int64(0)
    while at < end:
        if size - at < 12 or _u16(data, at) != 2 or _u16(data, at + 2) <= last:
            return False
        last = _u16(data, at + 2)
        vr = _u16(data, at + 4)
        if vr == 0x424F:  # OB
            at += 12 + (_u16(data, at + 8) | (_u16(data, at + 10) << 16))
            continue
        if vr != 0x4955 and vr != 0x4853 and vr != 0x4541:  # UI, SH, AE
            return False
        length = _u16(data, at + 6)
        if last == 0x10:
            place[0], place[1] = at + 8, at + 8 + length
        at += 8 + length
    place[2] = end
    return at == end and place[0] >= 0 and size - at >= 8 and _u16(data, at) > 2


@njit
def _integer(data, start, length):
    """The digits of an IS, or -1."""
    number, seen = np.int64(0), False
    for at in range(start, start + length):
        byte = data[at]
        if 48 <= byte <= 57 and number < 1_000_000_000:
            number, seen = number * 10 + byte - 48, True
        elif byte == 32 and (not seen or at == start + length - 1):
            continue
        else:
            return np.int64(-1)
    return number if seen or length == 0 else np.int64(-1)


@njit((BYTES, types.int64, ROWS, types.int64, TAGS, TAGS, types.int64, TABLE, TEXT, VECTOR),
      nogil=True, cache=True)
def gather(data, big, rows, count, tags, slots, texts, places, text, numbers):
    """Find ``tags`` (ascending) among ``rows``; ``places[i]`` = (start, length, VR), start -1 when absent.

    Where every value is plain ASCII of ordinary length, they are also put together: texts in
    order of ``slots`` below ``texts``, each ended by a zero byte, in ``text``, numbers (slots from
    ``texts`` on) in ``numbers``; the answer is the bytes of ``text`` used, else -1.
    """
    wanted, row = np.int64(len(tags)), np.int64(0)
    plain = True
    available = np.int64(len(data))
    for i in range(wanted):
        places[i, 0] = -1
        tag = tags[i]
        while row < count and np.int64(rows[row].tag) < tag:
            row += 1
        if row < count and np.int64(rows[row].tag) == tag:
            places[i, 0] = rows[row].value
            places[i, 1] = rows[row].length
            places[i, 2] = rows[row].vr
            plain &= rows[row].value + rows[row].length <= available and rows[row].length <= 1024
    if not plain:
        return np.int64(-1)
    used = np.int64(0)
    for slot in range(wanted):
        i = slots[slot]
        start, length = places[i, 0], places[i, 1]
        if slot >= texts:
            numbers[slot - texts] = 0
            if start < 0 or length == 0:
                continue
            vr = places[i, 2]
            if tags[i] == 0x00280008 and (vr == IS or vr == 0):
                numbers[slot - texts] = _integer(data, start, length)
                if numbers[slot - texts] < 0:
                    return np.int64(-1)
            elif length == 2 and (vr == US or vr == 0):
                low, high = np.int64(data[start]), np.int64(data[start + 1])
                numbers[slot - texts] = (low << 8 | high) if big else (high << 8 | low)
            else:
                return np.int64(-1)
            continue
        if start >= 0:
            stop = start + length
            while stop > start and (data[stop - 1] == 32 or data[stop - 1] == 0):
                stop -= 1
            while start < stop and data[start] == 32:
                start += 1
            if used + stop - start + 1 > len(text):
                return np.int64(-1)
            for at in range(start, stop):
                byte = data[at]
                if byte < 32 or byte > 126:
                    return np.int64(-1)
                text[used] = byte
                used += 1
        text[used] = 0
        used += 1
        if used >= len(text) - 1:
            return np.int64(-1)
    return used
