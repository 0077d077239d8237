"""PackBits of byte planes, compiled (PS3.5 G.3). Import it only through its container half.

Rows are packed one by one (G.3.1), out of a copy of one row's plane that ends in a byte which no
run goes on with; eight bytes are looked at at once. Unpacking fills pieces of planes with `SLACK`
bytes behind them, so that whole blocks may be written.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, SPACE
from mediasvc.codecs.machine import copy_block, inline, kernels, load, store, trailing_zeros

Bytes = NDArray[np.uint8]

#: The most bytes that one header byte stands for, and the words that may be touched behind them.
MOST, WORD = 128, 8
BLOCK = 32
SLACK = MOST + 2 * BLOCK
PIECE = 8192
LOW, HIGH = 0x0101010101010101, -0x7F7F7F7F7F7F7F80  # 01 and 80 in every byte
_PLANES = types.Array(types.uint8, 2, "C")
_U1, _U2 = types.Array(types.uint8, 1, "C"), types.Array(types.uint16, 1, "C")


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


@inline
def _unpack_quickly(data: Bytes, at: int, end: int, out: Bytes, done: int, need: int,
                    ) -> tuple[int, int]:
    """As long as a whole header with 128 bytes lies in the segment and blocks may be read and
    written behind it: (position, bytes done)."""
    last = min(end - MOST - 1, len(data) - SLACK)
    while at <= last and done < need:
        n = np.int64(data[at])
        if n < 128:
            copy_block(data, at + 1, out, done)
            copy_block(data, at + 33, out, done + 32)
            if n >= 64:
                copy_block(data, at + 65, out, done + 64)
                copy_block(data, at + 97, out, done + 96)
            done += n + 1
            at += n + 2
        elif n > 128:
            same = np.int64(data[at + 1]) * LOW
            k = 0
            while k < 257 - n:
                store(out, done + k, same)
                store(out, done + k + WORD, same)
                store(out, done + k + 2 * WORD, same)
                store(out, done + k + 3 * WORD, same)
                k += BLOCK
            done += 257 - n
            at += 2
        else:
            at += 1
    return at, done


@inline
def _unpack(data: Bytes, at: int, end: int, out: Bytes, done: int, need: int) -> tuple[int, int]:
    """Go on to fill ``out[done:need]``, with up to 127 bytes more; ``out`` has `SLACK` behind
    ``need``. (position, bytes done); done < need where the segment ends too early."""
    at, done = _unpack_quickly(data, at, end, out, done, need)
    while done < need and at < end:
        n = np.int64(data[at])
        at += 1
        if n < 128:
            for _ in range(min(n + 1, end - at)):
                out[done] = data[at]
                at += 1
                done += 1
        elif n > 128 and at < end:
            for _ in range(257 - n):
                out[done] = data[at]
                done += 1
            at += 1
    return at, done


@inline
def _put_plane(plane: Bytes, out: Bytes, first: int, step: int, pixels: int) -> None:
    base, wide = np.uintp(first), np.uintp(step)
    for x in range(pixels):
        out[base + np.uintp(x) * wide] = plane[x]


@inline
def _put_planes(planes: Bytes, order: NDArray[np.int64], out: Bytes, first: int, pixels: int,
                ) -> None:
    """The first ``pixels`` bytes of each plane to pixels ``first`` … of ``out``."""
    step = len(order)
    if step == 2:
        high, low, words = planes[0], planes[1], out.view(np.uint16)[first:first + pixels]
        for x in range(pixels):
            words[x] = np.uint16(high[x]) << 8 | low[x]
        return
    if step == 3:
        red, green, blue, base = planes[0], planes[1], planes[2], np.uintp(3 * first)
        for x in range(pixels):
            at = base + np.uintp(x) * np.uintp(3)
            out[at] = red[x]
            out[at + np.uintp(1)] = green[x]
            out[at + np.uintp(2)] = blue[x]
        return
    for k in range(step):
        if step == 4:
            _put_plane(planes[k], out, first * 4 + order[k], 4, pixels)
        else:
            _put_plane(planes[k], out, first * step + order[k], step, pixels)


@inline
def _only_zeros(data: Bytes, start: int, end: int) -> bool:
    for at in range(start, end):  # noqa: SIM110 - numba compiles a loop, not a generator
        if data[at]:
            return False
    return True


@kernels(types.boolean(BYTES, INTS, INTS, SPACE, INT))
def unpack(data: Bytes, bounds: NDArray[np.int64], order: NDArray[np.int64], out: Bytes,
           pixels: int) -> bool:
    """Segment k, ``data[bounds[2 * k]:bounds[2 * k + 1]]``, is byte ``order[k]`` of each of the
    ``len(order)`` bytes of a pixel. False when one holds another number of bytes; zeros behind
    them are padding. All segments go on together, so that a piece of every plane stays in the
    nearest cache."""
    count = len(order)
    planes = np.empty((count, PIECE + SLACK), np.uint8)
    at, done = bounds[::2].copy(), np.zeros(count, np.int64)
    for first in range(0, pixels, PIECE):
        piece = min(PIECE, pixels - first)
        for k in range(count):
            at[k], done[k] = _unpack(data, at[k], bounds[2 * k + 1], planes[k], done[k], piece)
            if done[k] < piece:
                return False
        _put_planes(planes, order, out, first, piece)
        for k in range(count):
            done[k] -= piece
            for x in range(done[k]):
                planes[k, x] = planes[k, piece + x]
    for k in range(count):
        if done[k] or not _only_zeros(data, at[k], bounds[2 * k + 1]):
            return False
    return True
