"""Writing the codes of JPEG-LS, compiled: runs (T.87 A.7.1), and codes to bits not yet stuffed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.jpeg_ls_contexts import Box, J, Line
from mediasvc.codecs.jpeg_ls_neighbours import CODE, SIZE, UCODE, USIZE
from mediasvc.codecs.machine import big_endian, inline, store

Bytes = NDArray[np.uint8]
ONE = np.uintp(1)


@inline
def run_end(line: Line, x: int, step: int) -> int:
    """The first place from ``x`` on whose sample is not the one ``step`` to its left; the end of
    the line counts as one."""
    while x < len(line) - step and line[np.uintp(x)] == line[np.uintp(x - step)]:
        x += 1
    return x


@inline
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


@inline
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
