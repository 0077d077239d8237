"""Encoding near-lossless JPEG-LS, compiled (T.87 annex A). Import it only through `jpeg_ls_encode`.

What a reader will have reconstructed decides on context and prediction, so that this is the chain
of `jpeg_ls_decode_kernel`, from sample to sample.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, SPACE
from mediasvc.codecs.jpeg_ls_contexts import PART, REGULAR, Box, Ints, J, span_of
from mediasvc.codecs.jpeg_ls_lines import (
    SHIFT,
    TOP_BIT,
    C,
    fill_box,
    i32,
    learn,
    look_above,
    place_of,
    predicted,
    repeat,
    sign_of,
)
from mediasvc.codecs.jpeg_ls_quantizer import STRIDE
from mediasvc.codecs.jpeg_ls_writer import (
    LONGEST,
    RUNS,
    append,
    ended_run,
    finished,
    put_code,
    put_run,
    read_row,
)
from mediasvc.codecs.machine import bare, bare_kernels

Line = NDArray[np.int32]
Bytes = NDArray[np.uint8]

_ROWS = types.Array(types.uint8, 2, "C", readonly=True)
_LINES, _BOX = types.Array(types.int32, 2, "C"), types.Array(types.int32, 1, "C")


@bare
def _quotient(error: int, near: int, reciprocal: int) -> int:
    """A.4.4: the error in steps of 2 NEAR + 1, by a multiplication that is exact up to 17 bits."""
    sign = error >> 63
    steps = (((error ^ sign) - sign + near) * reciprocal) >> 32
    return (steps ^ sign) - sign


@bare
def _modulo(steps: int, values: int) -> int:
    """A.4.5."""
    if steps < 0:
        steps += values
    return steps - values if steps >= (values + 1) >> 1 else steps


@bare
def _run_end(source: Line, x: int, line: Line, same: int, step: int, near: int) -> int:
    """The first place from ``x`` on, a pixel's first, whose pixel is not near the reconstructed one
    at ``same``; the end of the line counts as one."""
    while x < len(source) - step:
        for k in range(step):
            if abs(np.int64(source[np.uintp(x + k)]) - np.int64(line[np.uintp(same + k)])) > near:
                return x
        x += step
    return x


@bare
def _encode_line(source: Line, line: Line, above: Line, step: int, bits: int, size: int,
                 reciprocal: int, thresholds: Ints, box: Box, quantizer: Bytes, codes: Box,
                 index: int, word: int, fill: int, to: int, space: Bytes,
                 ) -> tuple[int, int, int, int]:
    """``source`` becomes codes behind ``word``, and ``line`` what a reader reconstructs. (The index
    of the run order; the writer.)"""
    maxval, reset, near = (1 << bits) - 1, thresholds[3], thresholds[4]
    most, spread = 2 * (bits + max(8, bits)) - size - 1, 2 * near + 1
    values = span_of(maxval, near) // spread
    width, first = len(line) - 2 * step, 0
    place = np.uintp(0)
    while first < width:
        part = min(PART // step * step, width - first)
        look_above(above, first, part, step, near, maxval, thresholds, box)
        count, x = np.uintp(0), 0
        while x < part:
            some = np.uintp(0)
            for k in range(step):
                at = np.uintp(x + k)
                place = place_of(box, quantizer, at, i32(line[np.uintp(first) + at]))
                if step > 1:  # the first numbers there are for others' contexts
                    codes[np.uintp(k)] = i32(place)
                some |= place
            run_order = 0
            if some == 0:
                start = first + x + step
                length = (_run_end(source, start, line, first + x, step, near) - start) // step
                repeat(line, first + x, length * step, step)
                x += length * step
                index, count = put_run(length, first + x == width, index, codes, count)
                if first + x == width:
                    break
                run_order = J[index]
                index -= index > 0
            for k in range(step):
                here, at = np.uintp(first + x + step), np.uintp(x)
                ra, rb = i32(line[np.uintp(first + x)]), i32(above[here])
                sample = np.int64(source[here])
                if some:
                    if step > 1:
                        place = np.uintp(codes[np.uintp(k)])
                    c, sign = i32(box[place + C]), sign_of(box, at, ra, place, near)
                    px = np.int64(predicted(box, at, ra, rb, c, sign, maxval)) + sign
                    steps = _quotient(sample - px, near, reciprocal)
                    line[here] = min(max(px + steps * spread, 0), maxval)
                    error = _modulo((steps ^ sign) - sign, values)
                    mapped = (error << 1) ^ (error >> 63)
                    golomb = TOP_BIT - np.int64(box[place + SHIFT])
                    count = put_code(mapped, golomb, most, size, codes, count)
                    learn(box, place, c, i32(error * spread), i32(abs(error)), near, reset)
                else:
                    kind = np.int64(step == 1 and abs(i32(rb - ra)) <= near)
                    px, turn = np.int64(ra if kind else rb), 0 if kind else -np.int64(ra > rb)
                    steps = _quotient(sample - px, near, reciprocal)
                    line[here] = min(max(px + steps * spread, 0), maxval)
                    error = _modulo((steps ^ turn) - turn, values)
                    mapped, golomb = ended_run(
                        box, np.uintp(STRIDE * (REGULAR + kind)), kind, error, reset)
                    count = put_code(mapped, golomb, most - run_order - 1, size, codes, count)
                x += 1
        word, fill, to = append(codes, np.int64(count), word, fill, space, to)
        first += max(x, part)
    return index, word, fill, to


@bare_kernels(types.int64(_ROWS, INT, INT, INTS, _LINES, _BOX, BYTES, _BOX, SPACE))
def encode_near_scan(samples: Bytes, step: int, bits: int, thresholds: Ints, lines: Line, box: Box,
                     quantizer: Bytes, codes: Box, space: Bytes) -> int:
    """As `jpeg_ls_encode_kernel.encode_scan`, with an error of up to NEAR, the fifth of
    ``thresholds``; the fourth is RESET.

    ``quantizer`` is made of them. Zeros: ``lines`` (3, width + 2 × ``step``), ``box`` of
    `jpeg_ls_lines.BOX`, ``codes`` of `jpeg_ls_writer.BOX`."""
    width, maxval, near = lines.shape[1] - 2 * step, (1 << bits) - 1, thresholds[4]
    source, line, above = lines[0], lines[1], lines[2]
    size = fill_box(box, maxval, near)
    reciprocal = (1 << 32) // (2 * near + 1) + 1
    index, word, fill, to = 0, 0, 0, 0
    room = len(space) - width * LONGEST - RUNS
    for row in range(len(samples)):
        if to > room:
            return -1
        read_row(samples, row, source[step:step + width])
        for k in range(step):
            line[k], above[width + step + k] = above[step + k], above[width + k]
        if step == 1:
            index, word, fill, to = _encode_line(
                source, line, above, 1, bits, size, reciprocal, thresholds, box, quantizer, codes,
                index, word, fill, to, space)
        else:  # colour
            index, word, fill, to = _encode_line(
                source, line, above, 3, bits, size, reciprocal, thresholds, box, quantizer,
                codes, index, word, fill, to, space)
        line, above = above, line
    return finished(word, fill, to, space)
