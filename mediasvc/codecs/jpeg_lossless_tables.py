"""Huffman codes of differences as tables to look up by the next bits (T.81 annexes C and H).

A table is one array of int64 with four parts; a category is SSSS of table H.2.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INTS
from mediasvc.codecs.machine import inline, kernels

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

#: The bits that are looked up.
INDEX = 11
ENTRIES = 1 << INDEX
#: One difference: in bits 0 to 5 how many bits it takes, then `PRESENT`, in bits 8 to 11 how many
#: of them stand
#: behind its sign, from bit 16 on what to add to those. 0: code and sign are longer than `INDEX`.
SINGLES = 0
PRESENT = 1 << 6
#: Up to three whole differences: in bits 0 to 5 how many bits they take, in bits 6 and 7 how many
#: they are, from bit 16 on 16 bits each. 0: the first one is longer than `INDEX`.
TRIPLES = ENTRIES
#: For codes of any length: where those of 1, 2 … 16 bits end, left in 16 bits; what makes of a
#: code the place of its category; the categories.
LIMITS = 2 * ENTRIES
PLACES = LIMITS + 17
VALUES = PLACES + 17
SIZE = VALUES + 256


@inline
def single(code_bits: int, category: int, positive: int) -> int:
    """An entry of `SINGLES` (F.2.2.1, EXTEND); category 16 is -32768 without bits (H.1.2.2)."""
    if category in (0, 16):
        return (-32768 << 16 if category else 0) | PRESENT | code_bits
    base = 1 << (category - 1) if positive else 1 - (1 << category)
    return base << 16 | (category - 1) << 8 | PRESENT | (code_bits + category)


@inline
def _fill_singles(counts: Bytes, values: Bytes, table: Ints) -> bool:
    """All parts but `TRIPLES`; False when there is no such code."""
    code, number = 0, 0
    for size in range(1, 17):
        table[PLACES + size] = number - code
        for _ in range(counts[size - 1]):
            category = np.int64(values[number])
            if code >= 1 << size or category > 16:
                return False
            table[VALUES + number] = category
            sign = 0 if category in (0, 16) else 1
            for positive in range(1 + sign):
                rest = INDEX - size - sign
                if rest >= 0:
                    first = (code << sign | positive) << rest
                    for k in range(first, first + (1 << rest)):
                        table[SINGLES + k] = single(size, category, positive)
            code += 1
            number += 1
        table[LIMITS + size] = code << (16 - size)
        code <<= 1
    return True


@inline
def _fill_triples(table: Ints) -> None:
    for k in range(ENTRIES):
        joined, used, count = 0, 0, 0
        while count < 3:
            rest = (k << used) & (ENTRIES - 1)
            entry = table[SINGLES + rest]
            size, more = entry & 63, (entry >> 8) & 15
            if size == 0 or used + size > INDEX:
                break
            value = (entry >> 16) + ((rest >> (INDEX - size)) & ((1 << more) - 1))
            joined |= (value & 0xFFFF) << (16 + 16 * count)
            used += size
            count += 1
        table[TRIPLES + k] = joined | count << 6 | used


@kernels(types.boolean(BYTES, BYTES, types.boolean, INTS))
def fill_table(counts: Bytes, values: Bytes, triples: bool, table: Ints) -> bool:
    """Make ``table`` (`SIZE`, zeros) of a Huffman code, 16 ``counts`` and their ``values``
    (annex C); False when there is no such code. ``triples``: fill that part too."""
    if len(counts) != 16 or len(values) > 256 or counts.sum() != len(values):
        return False
    if not _fill_singles(counts, values, table):
        return False
    if triples:
        _fill_triples(table)
    return True
