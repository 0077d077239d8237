"""Writing the codes of JPEG-LS, compiled: runs (T.87 A.7.1), and codes to bits not yet stuffed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.jpeg_ls_contexts import CONTEXTS, PART, Box, J, Line, learned_of_run, order
from mediasvc.codecs.machine import bare, big_endian, store

Bytes = NDArray[np.uint8]
ONE, THREE = np.uintp(1), np.uintp(3)

#: Places in the box: A B C N of each context; codes of up to 32 bits and how many bits they have.
STRIDE = 4
CODE = STRIDE * CONTEXTS
#: A sample has up to two codes, a run before it up to three.
SIZE = CODE + 5 * PART + 2
BOX = SIZE + 5 * PART + 2
UCODE, USIZE = np.uintp(CODE), np.uintp(SIZE)
#: Bytes of the longest code of a sample (LIMIT of 16 bits), and of what else a line may need.
LONGEST, RUNS = 8, 1 << 10


@bare
def read_row(samples: Bytes, row: int, line: Line) -> None:
    """One row of bytes, or of 16-bit samples."""
    if samples.shape[1] == len(line):
        for x in range(len(line)):
            line[x] = samples[row, x]
        return
    words = samples[row].view(np.uint16)
    for x in range(len(line)):
        line[x] = words[x]


@bare
def run_end(line: Line, x: int, step: int) -> int:
    """The first place from ``x`` on whose sample is not the one ``step`` to its left; the end of
    the line counts as one."""
    while x < len(line) - step and line[np.uintp(x)] == line[np.uintp(x - step)]:
        x += 1
    return x


@bare
def put_run(length: int, to_end: bool, index: int, box: Box, count: Any) -> tuple[int, Any]:
    """The codes of A.7.1.2: (the index of the order, how many codes there are now)."""
    ones = 0
    while length >= 1 << J[index]:
        length -= 1 << J[index]
        ones += 1
        index = min(index + 1, 31)
        if ones == 32:
            box[UCODE + count], box[USIZE + count] = -1, 32
            count += ONE
            ones = 0
    if to_end:
        ones += length > 0
    box[UCODE + count], box[USIZE + count] = (1 << ones) - 1, ones
    count += ONE
    if not to_end:
        box[UCODE + count], box[USIZE + count] = length, 1 + J[index]
        count += ONE
    return index, count


@bare
def ended_run(box: Box, at: Any, kind: int, error: int, reset: int) -> tuple[int, int]:
    """The sample that ends a run (A.7.2): (its mapped error, k). ``kind`` is RItype, ``at`` the
    place of its context."""
    a, nn, n = np.int64(box[at]), np.int64(box[at + ONE]), np.int64(box[at + THREE])
    golomb = order(n, a + (n >> 1) * kind)
    negative = np.int64(error < 0)
    likely = np.int64(2 * nn >= n) | np.int64(golomb != 0)
    mapped = 2 * abs(error) - kind - (np.int64(error != 0) & np.int64(negative == likely))
    box[at], box[at + ONE], box[at + THREE] = learned_of_run(
        a, nn, n, mapped, kind, negative, reset)
    return mapped, golomb


@bare
def put_code(mapped: int, golomb: int, most: int, bits: int, box: Box, count: Any) -> Any:
    """The code of a mapped error (A.5.3) behind ``count`` others: how many there are now. ``most``
    zeros escape to ``bits`` bits."""
    zeros = mapped >> golomb
    code, size = 1 << golomb | (mapped & ((1 << golomb) - 1)), zeros + 1 + golomb
    if zeros >= most:
        code, size = 1 << bits | (mapped - 1), most + 1 + bits
    if size > 32:
        box[UCODE + count], box[USIZE + count] = 0, size - 32
        count += ONE
        size = 32
    box[UCODE + count], box[USIZE + count] = code, size
    return count + ONE


@bare
def append(box: Box, count: int, word: int, fill: int, space: Bytes, to: int,
            ) -> tuple[int, int, int]:
    """Append ``count`` codes to ``space``, two at once. ``word`` holds the bits that wait, from its
    top, ``fill`` how many they are, 0 to 7, ``to`` is the next byte."""
    box[CODE + count] = box[SIZE + count] = 0
    for pair in range((count + 1) >> 1):
        at = np.uintp(2 * pair)
        size, more = np.int64(box[USIZE + at]), np.int64(box[USIZE + at + ONE])
        first = np.int64(np.uint32(box[UCODE + at]))
        code = first << more | np.int64(np.uint32(box[UCODE + at + ONE]))
        if size + more > 56:
            word |= first << (63 - fill - size) << 1
            store(space, to, big_endian(word))
            fill += size
            word <<= fill & 56
            to += fill >> 3
            fill &= 7
            code, size = np.int64(np.uint32(box[UCODE + at + ONE])), 0
        size += more
        word |= code << (63 - fill - size) << 1
        store(space, to, big_endian(word))
        fill += size
        word <<= fill & 56
        to += fill >> 3
        fill &= 7
    return word, fill, to


@bare
def finished(word: int, fill: int, to: int, space: Bytes) -> int:
    """Store the bits that wait; how many there are in all."""
    store(space, to, big_endian(word))
    return 8 * to + fill
