"""Decoding JPEG-LS, compiled for speed (T.87 annex A). Import it only through
`jpeg_ls_decode`.

What a line needs of the line above it is worked out for many samples at once (`look_above`); the
rest is one chain from sample to sample, kept short: the order k of a context is found when the
context changes, not when it is wanted. Lossless and near-lossless scans have kernels of their own
from the same lines: what an error of 0 makes simple is gone where NEAR is a constant 0.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, SPACE
from mediasvc.codecs.jpeg_ls_bits import unstuffed
from mediasvc.codecs.jpeg_ls_contexts import (
    PART,
    REGULAR,
    Box,
    Ints,
    J,
    fill_quantizer,
    learned,
    learned_of_run,
    order,
    restored,
    span_of,
)
from mediasvc.codecs.jpeg_ls_lines import (
    FIVE,
    FOUR,
    ONE,
    STRIDE,
    THREE,
    TWO,
    UCEILING,
    UFLOOR,
    UPARTIAL,
    fill_box,
    look_above,
    put,
    repeat,
)
from mediasvc.codecs.jpeg_ls_reader import DAMAGED, filled, long_code, run_length
from mediasvc.codecs.machine import bare, bare_kernels, leading_zeros, shift_right

Bytes = NDArray[np.uint8]
Samples = NDArray[np.unsignedinteger]
Line = NDArray[np.int32]

#: Zeros before the marker: less than two bytes, for some encoders make their length even.
MOST_PADDING = 15
_LINES = types.Array(types.int32, 2, "C")
_BOX, _SIGNS = types.Array(types.int32, 1, "C"), types.Array(types.int8, 1, "C")
_SCANS = [types.int64(BYTES, INT, INT, INT, INT, INTS, _LINES, _BOX, _SIGNS, SPACE,
                      types.Array(kind, 3, "C")) for kind in (types.uint8, types.uint16)]


@bare
def _interruption(box: Box, kind: int, ra: int, rb: int, near: int, span: int, maxval: int,
                  size: int, most: int, reset: int, octets: Bytes, word: int, have: int, at: int,
                  ) -> tuple[int, int, int, int]:
    """The sample that ends a run (A.7.2): (its value, or -1; the reader). ``kind`` is RItype."""
    place = np.uintp((REGULAR + kind) * STRIDE)
    a, nn, n = np.int64(box[place]), np.int64(box[place + ONE]), np.int64(box[place + THREE])
    golomb = order(n, a + (n >> 1) * kind)
    word, have, at = filled(octets, word, have, at)
    mapped, word, have, at = long_code(octets, golomb, most, size, word, have, at)
    if mapped < 0 or mapped >> (size + 1):
        return DAMAGED, word, have, at
    flag = (mapped + kind) & 1
    error = (mapped + kind + flag) >> 1
    if flag == (np.int64(golomb != 0) | np.int64(2 * nn >= n)):
        error = -error
    box[place], box[place + ONE], box[place + THREE] = learned_of_run(
        a, nn, n, mapped, kind, np.int64(error < 0), reset)
    error *= 2 * near + 1
    if near and kind:
        return restored(ra + error, near, span, maxval), word, have, at
    return (restored(rb + (-error if ra > rb else error), near, span, maxval), word, have, at)


@bare
def _decode_line(octets: Bytes, box: Box, quantizer: NDArray[np.int8], line: Line, above: Line,
                 thresholds: Ints, bits: int, size: int, near: int, step: int, index: int,
                 word: int, have: int, at: int) -> tuple[int, int, int, int]:
    """One line; its first ``step`` samples and both ends of ``above`` are the borders of A.2.1.
    ``size`` is qbpp. (The index of the run order, -1 when the line is damaged; the reader.)

    It is one function, for one chain: what is in a register here would go through memory.
    """
    maxval, most, reset = (1 << bits) - 1, 2 * (bits + max(8, bits)) - size - 1, thresholds[3]
    span = span_of(maxval, near)
    width, first = len(line) - 2 * step, 0
    ra, rc, rb, q = np.int64(line[0]), np.int64(above[0]), 0, 0
    while first < width:
        part = min(PART // step * step, width - first)
        look_above(above, first, part, step, near, thresholds, box)
        x = 0
        while x < part:
            some = 0
            for k in range(step):
                if step > 1:
                    ra = np.int64(line[np.uintp(first + x + k)])
                    rc = np.int64(above[np.uintp(first + x + k)])
                q = (np.int64(box[UPARTIAL + np.uintp(x + k)])
                     + np.int64(quantizer[np.uintp(rc - ra + maxval)]))
                if step > 1:
                    box[UPARTIAL + np.uintp(x + k)] = q
                some |= q
            run_order = 0
            if some == 0:
                word, have, at = filled(octets, word, have, at)
                length, index, word, have, at = run_length(
                    octets, (width - first - x) // step, index, word, have, at)
                if length < 0:
                    return DAMAGED, word, have, at
                repeat(line, first + x, length * step, step)
                x += length * step
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
                        q = np.int64(box[UPARTIAL + np.uintp(x)])
                    sign = q >> 63
                    place = np.uintp(((q ^ sign) - sign) * STRIDE)
                    golomb = np.int64(box[place + FOUR])
                    c, n = np.int64(box[place + TWO]), np.int64(box[place + THREE])
                    a, b = np.int64(box[place]), np.int64(box[place + ONE])
                    px = ra + min(max(rb - ra, np.int64(box[UFLOOR + np.uintp(x)])),
                                  np.int64(box[UCEILING + np.uintp(x)]))
                    px = min(max(px + ((c ^ sign) - sign), 0), maxval)
                    word, have, at = filled(octets, word, have, at)
                    zeros = leading_zeros(word)
                    if zeros < min(most, 32):
                        rest = word << (zeros + 1)
                        mapped = zeros << golomb | shift_right(shift_right(rest, 1), 63 - golomb)
                        word = rest << golomb
                        have -= zeros + 1 + golomb
                    else:
                        mapped, word, have, at = long_code(
                            octets, golomb, most, size, word, have, at)
                    if mapped >> (size + 1):
                        return DAMAGED, word, have, at
                    if near == 0:
                        mapped ^= np.int64(box[place + FIVE])
                    error = ((mapped >> 1) ^ -(mapped & 1)) * (2 * near + 1)
                    ra = restored(px + ((error ^ sign) - sign), near, span, maxval)
                    a, b, c, n = learned(a, b, c, n, (mapped + 1) >> 1, error, reset)
                    box[place], box[place + ONE] = a, b
                    box[place + TWO], box[place + THREE] = c, n
                    golomb = order(n, a)
                    box[place + FOUR] = golomb
                    if near == 0:
                        box[place + FIVE] = shift_right((2 * b + n - 1) & (golomb - 1), 63)
                else:
                    kind = np.int64(step == 1 and abs(rb - ra) <= near)
                    ra, word, have, at = _interruption(
                        box, kind, ra, rb, near, span, maxval, size, most - run_order - 1, reset,
                        octets, word, have, at)
                    if ra < 0:
                        return DAMAGED, word, have, at
                line[here] = ra
                rc = rb
                x += 1
        first += max(x, part)
    return index, word, have, at


@bare
def _decode_scan(data: Bytes, start: int, component: int, step: int, bits: int, near: int,
                 thresholds: Ints, lines: Line, box: Box, quantizer: NDArray[np.int8],
                 octets: Bytes, out: Samples) -> int:
    rows, columns, _ = out.shape
    width, maxval = columns * step, (1 << bits) - 1
    line, above = lines[0], lines[1]
    end, length = unstuffed(data, start, octets)
    fill_quantizer(quantizer, maxval, near, thresholds)
    size = fill_box(box, maxval, near)
    index, word, have, at = 0, 0, 0, 0
    for row in range(rows):
        for k in range(step):
            line[k], above[width + step + k] = above[step + k], above[width + k]
        if step == 1:  # a line of its own, in which the number is known
            index, word, have, at = _decode_line(octets, box, quantizer, line, above, thresholds,
                                                 bits, size, near, 1, index, word, have, at)
        elif step == 3:
            index, word, have, at = _decode_line(octets, box, quantizer, line, above, thresholds,
                                                 bits, size, near, 3, index, word, have, at)
        if index < 0 or 8 * at - have > length:
            return DAMAGED
        put(line, out[row], component, step)
        line, above = above, line
    padding = length - (8 * at - have)
    word, _, _ = filled(octets, word, have, at)
    if end == len(data) or padding > MOST_PADDING or (padding and shift_right(word, 64 - padding)):
        return DAMAGED
    return end


@bare_kernels(*_SCANS)
def decode_scan(data: Bytes, start: int, component: int, step: int, bits: int, thresholds: Ints,
                lines: Line, box: Box, quantizer: NDArray[np.int8], octets: Bytes, out: Samples,
                ) -> int:
    """Decode one lossless scan from byte ``start``: ``step`` components (1 or 3) from number
    ``component`` on, interleaved by sample, to their places in ``out`` (rows, columns, components
    of the frame). The position behind it, or `DAMAGED`. ``thresholds``: T1, T2, T3, RESET, NEAR.

    Space, zeros: ``lines`` (2, (columns + 2) × ``step``), ``box`` of `BOX`, ``quantizer`` of
    2 << ``bits``; without zeros ``octets``, the bytes behind ``start`` and 2 × `SLACK` more.
    """
    return _decode_scan(data, start, component, step, bits, 0, thresholds, lines, box, quantizer,
                        octets, out)


@bare_kernels(*_SCANS)
def decode_near_scan(data: Bytes, start: int, component: int, step: int, bits: int,
                     thresholds: Ints, lines: Line, box: Box, quantizer: NDArray[np.int8],
                     octets: Bytes, out: Samples) -> int:
    """As `decode_scan`, near-lossless."""
    return _decode_scan(data, start, component, step, bits, thresholds[4], thresholds, lines, box,
                        quantizer, octets, out)
