"""Encoding lossless JPEG-LS, compiled (T.87 annex A). Import it only through `jpeg_ls_encode`.

Without loss, what was reconstructed is what was there. So contexts and predictions come first,
many at once (`look_around`); only the variables of the contexts go on from sample to sample.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs import jpeg_ls_neighbours as around
from mediasvc.codecs.compiled import INT, INTS, SPACE
from mediasvc.codecs.jpeg_ls_contexts import (
    CONTEXTS,
    PART,
    REGULAR,
    Box,
    Ints,
    J,
    Line,
    learned,
    order,
)
from mediasvc.codecs.jpeg_ls_neighbours import STRIDE
from mediasvc.codecs.jpeg_ls_writer import (
    LONGEST,
    RUNS,
    append,
    ended_run,
    finished,
    put_code,
    put_run,
    read_row,
    run_end,
)
from mediasvc.codecs.machine import bare, bare_kernels, shift_right

Bytes = NDArray[np.uint8]
#: The default (C.2.4.1.1).
RESET = 64
ONE, TWO, THREE = np.uintp(1), np.uintp(2), np.uintp(3)

_ROWS = types.Array(types.uint8, 2, "C", readonly=True)
_LINES = [types.Array(kind, 2, "C") for kind in (types.int16, types.int32)]
_BOX = types.Array(types.int32, 1, "C")


@bare
def _encode_line(line: Line, above: Line, step: int, bits: int, reset: int, thresholds: Ints,
                 box: Box, state: tuple[int, int, int, int], space: Bytes,
                 ) -> tuple[int, int, int, int]:
    maxval, limit, cut = (1 << bits) - 1, 2 * (bits + max(8, bits)), 64 - bits
    width = len(line) - 2 * step
    first = 0
    index, word, fill, to = state
    while first < width:
        part = min(PART // step * step, width - first)
        around.look_around(line, above, first, part, step, maxval, thresholds, box)
        count, x = np.uintp(0), 0
        while x < part:
            some = 0
            for k in range(step):
                some |= np.int64(box[around.UCONTEXT + np.uintp(x + k)])
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
                    at = np.uintp(box[around.UCONTEXT + np.uintp(x)])
                    a, b = np.int64(box[at]), np.int64(box[at + ONE])
                    c, n = np.int64(box[at + TWO]), np.int64(box[at + THREE])
                    floor = np.int64(box[around.UFLOOR + np.uintp(x)])
                    error = np.int64(box[around.UERROR + np.uintp(x)])
                    error -= min(max(c, floor), floor + maxval)
                    error = (error << cut) >> cut
                    golomb = order(n, a)
                    mapped = (error << 1) ^ (error >> 63)
                    size = (mapped + 1) >> 1
                    mapped ^= shift_right((2 * b + n - 1) & (golomb - 1), 63)
                    a, b, c, n = learned(a, b, c, n, size, error, reset)
                    box[at], box[at + ONE], box[at + TWO], box[at + THREE] = a, b, c, n
                    most = limit - bits - 1
                else:
                    here = np.uintp(first + x + step)
                    ra, rb = np.int64(line[here - np.uintp(step)]), np.int64(above[here])
                    kind = np.int64(step == 1 and rb == ra)
                    error = np.int64(line[here]) - rb
                    if ra > rb:
                        error = -error
                    error = (error << cut) >> cut
                    mapped, golomb = ended_run(
                        box, np.uintp(STRIDE * (REGULAR + kind)), kind, error, reset)
                    most = limit - bits - 2 - run_order
                count = put_code(mapped, golomb, most, bits, box, count)
                x += 1
        word, fill, to = append(box, np.int64(count), word, fill, space, to)
        first += max(x, part)
    return index, word, fill, to


@bare_kernels(*(types.int64(_ROWS, INT, INT, INTS, lines, _BOX, SPACE) for lines in _LINES))
def encode_scan(samples: Bytes, step: int, bits: int, thresholds: Ints, lines: Line, box: Box,
                space: Bytes) -> int:
    """The bits of a scan with the default parameters, not yet stuffed, in ``space``; how many, or
    -1 when ``space`` is too short: it needs room for one line of the longest codes behind what it
    holds. ``samples`` are the bytes of rows, ``step`` components interleaved by sample; ``lines``
    is (2, width + 2 × ``step``) zeros of a type that `Line` speaks of, ``box`` of
    `jpeg_ls_neighbours.BOX`."""
    width = lines.shape[1] - 2 * step
    line, above = lines[0], lines[1]
    for context in range(CONTEXTS):
        box[STRIDE * context] = max(2, ((1 << bits) + 32) >> 6)
        box[STRIDE * context + 3] = 1
    state, room = (0, 0, 0, 0), len(space) - width * LONGEST - RUNS
    for row in range(len(samples)):
        if state[3] > room:
            return -1
        read_row(samples, row, line[step:step + width])
        for k in range(step):
            line[k], above[width + step + k] = above[step + k], above[width + k]
        if step == 1:
            state = _encode_line(line, above, 1, bits, RESET, thresholds, box, state, space)
        else:
            state = _encode_line(line, above, step, bits, RESET, thresholds, box, state, space)
        line, above = above, line
    _, word, fill, to = state
    return finished(word, fill, to, space)
