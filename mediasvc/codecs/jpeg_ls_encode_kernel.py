"""Encoding lossless JPEG-LS, compiled (T.87 annex A). Import it only through `jpeg_ls_encode`.

Without loss, what was reconstructed is what was there. So contexts and predictions come first,
many at once (`look_around`); only the variables of the contexts go on from sample to sample.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import INT, INTS, SPACE
from mediasvc.codecs.jpeg_ls_contexts import (
    CONTEXTS,
    MAX_C,
    MIN_C,
    PART,
    REGULAR,
    Box,
    Ints,
    J,
    Line,
    order,
)
from mediasvc.codecs.jpeg_ls_neighbours import (
    BOX,
    STRIDE,
    UCODE,
    UCONTEXT,
    UERROR,
    UFLOOR,
    USIZE,
    look_around,
)
from mediasvc.codecs.jpeg_ls_writer import append, put_run, run_end
from mediasvc.codecs.machine import big_endian, inline, kernels, shift_right, store

Bytes = NDArray[np.uint8]
Samples = NDArray[np.unsignedinteger]

#: Bytes of the longest code of a sample (LIMIT of 16 bits), and of what else a line may need.
LONGEST, RUNS = 8, 1 << 10
#: The default (C.2.4.1.1).
RESET = 64
ONE, TWO, THREE = np.uintp(1), np.uintp(2), np.uintp(3)

_ROWS = types.Array(types.uint8, 2, "C", readonly=True)
_LINES = [types.Array(kind, 2, "C") for kind in (types.int16, types.int32)]


@inline
def _encode_line(line: Line, above: Line, step: int, bits: int, reset: int, thresholds: Ints,
                 box: Box, indices: Ints, state: tuple[int, int, int], space: Bytes,
                 ) -> tuple[int, int, int]:
    maxval, limit, cut = (1 << bits) - 1, 2 * (bits + max(8, bits)), 64 - bits
    width = len(line) - 2 * step
    index, first = indices[0], 0
    word, fill, to = state
    while first < width:
        part = min(PART // step * step, width - first)
        look_around(line, above, first, part, step, maxval, thresholds, box)
        count, x = np.uintp(0), 0
        while x < part:
            some = 0
            for k in range(step):
                some |= np.int64(box[UCONTEXT + np.uintp(x + k)])
            run_order = -1
            if some == 0:
                start = first + x + step
                end = run_end(line, start, step)
                length = (end - start) // step
                x += length * step
                index, count = put_run(length, first + x == width, index, box, count)
                if first + x == width:
                    break
                run_order = J[index]
                index = max(index - 1, 0)
            for _ in range(step):
                if some:
                    at = np.uintp(box[UCONTEXT + np.uintp(x)])
                    a, b = np.int64(box[at]), np.int64(box[at + ONE])
                    c, n = np.int64(box[at + TWO]), np.int64(box[at + THREE])
                    floor = np.int64(box[UFLOOR + np.uintp(x)])
                    error = np.int64(box[UERROR + np.uintp(x)]) - min(max(c, floor), floor + maxval)
                    error = (error << cut) >> cut
                    golomb = order(n, a)
                    mapped = (error << 1) ^ (error >> 63)
                    a += (mapped + 1) >> 1
                    mapped ^= shift_right((2 * b + n - 1) & (golomb - 1), 63)
                    b += error
                    if n == reset:
                        a, b, n = a >> 1, b >> 1, n >> 1
                    box[at] = a
                    n += 1
                    box[at + THREE] = n
                    more = ((b + n - 1) >> 63) - (-b >> 63)
                    b -= more * n
                    box[at + ONE] = min(max(b, 1 - n), 0)
                    c += more
                    if c < MIN_C or c > MAX_C:
                        c -= more
                    box[at + TWO] = c
                    most = limit - bits - 1
                else:
                    here = np.uintp(first + x + step)
                    ra, rb = np.int64(line[here - np.uintp(step)]), np.int64(above[here])
                    kind = np.int64(step == 1 and rb == ra)
                    error = np.int64(line[here]) - rb
                    if ra > rb:
                        error = -error
                    error = (error << cut) >> cut
                    at = np.uintp(STRIDE * (REGULAR + kind))
                    a, nn, n = np.int64(box[at]), np.int64(box[at + ONE]), np.int64(box[at + THREE])
                    golomb = order(n, a + (n >> 1) * kind)
                    negative = np.int64(error < 0)
                    likely = np.int64(2 * nn >= n) | np.int64(golomb != 0)
                    flag = np.int64(error != 0) & np.int64(negative == likely)
                    mapped = 2 * abs(error) - kind - flag
                    nn += negative
                    a += (mapped + 1 - kind) >> 1
                    if n == reset:
                        a, n, nn = a >> 1, n >> 1, nn >> 1
                    box[at], box[at + ONE], box[at + THREE] = a, nn, n + 1
                    most = limit - bits - 2 - run_order
                zeros = mapped >> golomb
                code, size = 1 << golomb | (mapped & ((1 << golomb) - 1)), zeros + 1 + golomb
                if zeros >= most:
                    code, size = 1 << bits | (mapped - 1), most + 1 + bits
                if size > 32:
                    box[UCODE + count], box[USIZE + count] = 0, size - 32
                    count += ONE
                    size = 32
                box[UCODE + count], box[USIZE + count] = code, size
                count += ONE
                x += 1
        word, fill, to = append(box, np.int64(count), word, fill, space, to)
        first += max(x, part)
    indices[0] = index
    return word, fill, to


@inline
def _read_row(samples: Bytes, row: int, line: Line) -> None:
    """One row of bytes, or of 16-bit samples."""
    if samples.shape[1] == len(line):
        for x in range(len(line)):
            line[x] = samples[row, x]
        return
    words = samples[row].view(np.uint16)
    for x in range(len(line)):
        line[x] = words[x]


@kernels(*(types.int64(_ROWS, INT, INT, INTS, lines, SPACE) for lines in _LINES))
def encode_scan(samples: Bytes, step: int, bits: int, thresholds: Ints, lines: Line, space: Bytes,
                ) -> int:
    """The bits of a scan with the default parameters, not yet stuffed, in ``space``; how many, or
    -1 when ``space`` is too short: it needs room for one line of the longest codes behind what it
    holds. ``samples`` are the bytes of rows, ``step`` components interleaved by sample; ``lines``
    is (2, width + 2 × ``step``) zeros of a type that `Line` speaks of."""
    width = lines.shape[1] - 2 * step
    line, above = lines[0], lines[1]
    box, indices = np.zeros(BOX, np.int32), np.zeros(1, np.int64)
    for context in range(CONTEXTS):
        box[STRIDE * context] = max(2, ((1 << bits) + 32) >> 6)
        box[STRIDE * context + 3] = 1
    state, room = (0, 0, 0), len(space) - width * LONGEST - RUNS
    for row in range(len(samples)):
        if state[2] > room:
            return -1
        _read_row(samples, row, line[step:step + width])
        for k in range(step):
            line[k], above[width + step + k] = above[step + k], above[width + k]
        if step == 1:
            state = _encode_line(line, above, 1, bits, RESET, thresholds, box, indices, state,
                                 space)
        else:
            state = _encode_line(line, above, step, bits, RESET, thresholds, box, indices, state,
                                 space)
        line, above = above, line
    word, fill, to = state
    store(space, to, big_endian(word))
    return 8 * to + fill
