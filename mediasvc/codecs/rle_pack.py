"""Packing byte planes, compiled (PS3.5 G.3.1). Import it only through `rle_frame`.

Rows are packed one by one, out of a copy of one row's plane that ends in a byte which no run goes
on with; eight bytes are looked at at once.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, SPACE
from mediasvc.codecs.machine import inline, kernels, load, store, trailing_zeros

Bytes = NDArray[np.uint8]

#: The most bytes that one header byte stands for; what is looked at at once.
MOST, WORD = 128, 8
#: Bytes behind a row and behind the packed ones that may be touched.
SLACK = MOST + 64
LOW, HIGH = 0x0101010101010101, -0x7F7F7F7F7F7F7F80  # 01 and 80 in every byte


@inline
def _zero_byte(word: int) -> int:
    """A word whose lowest bit that is set stands at the top of the first zero byte; 0: there is
    none."""
    return (word - LOW) & ~word & HIGH


@inline
def _take_plane(data: Bytes, start: int, step: int, row: Bytes, columns: int) -> None:
    base, wide = np.uintp(start), np.uintp(step)
    for x in range(columns):
        row[x] = data[base + np.uintp(x) * wide]


@inline
def _run_end(row: Bytes, at: int) -> int:
    """The first position behind ``at`` with another byte."""
    same = np.int64(row[at]) * LOW
    while True:
        other = load(row, at) ^ same
        if other:
            return at + (trailing_zeros(other) >> 3)
        at += WORD


@inline
def _pack_run(value: int, length: int, out: Bytes, to: int) -> int:
    while length > 0:
        part = min(length, MOST)
        out[to] = 257 - part if part > 1 else 0
        out[to + 1] = value
        to += 2
        length -= part
    return to


@inline
def _pack_row(row: Bytes, columns: int, out: Bytes, to: int) -> int:
    """Pack ``columns`` bytes; ``row`` has `SLACK` more. Runs begin at three equal bytes; a pair is
    one only where it stands alone (G.3.1)."""
    at = 0
    while at < columns:
        word = load(row, at)
        if (word ^ word >> 8) & 0xFFFF == 0:
            end = _run_end(row, at)
            to = _pack_run(np.int64(row[at]), end - at, out, to)
            at = end
            continue
        here = at
        while True:
            word = load(row, here)
            store(out, to + 1 + here - at, word)
            found = _zero_byte((word ^ load(row, here + 1)) | (word ^ load(row, here + 2)))
            if found:
                here += trailing_zeros(found) >> 3
                break
            here += WORD
            if here >= columns or here - at == MOST:
                break
        here = min(here, columns)
        length = here - at
        if length == 2 and row[at] == row[at + 1]:
            to = _pack_run(np.int64(row[at]), 2, out, to)
        else:
            out[to] = length - 1
            to += 1 + length
        at = here
    return to


@kernels(types.void(BYTES, INT, INT, INT, INTS, SPACE))
def pack(data: Bytes, rows: int, columns: int, step: int, ends: NDArray[np.int64], out: Bytes,
         ) -> None:
    """One segment for each byte plane of ``data``, one behind the other in ``out``. A pixel has
    ``step`` bytes; ``ends[k]`` says which of them segment k holds, and is told where it ends."""
    row = np.empty(columns + SLACK, np.uint8)
    to = 0
    for plane in range(len(ends)):
        byte = ends[plane]
        for y in range(rows):
            start = y * columns * step + byte
            if step == 1:
                _take_plane(data, start, 1, row, columns)
            elif step == 2:
                _take_plane(data, start, 2, row, columns)
            elif step == 3:
                _take_plane(data, start, 3, row, columns)
            elif step == 4:
                _take_plane(data, start, 4, row, columns)
            else:
                _take_plane(data, start, step, row, columns)
            row[columns] = ~row[columns - 1]
            to = _pack_row(row, columns, out, to)
        if to & 1:
            out[to] = 0
            to += 1
        ends[plane] = to
