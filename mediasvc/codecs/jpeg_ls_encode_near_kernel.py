"""Encoding near-lossless JPEG-LS, compiled (T.87 annex A). Import it only through `jpeg_ls_encode`.

What a reader will have reconstructed decides on context and prediction, so that this is the chain
of `jpeg_ls_decode_kernel`, from sample to sample.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs import jpeg_ls_lines as lines_of
from mediasvc.codecs.compiled import INT, INTS, SPACE
from mediasvc.codecs.jpeg_ls_contexts import (
    PART,
    REGULAR,
    Box,
    Ints,
    J,
    fill_quantizer,
    learned,
    order,
    span_of,
)
from mediasvc.codecs.jpeg_ls_lines import FOUR, ONE, STRIDE, THREE, TWO
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
_SIGNS = types.Array(types.int8, 1, "C")


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
                 reciprocal: int, thresholds: Ints, box: Box, quantizer: NDArray[np.int8],
                 codes: Box, index: int, word: int, fill: int, to: int, space: Bytes,
                 ) -> tuple[int, int, int, int]:
    """``source`` becomes codes behind ``word``, and ``line`` what a reader reconstructs. (The index
    of the run order; the writer.)"""
    maxval, reset, near = (1 << bits) - 1, thresholds[3], thresholds[4]
    most, spread, span = 2 * (bits + max(8, bits)) - size - 1, 2 * near + 1, span_of(maxval, near)
    values = span // spread
    width, first = len(line) - 2 * step, 0
    ra, rc, rb, q = np.int64(line[0]), np.int64(above[0]), 0, 0
    while first < width:
        part = min(PART // step * step, width - first)
        lines_of.look_above(above, first, part, step, near, thresholds, box)
        count, x = np.uintp(0), 0
        while x < part:
            some = 0
            for k in range(step):
                if step > 1:
                    ra = np.int64(line[np.uintp(first + x + k)])
                    rc = np.int64(above[np.uintp(first + x + k)])
                q = (np.int64(box[lines_of.UPARTIAL + np.uintp(x + k)])
                     + np.int64(quantizer[np.uintp(rc - ra + maxval)]))
                if step > 1:
                    box[lines_of.UPARTIAL + np.uintp(x + k)] = q
                some |= q
            run_order = 0
            if some == 0:
                start = first + x + step
                length = (_run_end(source, start, line, first + x, step, near) - start) // step
                lines_of.repeat(line, first + x, length * step, step)
                x += length * step
                index, count = put_run(length, first + x == width, index, codes, count)
                if first + x == width:
                    break
                run_order = J[index]
                index -= index > 0
            for _ in range(step):
                here = np.uintp(first + x + step)
                rb = np.int64(above[here])
                if step > 1:
                    ra = np.int64(line[np.uintp(first + x)])
                if some:
                    if step > 1:
                        q = np.int64(box[lines_of.UPARTIAL + np.uintp(x)])
                    sign = q >> 63
                    place = np.uintp(((q ^ sign) - sign) * STRIDE)
                    golomb = np.int64(box[place + FOUR])
                    c, n = np.int64(box[place + TWO]), np.int64(box[place + THREE])
                    a, b = np.int64(box[place]), np.int64(box[place + ONE])
                    px = ra + min(max(rb - ra, np.int64(box[lines_of.UFLOOR + np.uintp(x)])),
                                  np.int64(box[lines_of.UCEILING + np.uintp(x)]))
                    px = min(max(px + ((c ^ sign) - sign), 0), maxval)
                    steps = _quotient(np.int64(source[here]) - px, near, reciprocal)
                    ra = min(max(px + steps * spread, 0), maxval)
                    error = _modulo((steps ^ sign) - sign, values)
                    mapped = (error << 1) ^ (error >> 63)
                    count = put_code(mapped, golomb, most, size, codes, count)
                    a, b, c, n = learned(a, b, c, n, (mapped + 1) >> 1, error * spread, reset)
                    box[place], box[place + ONE] = a, b
                    box[place + TWO], box[place + THREE] = c, n
                    box[place + FOUR] = order(n, a)
                else:
                    kind = np.int64(step == 1 and abs(rb - ra) <= near)
                    px, turn = (ra, 0) if kind else (rb, -np.int64(ra > rb))
                    steps = _quotient(np.int64(source[here]) - px, near, reciprocal)
                    ra = min(max(px + steps * spread, 0), maxval)
                    error = _modulo((steps ^ turn) - turn, values)
                    mapped, golomb = ended_run(
                        box, np.uintp(STRIDE * (REGULAR + kind)), kind, error, reset)
                    count = put_code(mapped, golomb, most - run_order - 1, size, codes, count)
                line[here] = ra
                rc = rb
                x += 1
        word, fill, to = append(codes, np.int64(count), word, fill, space, to)
        first += max(x, part)
    return index, word, fill, to


@bare_kernels(types.int64(_ROWS, INT, INT, INTS, _LINES, _BOX, _SIGNS, _BOX, SPACE))
def encode_near_scan(samples: Bytes, step: int, bits: int, thresholds: Ints, lines: Line, box: Box,
                     quantizer: NDArray[np.int8], codes: Box, space: Bytes) -> int:
    """As `jpeg_ls_encode_kernel.encode_scan`, with an error of up to NEAR, the fifth of
    ``thresholds``; the fourth is RESET.

    Zeros: ``lines`` (3, width + 2 × ``step``), ``box`` of `jpeg_ls_lines.BOX`, ``quantizer`` of
    2 << ``bits``, ``codes`` of `jpeg_ls_neighbours.BOX`."""
    width, maxval, near = lines.shape[1] - 2 * step, (1 << bits) - 1, thresholds[4]
    source, line, above = lines[0], lines[1], lines[2]
    fill_quantizer(quantizer, maxval, near, thresholds)
    size = lines_of.fill_box(box, maxval, near)
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
