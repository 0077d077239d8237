"""The plain bit reader of JPEG-LS, compiled (T.87 A.1, A.5.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.compiled import part

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: The bit reader: waiting bits, how many, next byte, whether the last byte was FF, bits asked for
#: behind the end.
WAITING, COUNT, AT, STUFFED, OVER = range(5)


@part
def fill(data: Bytes, bits: Ints) -> None:
    """At least 25 waiting bits. A byte after FF carries 7, its highest bit is stuffed (A.1)."""
    while bits[COUNT] <= 24:
        at = bits[AT]
        size = 7 if bits[STUFFED] else 8
        byte = np.int64(0)
        if at >= len(data) or (bits[STUFFED] and data[at] >= 0x80) or (
                data[at] == 0xFF and at + 1 < len(data) and data[at + 1] >= 0x80):
            bits[OVER] += size
            bits[STUFFED] = 0
        else:
            byte = np.int64(data[at])
            bits[AT] = at + 1
            bits[STUFFED] = byte == 0xFF
        bits[WAITING] = (bits[WAITING] << size | byte) & 0xFFFFFFFF
        bits[COUNT] += size


@part
def read(data: Bytes, bits: Ints, count: int) -> int:
    if count == 0:
        return 0
    if bits[COUNT] < count:
        fill(data, bits)
    bits[COUNT] -= count
    return int((bits[WAITING] >> bits[COUNT]) & ((1 << count) - 1))


@part
def golomb(data: Bytes, bits: Ints, k: int, limit: int, qbpp: int) -> int:
    """The limited-length code LG(k, limit) (A.5.3); -1 when it has too many zeros."""
    zeros = 0
    while read(data, bits, 1) == 0:
        zeros += 1
        if zeros > limit:
            return -1
    if zeros < limit - qbpp - 1:
        return (zeros << k) + read(data, bits, k)
    return read(data, bits, qbpp) + 1


@part
def at_end(data: Bytes, bits: Ints) -> bool:
    """Whether a marker comes, and before it only zeros: less than two bytes, for
    some encoders make their length even (WG04 MR1_JLSL)."""
    fill(data, bits)
    at = bits[AT]
    if at + 1 >= len(data) or data[at] != 0xFF or data[at + 1] < 0x80:
        return False
    rest = bits[WAITING] & ((1 << bits[COUNT]) - 1)
    return bool(rest == 0 and bits[COUNT] - bits[OVER] <= 15)
