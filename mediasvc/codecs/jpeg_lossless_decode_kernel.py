"""Decoding JPEG Lossless, compiled for speed (T.81 annex H). Import it only through its container
half.

A scan is read row by row: differences (`jpeg_lossless_differences`), then predictions are added to
them.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, TABLE
from mediasvc.codecs.jpeg_lossless_differences import (
    BLOCK,
    DAMAGED,
    PIECE,
    read_singles,
    read_triples,
    unstuff,
)
from mediasvc.codecs.machine import inline, kernels

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint16]
Samples = NDArray[np.unsignedinteger]

_ROWS = types.Array(types.uint8, 2, "C")


@inline
def _add_predictions(here: Words, above: Words, step: int, selection: int) -> None:
    """Table H.1 behind the first pixel; ``above`` is the line before."""
    for x in range(step, len(here)):
        ra, rb, rc = np.int64(here[x - step]), np.int64(above[x]), np.int64(above[x - step])
        if selection == 2:
            px = rb
        elif selection == 3:
            px = rc
        elif selection == 4:
            px = ra + rb - rc
        elif selection == 5:
            px = ra + ((rb - rc) >> 1)
        elif selection == 6:
            px = rb + ((ra - rc) >> 1)
        else:
            px = (ra + rb) >> 1
        here[x] = np.uint16(np.int64(here[x]) + px)


@inline
def _add_row(here: Words, above: Words, step: int, fresh: bool, selection: int, bits: int) -> None:
    """Differences → samples, modulo 2^16 (H.1.2.1): ``fresh`` lines know nothing above them."""
    for c in range(step):
        here[c] = np.uint16(np.int64(here[c]) + (1 << (bits - 1) if fresh else np.int64(above[c])))
    if not fresh and selection != 1:
        _add_predictions(here, above, step, selection)
    elif step == 1:
        last = here[0]
        for x in range(1, len(here)):
            last = np.uint16(last + here[x])
            here[x] = last
    else:
        for x in range(step, len(here)):
            here[x] = np.uint16(here[x] + here[x - step])


@inline
def _put_row(here: Words, numbers: Ints, mask: int, transform: int, line: Samples, wide: int,
             ) -> None:
    """Component k of the scan to place ``numbers[k]`` of each pixel of ``wide`` components."""
    step = len(numbers)
    for k in range(step):
        for x in range(len(here) // step):
            code = here[x * step + k] & np.uint16(mask)
            line[x * wide + numbers[k]] = code << np.uint16(transform)


@inline
def _put(here: Words, numbers: Ints, mask: int, transform: int, row: Bytes, wide: int, size: int,
         ) -> None:
    """One row of samples of ``size`` bytes."""
    in_order = wide == len(numbers)
    for k in range(len(numbers)):
        in_order &= numbers[k] == k
    if size == 1 and not in_order:
        _put_row(here, numbers, mask, transform, row, wide)
    elif not in_order:
        _put_row(here, numbers, mask, transform, row.view(np.uint16), wide)
    elif size == 1:
        for x in range(len(here)):
            row[x] = (here[x] & np.uint16(mask)) << np.uint16(transform)
    else:
        words = row.view(np.uint16)
        for x in range(len(here)):
            words[x] = (here[x] & np.uint16(mask)) << np.uint16(transform)


@inline
def _restart(data: Bytes, at: int, number: int) -> int:
    """Behind marker RST ``number``, or `DAMAGED` when another thing stands there (E.2.4)."""
    while at + 1 < len(data) and data[at] == 0xFF and data[at + 1] == 0xFF:
        at += 1
    if at + 1 >= len(data) or data[at] != 0xFF or data[at + 1] != 0xD0 + (number & 7):
        return DAMAGED
    return at + 2


@kernels(types.int64(BYTES, INT, TABLE, types.boolean, INTS, INT, INT, INT, INT, INT, INT, _ROWS))
def decode_scan(data: Bytes, start: int, tables: Ints, triples: bool, numbers: Ints, selection: int,
                bits: int, transform: int, restart: int, columns: int, size: int, out: Bytes,
                ) -> int:
    """Decode one scan from byte ``start``; the position behind it, or `DAMAGED`.

    Component k of the scan is number ``numbers[k]`` of the frame, its code is ``tables[k]``, or
    ``tables[0]`` for all, which then may have ``triples``. ``out`` has a row of bytes for each
    row: ``columns`` pixels of samples of ``size`` bytes, 1 or 2. ``bits`` is the precision less
    the point transform, ``restart`` the interval in lines, 0 for none.
    """
    rows, wide = len(out), out.shape[1] // (columns * size)
    width = columns * len(numbers)
    here, above = np.zeros(width + 4, np.uint16), np.zeros(width + 4, np.uint16)
    slack = 4 * width + BLOCK
    summed = not triples and selection == 1 and width == columns
    unstuffed = np.empty(PIECE + 2 * slack + BLOCK, np.uint8)
    word, have, at, end, length, ended = 0, 0, 0, start, 0, False
    for row in range(rows):
        fresh = row == 0 or (restart > 0 and row % restart == 0)
        if fresh and row > 0:
            end = _restart(data, end, row // restart - 1) if ended else DAMAGED
            if end < 0 or 8 * (length - at) + have > 7:
                return DAMAGED
            word, have, at, length, ended = 0, 0, 0, 0, False
        while not ended and length - at < slack:
            unstuffed[:length - at] = unstuffed[at:length]
            end, length, ended = unstuff(data, end, unstuffed, length - at, slack)
            at = 0
        if triples:
            word, have, at = read_triples(unstuffed, tables[0], here, width, word, have, at)
        else:
            last = 1 << (bits - 1) if fresh else np.int64(above[0])
            word, have, at = read_singles(
                unstuffed, tables, last, -1 if summed else 0, here, width, word, have, at)
        if at < 0 or 8 * at - have > 8 * length:
            return DAMAGED
        if not summed:
            _add_row(here[:width], above, len(numbers), fresh, selection, bits)
        _put(here[:width], numbers, (1 << bits) - 1, transform, out[row], wide, size)
        here, above = above, here
    return end if ended and end < len(data) and 8 * (length - at) + have < 8 else DAMAGED
