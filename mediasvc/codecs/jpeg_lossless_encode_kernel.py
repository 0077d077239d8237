"""Encoding JPEG Lossless, compiled for speed (T.81 annex H). Import it only through its container
half; the lengths of Huffman codes come from `huffman_lengths`.

Encoding goes twice over the samples: `count_categories`, then `emit`. A category is SSSS of table
H.2. Codes are shorter than the standard allows, so that two samples with their additional bits
always fit into one word. Bits are gathered without stuffing; then zeros are put behind FF bytes.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import INT, INTS, SPACE
from mediasvc.codecs.machine import big_endian, copy_block, inline, kernels, store, trailing_zeros

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Samples = NDArray[np.unsignedinteger]

CATEGORIES = 17
#: Samples that are counted at once.
PIECE = 1 << 15
_LINES = [types.Array(kind, 2, "C", readonly=True) for kind in (types.uint8, types.uint16)]
_COUNTS = types.Array(types.int16, 1, "C")
_SMALL = types.Array(types.uint32, 1, "C")
BLOCK = 32
#: Bytes that are gathered before zeros are put in: what was just written is slow to read.
GATHERED = 8192


@inline
def _differences(samples: Samples, row: int, step: int, bits: int, out: NDArray[np.int16]) -> None:
    """Sample less its left neighbour, modulo 2^16 (H.1.2.1); ``step`` components by pixel."""
    line = samples[row]
    for c in range(min(step, len(line))):
        above = 1 << (bits - 1) if row == 0 else np.int64(samples[row - 1, c])
        out[c] = np.int16(np.int64(line[c]) - above)
    here, left, rest = line[step:], line[:-step], out[step:]
    for x in range(len(here)):
        rest[x] = np.int16(np.int16(here[x]) - np.int16(left[x]))


@inline
def _count(differences: NDArray[np.int16], sizes: NDArray[np.uint16], counts: Ints) -> None:
    """Add to ``counts[k]`` how many differences are of category k or higher."""
    for x in range(len(sizes)):
        sizes[x] = abs(np.int32(differences[x]))
    counts[0] += len(sizes)
    for category in range(1, CATEGORIES):
        least, found = np.uint16(1 << (category - 1)), np.uint16(0)
        for x in range(len(sizes)):
            found = np.uint16(found + np.uint16(sizes[x] >= least))
        if found == 0:
            break
        counts[category] += found


@kernels(*(types.int64(lines, INT, INT, INT, INTS) for lines in _LINES))
def count_categories(samples: Samples, step: int, bits: int, offset: int, counts: Ints) -> int:
    """Fill ``counts`` (`CATEGORIES`) for a stream of ``bits`` bits; the OR of all samples after
    adding ``offset`` (half of the range for signed samples) says which bits they use."""
    rows, width = samples.shape
    differences, sizes = np.empty(width, np.int16), np.empty(min(width, PIECE), np.uint16)
    used, full = np.uint16(0), np.uint16(0xFF if samples.itemsize == 1 else 0xFFFF)
    counts[:] = 0
    for row in range(rows):
        line = samples[row]
        for x in range(width):
            used |= np.uint16(line[x] + np.uint16(offset)) & full
        _differences(samples, row, step, bits, differences)
        for first in range(0, width, PIECE):
            part = differences[first:first + PIECE]
            _count(part, sizes[:len(part)], counts)
    for category in range(CATEGORIES - 1):
        counts[category] -= counts[category + 1]
    return np.int64(used)


@inline
def _table(lengths: Ints, codes: Ints) -> NDArray[np.uint32]:
    """At ``difference & 0xFFFF``: code and additional bits (F.1.2.1), and in the low 5 bits how
    many they are. What no category of the frame needs is left as it is."""
    table = np.empty(1 << 16, np.uint32)
    for category in range(CATEGORIES):
        length = lengths[category]
        if length == 0:
            continue
        if category in (0, 16):
            table[category << 11] = codes[category] << 5 | length
            continue
        head, half = codes[category] << (category + 5) | (length + category), 1 << (category - 1)
        above, below = table[half:2 * half], table[len(table) + 1 - 2 * half:len(table) + 1 - half]
        for k in range(half):
            above[k] = head + ((half + k) << 5)
            below[k] = head + (k << 5)
    return table


@inline
def _stuffed(bits: Bytes, count: int, out: Bytes, to: int) -> int:
    """Append ``bits[:count]`` to ``out`` with a zero behind each FF; `BLOCK` bytes more are read
    and written."""
    at = 0
    while at < count:
        plain = min(trailing_zeros(copy_block(bits, at, out, to)), BLOCK)
        if at + plain >= count:
            return to + count - at
        at += plain
        to += plain
        if plain < BLOCK:
            out[to + 1] = 0
            at += 1
            to += 2
    return to


@inline
def _append(differences: NDArray[np.int16], table: NDArray[np.uint32], word: int, fill: int,
            line: Bytes, done: int) -> tuple[int, int, int]:
    """Append all differences to the ``done`` bytes in ``line``, four at once.

    ``word`` holds the bits that wait, from its top, and ``fill`` how many they are, 0 to 7; the
    result is both again and the number of whole bytes in ``line``.
    """
    one = np.uintp(1)
    for quarter in range(len(differences) >> 2):
        x = np.uintp(quarter) << np.uintp(2)
        a = np.int64(table[np.uint16(differences[x])])
        b = np.int64(table[np.uint16(differences[x + one])])
        c = np.int64(table[np.uint16(differences[x + one + one])])
        d = np.int64(table[np.uint16(differences[x + one + one + one])])
        first, second = (a & 31) + (b & 31), (c & 31) + (d & 31)
        ab = (a >> 5) << (b & 31) | (b >> 5)
        cd = (c >> 5) << (d & 31) | (d >> 5)
        if first + second > 56:
            word |= ab << (64 - fill - first)
            store(line, done, big_endian(word))
            fill += first
            word <<= fill & 56
            done += fill >> 3
            fill &= 7
            ab, first = 0, 0
        size = first + second
        word |= (ab << second | cd) << (64 - fill - size)
        store(line, done, big_endian(word))
        fill += size
        word <<= fill & 56
        done += fill >> 3
        fill &= 7
    for x in range(len(differences) & ~3, len(differences)):
        a = np.int64(table[np.uint16(differences[x])])
        word |= (a >> 5) << (64 - fill - (a & 31))
        store(line, done, big_endian(word))
        fill += a & 31
        word <<= fill & 56
        done += fill >> 3
        fill &= 7
    return word, fill, done


@kernels(*(types.int64(lines, INT, INT, INTS, INTS, SPACE) for lines in _LINES))
def emit(samples: Samples, step: int, bits: int, lengths: Ints, codes: Ints, out: Bytes) -> int:
    """The entropy-coded segment; its length, or -1 when ``out`` is too short, which it may be only
    when the samples are others than those that were counted."""
    rows, width = samples.shape
    table = _table(lengths, codes)
    differences = np.empty(width, np.int16)
    line = np.empty(GATHERED + 4 * width + 2 * BLOCK, np.uint8)
    word, fill, done, to = 0, 0, 0, 0
    for row in range(rows):
        _differences(samples, row, step, bits, differences)
        word, fill, done = _append(differences, table, word, fill, line, done)
        if done >= GATHERED or row == rows - 1:
            if to + 2 * (done + BLOCK) > len(out):
                return -1
            to = _stuffed(line, done, out, to)
            done = 0
    if fill:  # ones up to the next byte (F.1.2.3)
        line[0] = (word >> 56) & 0xFF | (0xFF >> fill)
        to = _stuffed(line, 1, out, to)
    return to
