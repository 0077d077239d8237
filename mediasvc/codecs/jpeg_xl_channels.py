"""Samples of one channel of a group, compiled (ISO/IEC 18181-1 C.3.3, H.3, H.5).

What a sample takes is a chain: position, bits, entry of the table, next position. So two groups, in
which nothing depends on the other, are read in one loop: two thirds of the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.jpeg_xl_codes import (
    BASE,
    BITS,
    DAMAGED,
    ENTRIES,
    MASK,
    MASK_BITS,
    RARE,
    SHIFT,
    SYMBOL_BITS,
    bits_at,
    symbol_of,
    word_at,
)
from mediasvc.codecs.jpeg_xl_fields import LEAST_RUN, RUNS, SHORT_RUNS, SPLIT
from mediasvc.codecs.machine import bare, bare_part, shift_right

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Planes = NDArray[np.int32]

#: Samples that YCoCg made have a bit more than 16, and their sign.
LIMIT = 1 << 17


@bare_part
def _rare(data: Bytes, tables: Ints, code: int, entry: int, last: int, pos: int,
          ) -> tuple[int, int, int]:
    """A run, or a code that has no entry: (samples that repeat, difference, position)."""
    symbol, size = RUNS - 1 + (entry >> SHIFT & SYMBOL_BITS), entry & BITS
    if symbol < RUNS:
        symbol, size = symbol_of(tables, code, word_at(data, pos))
    pos += size
    if symbol < RUNS:
        more = max(0, symbol - 1)
        number = (1 << more if symbol else 0) + bits_at(data, pos, more)
        return 0, number >> 1 ^ -(number & 1), pos + more
    run, more = symbol - RUNS, 0
    if run >= SHORT_RUNS:
        more = run - SHORT_RUNS + SPLIT
        run = (1 << more) + bits_at(data, pos, more)
    return run + LEAST_RUN, last, pos + more


@bare
def _next(data: Bytes, tables: Ints, code: int, run: int, last: int, pos: int,
          ) -> tuple[int, int, int]:
    """The next difference: (samples that repeat it, itself, position)."""
    if run > 0:
        return run - 1, last, pos
    word = word_at(data, pos)
    entry = tables[code, word & (ENTRIES - 1)]
    if entry & RARE:
        run, last, pos = _rare(data, tables, code, entry, last, pos)
        return run - (run > 0), last, pos
    more = shift_right(word, entry >> SHIFT & BITS) & (entry >> MASK & MASK_BITS)
    return 0, entry >> BASE ^ more, pos + (entry & BITS)


@bare
def _gradient(left: int, top: int, corner: int) -> int:
    """left + top - corner, not beyond either (H.3, predictor 5)."""
    return min(max(left + top - corner, min(left, top)), max(left, top))


@bare_part
def _within(planes: Planes, plane: int, y: int, columns: int) -> bool:
    """Whether no sample of the row left the range: so that none of the next one leaves the type."""
    used = np.int32(0)
    for x in range(columns):
        used |= planes[plane, y, x] ^ (planes[plane, y, x] >> 31)
    return bool(used < LIMIT)


@bare_part
def read_channel(data: Bytes, end: int, tables: Ints, code: int, planes: Planes, plane: int,
                 rows: int, columns: int, pos: int) -> int:
    """``rows`` × ``columns`` samples into a plane, from bit ``pos`` of a section that ends before
    byte ``end``; the position behind them, or `DAMAGED`. No run comes before the first sample or
    goes on behind the last."""
    run, last, left = 0, LIMIT, 0
    for x in range(columns):
        run, last, pos = _next(data, tables, code, run, last, pos)
        left += last
        planes[plane, 0, x] = left
    for y in range(1, rows):
        if pos > 8 * end or not _within(planes, plane, y - 1, columns):
            return DAMAGED
        left = int(planes[plane, y - 1, 0])
        corner = left
        for x in range(columns):
            run, last, pos = _next(data, tables, code, run, last, pos)
            top = int(planes[plane, y - 1, x])
            left = _gradient(left, top, corner) + last
            planes[plane, y, x] = left
            corner = top
    sound = run == 0 and pos <= 8 * end and _within(planes, plane, rows - 1, columns)
    return pos if sound else DAMAGED


@bare_part
def read_two(data: Bytes, end: int, other_end: int, tables: Ints, code: int, planes: Planes,
             plane: int, other: int, rows: int, columns: int, pos: int, other_pos: int,
             ) -> tuple[int, int]:
    """`read_channel` of two groups of one size at once; both positions."""
    run, last, left = 0, LIMIT, 0
    run_2, last_2, left_2 = 0, LIMIT, 0
    for x in range(columns):
        run, last, pos = _next(data, tables, code, run, last, pos)
        run_2, last_2, other_pos = _next(data, tables, code, run_2, last_2, other_pos)
        left += last
        left_2 += last_2
        planes[plane, 0, x] = left
        planes[other, 0, x] = left_2
    for y in range(1, rows):
        if pos > 8 * end or other_pos > 8 * other_end or not (
                _within(planes, plane, y - 1, columns) and _within(planes, other, y - 1, columns)):
            return DAMAGED, DAMAGED
        left = int(planes[plane, y - 1, 0])
        left_2 = int(planes[other, y - 1, 0])
        corner, corner_2 = left, left_2
        for x in range(columns):
            run, last, pos = _next(data, tables, code, run, last, pos)
            top = int(planes[plane, y - 1, x])
            left = _gradient(left, top, corner) + last
            planes[plane, y, x] = left
            corner = top
            run_2, last_2, other_pos = _next(data, tables, code, run_2, last_2, other_pos)
            top_2 = int(planes[other, y - 1, x])
            left_2 = _gradient(left_2, top_2, corner_2) + last_2
            planes[other, y, x] = left_2
            corner_2 = top_2
    sound = run == 0 and run_2 == 0 and pos <= 8 * end and other_pos <= 8 * other_end and (
        _within(planes, plane, rows - 1, columns) and _within(planes, other, rows - 1, columns))
    return (pos, other_pos) if sound else (DAMAGED, DAMAGED)
