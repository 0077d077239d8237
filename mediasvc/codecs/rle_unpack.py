"""Unpacking byte planes, compiled (PS3.5 G.3.2). Import it only through `rle_frame`.

Pieces of planes are filled with `SLACK` bytes behind them, so that whole blocks may be written.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, SPACE
from mediasvc.codecs.machine import copy_block, fill_block, inline, kernels

Bytes = NDArray[np.uint8]

#: The most bytes that one header byte stands for; what is copied at once.
MOST, BLOCK = 128, 32
SLACK = MOST + 2 * BLOCK
PIECE = 8192


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
            fill_block(data, at + 1, out, done)
            for ahead in range(BLOCK, 257 - n, BLOCK):
                fill_block(data, at + 1, out, done + ahead)
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


@kernels(types.int64(BYTES, INT, INT, INT))
def segment_length(data: Bytes, start: int, end: int, most: int) -> int:
    """Bytes that one segment unpacks to, without unpacking it. Zeros behind ``most`` are padding;
    anything else there counts."""
    at, done = start, 0
    while at < end:
        n = int(data[at])
        if done == most:
            done += int(n != 0)
            at += 1
        elif n < 128:
            done += min(n + 1, end - at - 1)
            at += n + 2
        else:
            done += 257 - n if n > 128 and at + 1 < end else 0
            at += 1 + int(n > 128)
    return done
