"""Prefix codes of effort 1, read and made into tables, compiled (ISO/IEC 18181-1 C.2.4, C.3.3).

A table is an array of int64: an entry for each of the next `INDEX` bits, and what codes of any
length need. Positions are of bits, the least significant one of a byte first; whoever calls
provides `SLACK` bytes behind the last one, which no loop here leaves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.jpeg_xl_fields import DAMAGED, OTHER_CODES, RUNS, SAMPLES, SYMBOLS
from mediasvc.codecs.machine import bare, bare_part, load, shift_right

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: Bytes behind the data: more than the codes of one row, or all of LfGlobal, can take.
SLACK = 1 << 13

#: The bits that are looked up. Samples have codes of 8 at most, some runs longer ones.
INDEX = 10
ENTRIES = 1 << INDEX
#: An entry of a sample: in bits 0 to 5 how many bits it takes in all, in bits 8 to 13 how many of
#: them are known, from bit 16 on a mask of the others, from bit 40 on, signed, what these change.
#: Of a run, which has bit 6: the length of its code and, from bit 8 on, its symbol, the first one
#: counted as 1. 0 there: what the entry knows is not enough.
BITS, RARE, SHIFT, MASK, BASE = 63, 64, 8, 16, 40
MASK_BITS, SYMBOL_BITS = (1 << (BASE - MASK)) - 1, 511
#: By the length of codes: the first one, how many there are, and where their symbols begin.
FIRST = ENTRIES
COUNT = FIRST + 16
PLACE = COUNT + 16
SYMBOL = PLACE + 16
SIZE = SYMBOL + SYMBOLS
LONGEST = 15

#: The order in which the lengths of the codes of lengths come, and their own code, by its next
#: four bits: the value and its size.
_ORDER = np.array([1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15])
_LENGTHS = len(_ORDER)
_VALUE = np.array([0, 4, 3, 2, 0, 4, 3, 1, 0, 4, 3, 2, 0, 4, 3, 5])
_SIZE = np.array([2, 2, 2, 3, 2, 2, 2, 4, 2, 2, 2, 3, 2, 2, 2, 4])
_AGAIN, _ZEROS = 16, 17


@bare
def word_at(data: Bytes, pos: int) -> int:
    """The next 57 bits and more."""
    word: int = shift_right(load(data, pos >> 3), pos & 7)
    return word


@bare
def bits_at(data: Bytes, pos: int, count: int) -> int:
    """The next ``count`` bits, 56 at most."""
    return word_at(data, pos) & ((1 << count) - 1)


@bare_part
def symbol_of(tables: Ints, row: int, word: int) -> tuple[int, int]:
    """The symbol whose code is next in ``word``, and its length."""
    code = 0
    for size in range(1, LONGEST + 1):
        code = code << 1 | (word & 1)
        word >>= 1
        rank = code - tables[row, FIRST + size]
        if 0 <= rank < tables[row, COUNT + size]:
            return tables[row, SYMBOL + tables[row, PLACE + size] + rank], size
    return 0, LONGEST


@bare_part
def _order(lengths: Ints, count: int, tables: Ints, row: int) -> bool:
    """Canonical codes of ``count`` symbols; whether they leave no bits without a meaning."""
    for size in range(16):
        tables[row, COUNT + size] = 0
    for k in range(count):
        tables[row, COUNT + lengths[k]] += 1
    tables[row, COUNT] = 0
    code, place = 0, 0
    for size in range(1, 16):
        code = code << 1
        tables[row, FIRST + size] = code
        tables[row, PLACE + size] = place
        code += tables[row, COUNT + size]
        for k in range(count):
            if lengths[k] == size:
                tables[row, SYMBOL + place] = k
                place += 1
    return code == 1 << LONGEST


@bare_part
def _read_lengths(data: Bytes, pos: int, lengths: Ints, tables: Ints, row: int) -> int:
    """The lengths of all symbols' codes; the position behind them, or `DAMAGED`."""
    for k in range(SYMBOLS):
        lengths[k] = 0
    space = 32
    for k in range(_LENGTHS):
        if space > 0:
            next_bits = bits_at(data, pos, 4)
            lengths[_ORDER[k]] = _VALUE[next_bits]
            pos += _SIZE[next_bits]
            space -= 32 >> _VALUE[next_bits] if _VALUE[next_bits] else 0
    if space != 0 or not _order(lengths, _LENGTHS, tables, row):
        return DAMAGED
    for k in range(SYMBOLS):
        lengths[k] = 0
    k, space, zeros = 0, 1 << LONGEST, 0
    while k < SYMBOLS and space > 0:
        length, size = symbol_of(tables, row, bits_at(data, pos, LONGEST))
        pos += size
        if length < _AGAIN:
            lengths[k] = length
            space -= 1 << (LONGEST - length) if length else 0
            k, zeros = k + 1, 0
        elif length == _ZEROS:
            before = zeros
            zeros = (zeros - 2 << 3 if zeros else 0) + 3 + bits_at(data, pos, 3)
            pos += 3
            k += zeros - before
            if k > SYMBOLS:
                return DAMAGED
        else:
            return OTHER_CODES
    return pos if space == 0 else DAMAGED


@bare_part
def _entry(symbol: int, size: int, odd: int) -> int:
    """``odd``: the bit behind the code, the last one of the number (C.3.3), which is its sign."""
    if symbol >= RUNS:
        return (symbol - RUNS + 1) << SHIFT | RARE | size
    if symbol < 2:
        return -symbol << BASE | size << SHIFT | size
    more = symbol - 2
    if size == INDEX:
        return RARE
    return (1 << more ^ -odd) << BASE | ((1 << more) - 1) << MASK | (size + 1) << SHIFT | (
        size + 1 + more)


@bare_part
def _fill(tables: Ints, row: int) -> None:
    for k in range(ENTRIES):
        tables[row, k] = RARE
    for size in range(1, INDEX + 1):
        for rank in range(tables[row, COUNT + size]):
            code, turned = tables[row, FIRST + size] + rank, 0
            for k in range(size):
                turned |= (code >> k & 1) << (size - 1 - k)
            symbol = tables[row, SYMBOL + tables[row, PLACE + size] + rank]
            even, odd = _entry(symbol, size, 0), _entry(symbol, size, 1)
            for k in range(turned, ENTRIES, 1 << size):
                tables[row, k] = odd if k >> size & 1 else even


@bare_part
def read_code(data: Bytes, pos: int, lengths: Ints, tables: Ints, row: int) -> int:
    """One prefix code, as a table in ``tables[row]``; the position behind it, or a reason below 0.
    ``lengths`` is space for `SYMBOLS` of them."""
    if bits_at(data, pos, 2):  # a simple code, or lengths that are left out
        return OTHER_CODES
    pos = _read_lengths(data, pos + 2, lengths, tables, row)
    if pos < 0:
        return pos
    for symbol in range(SAMPLES, RUNS):
        if lengths[symbol]:
            return OTHER_CODES
    if not _order(lengths, SYMBOLS, tables, row):
        return DAMAGED
    _fill(tables, row)
    return pos
