"""JPEG Lossless, compiled for speed (T.81 annex H). Import it only through its container halves.

Encoding goes twice over the samples: `count_categories`, then `emit`. A category is SSSS of table
H.2. Codes are made no longer than `LONGEST` bits, less than the 16 that the standard allows, so
that two samples with their additional bits always fit into one word; that costs nothing one can
measure. Bits are gathered without stuffing, row by row; then zeros are put behind FF bytes.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, SPACE
from mediasvc.codecs.machine import big_endian, inline, kernels, load, store

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Samples = NDArray[np.unsignedinteger]

LONGEST = 12
CATEGORIES = 17
HALF = 1 << 15
#: Samples that are counted at once.
PIECE = 1 << 15
_LINES = [types.Array(kind, 2, "C", readonly=True) for kind in (types.uint8, types.uint16)]
_COUNTS = types.Array(types.int16, 1, "C")
_SMALL = types.Array(types.uint32, 1, "C")
LOW, HIGH = 0x0101010101010101, -0x7F7F7F7F7F7F7F80  # 01 and 80 in every byte


@inline
def _differences(samples: Samples, row: int, step: int, bits: int, out: NDArray[np.int16]) -> None:
    """Sample less its left neighbour, modulo 2^16 (H.1.2.1); ``step`` components by pixel."""
    mask = np.uint16((1 << bits) - 1)
    line = samples[row]
    for c in range(min(step, len(line))):
        above = 1 << (bits - 1) if row == 0 else np.int64(samples[row - 1, c] & mask)
        out[c] = np.int16(np.int64(line[c] & mask) - above)
    here, left, rest = line[step:], line[:-step], out[step:]
    for x in range(len(here)):
        rest[x] = np.int16((here[x] & mask) - (left[x] & mask))


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
    """Fill ``counts`` (`CATEGORIES`); the bits that are set above ``bits`` in any sample after
    adding ``offset`` (half of the range for signed samples): 0 when all are of ``bits`` bits."""
    rows, width = samples.shape
    differences, sizes = np.empty(width, np.int16), np.empty(min(width, PIECE), np.uint16)
    used = np.uint16(0)
    counts[:] = 0
    for row in range(rows):
        line = samples[row]
        for x in range(width):
            used |= np.uint16(line[x] + np.uint16(offset))
        _differences(samples, row, step, bits, differences)
        for first in range(0, width, PIECE):
            part = differences[first:first + PIECE]
            _count(part, sizes[:len(part)], counts)
    for category in range(CATEGORIES - 1):
        counts[category] -= counts[category + 1]
    return np.int64(used) >> bits


@inline
def _limit(sizes: Ints, counts: Ints, lengths: Ints) -> None:
    of_size = np.zeros(33, np.int64)
    for k in range(len(sizes)):
        of_size[sizes[k]] += 1
    for i in range(32, LONGEST, -1):
        while of_size[i] > 0:
            j = i - 2
            while of_size[j] == 0:
                j -= 1
            of_size[i] -= 2
            of_size[i - 1] += 1
            of_size[j + 1] += 2
            of_size[j] -= 1
    of_size[0] = 0
    longest = 32
    while of_size[longest] == 0:
        longest -= 1
    of_size[longest] -= 1  # the one that was kept free
    # the shortest codes to the symbols that were shortest
    lengths[:] = 0
    size, left = 1, of_size[1]
    for was in range(1, 33):
        for k in range(len(counts)):
            if counts[k] and sizes[k] == was:
                while left == 0:
                    size += 1
                    left = of_size[size]
                lengths[k] = size
                left -= 1


@kernels(types.void(INTS, INTS))
def code_lengths(counts: Ints, lengths: Ints) -> None:
    """An optimal code for symbols that are ``counts`` times there, none longer than `LONGEST` and
    none of ones only; 0 for symbols that are not there (K.2: Code_size, Adjust_BITS)."""
    size = len(counts) + 1
    weights, others, sizes = np.empty(size, np.int64), np.full(size, -1), np.zeros(size, np.int64)
    weights[:-1], weights[-1] = counts, 1  # the last one keeps the code of ones free
    while True:
        least, next_least = -1, -1
        for k in range(size):
            if weights[k] and (least < 0 or weights[k] <= weights[least]):
                least, next_least = k, least
            elif weights[k] and (next_least < 0 or weights[k] <= weights[next_least]):
                next_least = k
        if next_least < 0:
            break
        weights[next_least] += weights[least]
        weights[least] = 0
        k = next_least
        sizes[k] += 1
        while others[k] >= 0:
            k = others[k]
            sizes[k] += 1
        others[k] = least
        k = least
        sizes[k] += 1
        while others[k] >= 0:
            k = others[k]
            sizes[k] += 1
    _limit(sizes, counts, lengths)


@kernels(types.void(INTS, INTS))
def codes_of(lengths: Ints, codes: Ints) -> None:
    """The canonical code: short before long, then by symbol (annex C)."""
    code = 0
    for size in range(1, LONGEST + 1):
        for k in range(len(lengths)):
            if lengths[k] == size:
                codes[k] = code
                code += 1
        code <<= 1


@inline
def _fill_table(lengths: Ints, codes: Ints, table: NDArray[np.uint32]) -> None:
    """``table[difference & 0xFFFF]``: code and additional bits (F.1.2.1), and in the low 5 bits how
    many they are."""
    for category in range(CATEGORIES):
        size = lengths[category]
        if size == 0:
            continue
        if category in (0, 16):
            table[category and 32768] = codes[category] << 5 | size
            continue
        head, half = codes[category] << (category + 5) | (size + category), 1 << (category - 1)
        above, below = table[half:2 * half], table[HALF * 2 + 1 - 2 * half:HALF * 2 + 1 - half]
        for k in range(half):
            above[k] = head + ((half + k) << 5)
            below[k] = head + (k << 5)


@inline
def _stuffed(bits: Bytes, count: int, out: Bytes, to: int) -> int:
    """Append ``bits[:count]`` to ``out`` with a zero behind each FF."""
    at = 0
    while at < count:
        word = load(bits, at)
        if ((~word - LOW) & word & HIGH) == 0:
            store(out, to, word)
            part = min(8, count - at)
            to += part
            at += part
            continue
        for k in range(at, min(at + 8, count)):
            out[to] = bits[k]
            to += 1
            if bits[k] == 0xFF:
                out[to] = 0
                to += 1
        at += 8
    return to


@inline
def _append(differences: NDArray[np.int16], table: NDArray[np.uint32], word: int, fill: int,
            line: Bytes) -> tuple[int, int, int]:
    """Append all differences to ``line``, four at once.

    ``word`` holds the bits that wait, from its top, and ``fill`` how many they are, 0 to 7; the
    result is both again and the number of whole bytes in ``line``.
    """
    done, one = 0, np.uintp(1)
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
    table = np.zeros(2 * HALF, np.uint32)
    _fill_table(lengths, codes, table)
    differences = np.empty(width, np.int16)
    line = np.empty(4 * width + 32, np.uint8)
    word, fill, to = 0, 0, 0
    for row in range(rows):
        _differences(samples, row, step, bits, differences)
        word, fill, done = _append(differences, table, word, fill, line)
        if to + 2 * done + 16 > len(out):
            return -1
        to = _stuffed(line, done, out, to)
    if fill:  # ones up to the next byte (F.1.2.3)
        line[0] = (word >> 56) & 0xFF | (0xFF >> fill)
        to = _stuffed(line, 1, out, to)
    return to
