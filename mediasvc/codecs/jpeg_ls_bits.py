"""The bits of JPEG-LS, compiled: a zero bit behind each FF byte, put in and taken out (A.1)."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import INT, SPACE
from mediasvc.codecs.machine import (
    bare,
    big_endian,
    kernels,
    leading_zeros,
    load,
    shift_right,
    store,
)

Bytes = NDArray[np.uint8]

#: Zeros behind what was unstuffed: no code ends in them, so a reader stops there.
SLACK = 64
_REST = 0x7F7F7F7F7F7F7F7F


@bare
def unstuffed(data: Bytes, at: int, bits: Bytes) -> tuple[int, int]:
    """Copy up to the next marker or the end without the zero bit behind each FF (A.1), then `SLACK`
    zeros: (position of the marker, bits copied)."""
    done, after = 0, False
    while at < len(data):
        if not after and at + 8 <= len(data):
            word = load(data, at)
            found = ~((~word & _REST) + _REST | ~word | _REST)
            if found == 0:
                word = big_endian(word)
                here, fill = done >> 3, done & 7
                before = np.int64(bits[here]) if fill else 0
                store(bits, here, big_endian(before << 56 | shift_right(word, fill)))
                bits[here + 8] = (word << (8 - fill)) & 255
                done += 64
                at += 8
                continue
        byte = np.int64(data[at])
        if byte == 0xFF and at + 1 < len(data) and data[at + 1] >= 0x80:
            break
        size = 7 if after else 8
        here, fill = done >> 3, done & 7
        before = np.int64(bits[here]) if fill else 0
        pair = before << 8 | byte << (16 - size - fill)
        bits[here], bits[here + 1] = pair >> 8, pair & 255
        done += size
        at += 1
        after = byte == 0xFF
    first = (done + 7) >> 3
    bits[first:first + SLACK] = 0
    return at, done


@kernels(types.int64(SPACE, INT, SPACE))
def stuff(bits: Bytes, count: int, out: Bytes) -> int:
    """Copy ``count`` bits with a zero bit behind each FF (A.1), zeros to the end of the last byte;
    how many bytes. Both arrays have 16 bytes more."""
    at, to = 0, 0
    while at < count:
        word = big_endian(load(bits, at >> 3)) << (at & 7)  # at least 57 bits count
        found = ~((~word & _REST) + _REST | ~word | _REST)  # 80 for each FF
        store(out, to, big_endian(word))
        plain = leading_zeros(found) >> 3
        if plain >= 7:
            to += 7
            at += 56
            continue
        to += plain + 1
        at += 8 * (plain + 1)
        if at < count:
            out[to] = shift_right(big_endian(load(bits, at >> 3)) << (at & 7), 57)
        to += 1
        at += 7
    return to - ((at - count) >> 3)
