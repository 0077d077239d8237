"""Samples of one channel of a group, compiled (ISO/IEC 18181-1 C.3.3, H.3, H.5).

What a sample takes is a chain: position, bits, entry of the table, next position. So two groups, in
which nothing depends on the other, are read in one loop, their samples side by side in one word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.jpeg_xl_codes import (
    BASE,
    BITS,
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
from mediasvc.codecs.jpeg_xl_fields import DAMAGED, LEAST_RUN, RUNS, SHORT_RUNS, SPLIT
from mediasvc.codecs.jpeg_xl_lanes import add_both, gradients
from mediasvc.codecs.machine import bare, bare_part, shift_right

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Planes = NDArray[np.int64]

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
def _next(data: Bytes, tables: Ints, code: int, run: int, last: int, pos: int, word: int,
          ) -> tuple[int, int, int, int]:
    """The next difference, which ``word`` at ``pos`` begins with: (samples that repeat it, itself,
    position, what is left of the word)."""
    if run > 0:
        return run - 1, last, pos, word
    entry = tables[code, word & (ENTRIES - 1)]
    if entry & RARE:
        run, last, pos = _rare(data, tables, code, entry, last, pos)
        return run - (run > 0), last, pos, word_at(data, pos)
    more = shift_right(word, entry >> SHIFT & BITS) & (entry >> MASK & MASK_BITS)
    return 0, entry >> BASE ^ more, pos + (entry & BITS), shift_right(word, entry & BITS)


@bare_part
def _within(planes: Planes, channel: int, y: int, columns: int) -> bool:
    """Whether no sample of the row left the range: so that none of the next one leaves the type."""
    used = np.int32(0)
    for x in range(columns):
        one, other = np.int32(planes[channel, y, x]), np.int32(planes[channel, y, x] >> 32)
        used |= one ^ (one >> 31) | other ^ (other >> 31)
    return bool(used < LIMIT)


@bare_part
def read_two(data: Bytes, end: int, end_2: int, tables: Ints, code: int, planes: Planes,
             channel: int, rows: int, columns: int, pos: int, pos_2: int) -> tuple[int, int]:
    """A channel of two groups of one size, which may be the same: ``rows`` × ``columns`` words of
    ``planes``, with the sample of the first one lower. They begin at two bits of sections that end
    before two bytes. The positions behind them, or `DAMAGED`. No run comes before the first sample
    or goes on behind the last."""
    run, last, run_2, last_2, left = 0, LIMIT, 0, LIMIT, 0
    for x in range(columns):
        run, last, pos, _ = _next(data, tables, code, run, last, pos, word_at(data, pos))
        run_2, last_2, pos_2, _ = _next(data, tables, code, run_2, last_2, pos_2,
                                        word_at(data, pos_2))
        left = add_both(left, last, last_2)
        planes[channel, 0, x] = left
    for y in range(1, rows):
        if pos > 8 * end or pos_2 > 8 * end_2 or not _within(planes, channel, y - 1, columns):
            return DAMAGED, DAMAGED
        left = int(planes[channel, y - 1, 0])
        corner = left
        for x in range(0, columns, 2):
            word, word_2 = word_at(data, pos), word_at(data, pos_2)
            for k in range(x, min(x + 2, columns)):  # two codes with an entry are 54 bits at most
                run, last, pos, word = _next(data, tables, code, run, last, pos, word)
                run_2, last_2, pos_2, word_2 = _next(data, tables, code, run_2, last_2, pos_2,
                                                     word_2)
                top = int(planes[channel, y - 1, k])
                left = gradients(left, top, corner, last, last_2)
                planes[channel, y, k] = left
                corner = top
    sound = run == 0 and run_2 == 0 and pos <= 8 * end and pos_2 <= 8 * end_2 and _within(
        planes, channel, rows - 1, columns)
    return (pos, pos_2) if sound else (DAMAGED, DAMAGED)
