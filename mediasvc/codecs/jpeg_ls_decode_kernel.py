"""Decoding JPEG-LS, compiled for speed (T.87 annex A). Import it only through
`jpeg_ls_decode`.

What a line needs of the line above it is worked out for many samples at once (`look_above`); the
rest is one chain from sample to sample, neighbour → context → k → code → sample, kept short, and of
few instructions, for the processor is as full of them as the chain is long. Lossless and
near-lossless scans have kernels of their own from the same lines: what an error of 0 makes simple
is gone where NEAR is a constant 0.
"""

from __future__ import annotations

from typing import Any

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
    learned_of_run,
    order,
    restored,
    span_of,
)
from mediasvc.codecs.jpeg_ls_lines import (
    FLIP,
    SHIFT,
    B,
    C,
    N,
    fill_box,
    i32,
    learn,
    look_above,
    place_of,
    predicted,
    put,
    repeat,
    sign_of,
)
from mediasvc.codecs.jpeg_ls_quantizer import STRIDE
from mediasvc.codecs.jpeg_ls_reader import DAMAGED, ahead, code_of, long_code, run_length
from mediasvc.codecs.machine import bare, bare_kernels, bare_part, shift_right

Bytes = NDArray[np.uint8]
Line = NDArray[np.int32]

#: Zeros before the marker: less than two bytes, for some encoders make their length even.
MOST_PADDING = 15
_LINES = types.Array(types.int32, 2, "C")
_BOX, _ROWS = types.Array(types.int32, 1, "C"), types.Array(types.uint8, 2, "C")
_SCAN = types.int64(BYTES, INT, INT, INT, INT, INT, INTS, _LINES, _BOX, BYTES, SPACE, _ROWS)


@bare
def _escape(bits: int, size: int) -> int:
    """Zeros of the longest code (A.5.3)."""
    return 2 * (bits + max(8, bits)) - size - 1


@bare
def _regular(octets: Bytes, box: Box, new: Line, x: Any, place: Any, ra: Any, rb: Any, bits: int,
             size: int, near: int, reset: int, pos: int) -> tuple[bool, Any, int]:
    """Sample ``x`` of a part, in regular mode (A.4 to A.6), which is stored in ``new`` before the
    context learns from it, for the next one waits: (whether it is sound, it, the reader)."""
    maxval, spread = (1 << bits) - 1, 2 * near + 1
    c, sign = i32(box[place + C]), sign_of(box, x, ra, place, near)
    px = predicted(box, x, ra, rb, c, sign, maxval)
    shift = np.int64(np.uint32(box[place + SHIFT]))
    mapped, pos = code_of(octets, shift, _escape(bits, size), size, pos)
    if np.uint64(mapped) > np.uint64((2 << size) - 1):
        return False, ra, pos
    half, odd = i32(mapped >> 1), i32(-(mapped & 1))
    if near == 0:
        flip = i32(box[place + FLIP])
        value = i32(i32(px + i32(i32(half ^ i32(flip ^ sign)) ^ odd)) & i32(maxval))
        new[x] = value
        error = i32(i32(half ^ flip) ^ odd)
        learn(box, place, c, error, abs(error), near, reset)
        return True, value, pos
    error = i32(half ^ odd)
    far = i32(error * i32(spread))
    value = i32(restored(np.int64(i32(px + i32(far ^ sign))), near, span_of(maxval, near), maxval))
    new[x] = value
    learn(box, place, c, far, abs(error), near, reset)
    return True, value, pos


@bare
def _interruption(octets: Bytes, box: Box, run_order: int, alike: bool, ra: Any, rb: Any, bits: int,
                  size: int, near: int, reset: int, pos: int) -> tuple[Any, int]:
    """The sample that ends a run (A.7.2): (its value, or -1; the reader). ``alike`` is RItype."""
    kind, maxval = np.int64(alike), (1 << bits) - 1
    place = np.uintp((REGULAR + kind) * STRIDE)
    a, nn, n = np.int64(box[place]), np.int64(box[place + B]), np.int64(box[place + N])
    golomb = order(n, a + (n >> 1) * kind)
    mapped, pos = long_code(octets, golomb, _escape(bits, size) - run_order - 1, size, pos)
    if mapped < 0 or mapped >> (size + 1):
        return i32(DAMAGED), pos
    flag = (mapped + kind) & 1
    error = (mapped + kind + flag) >> 1
    if flag == (np.int64(golomb != 0) | np.int64(2 * nn >= n)):
        error = -error
    box[place], box[place + B], box[place + N] = learned_of_run(
        a, nn, n, mapped, kind, np.int64(error < 0), reset)
    error *= 2 * near + 1
    px = np.int64(rb)
    if near and kind:
        px = np.int64(ra)
    elif ra > rb:
        error = -error
    return i32(restored(px + error, near, span_of(maxval, near), maxval)), pos


@bare_part
def _grey_line(octets: Bytes, box: Box, quantizer: Bytes, line: Line, above: Line,
               thresholds: Ints, bits: int, size: int, near: int, index: int, pos: int,
               ) -> tuple[int, int]:
    """One line; its first sample and both ends of ``above`` are the borders of A.2.1. ``size`` is
    qbpp. (The index of the run order, -1 when the line is damaged; the reader.)"""
    width, first, reset, ra = len(line) - 2, 0, thresholds[3], i32(line[0])
    while first < width:
        part = np.uintp(min(PART, width - first))
        look_above(above, first, np.int64(part), 1, near, (1 << bits) - 1, thresholds, box)
        new, old, x = line[first + 1:], above[first + 1:], np.uintp(0)
        while x < part:
            place = place_of(box, quantizer, x, ra)
            while place != 0:
                sound, ra, pos = _regular(octets, box, new, x, place, ra, i32(old[x]), bits, size,
                                          near, reset, pos)
                if not sound:
                    return DAMAGED, pos
                x += np.uintp(1)
                if x >= part:
                    break
                place = place_of(box, quantizer, x, ra)
            if x >= part:
                break
            here = first + np.int64(x)
            length, index, pos = run_length(octets, width - here, index, pos)
            if length < 0:
                return DAMAGED, pos
            repeat(line, here, length, 1)
            x += np.uintp(length)
            if here + length == width:
                break
            rb = i32(old[x])
            ra, pos = _interruption(octets, box, J[index], abs(i32(rb - ra)) <= near, ra, rb, bits,
                                    size, near, reset, pos)
            if ra < 0:
                return DAMAGED, pos
            index -= index > 0
            new[x] = ra
            x += np.uintp(1)
        first += max(np.int64(x), np.int64(part))
    return index, pos


@bare_part
def _colour_line(octets: Bytes, box: Box, quantizer: Bytes, line: Line, above: Line,
                 thresholds: Ints, bits: int, size: int, near: int, index: int, pos: int,
                 ) -> tuple[int, int]:
    """As `_grey_line`, three components by sample: a run is of whole pixels (A.7.1)."""
    width, first, reset = len(line) - 6, 0, thresholds[3]
    one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
    r, g, b = i32(line[0]), i32(line[1]), i32(line[2])
    while first < width:
        part = np.uintp(min(PART // 3 * 3, width - first))
        look_above(above, first, np.int64(part), 3, near, (1 << bits) - 1, thresholds, box)
        new, old, x = line[first + 3:], above[first + 3:], np.uintp(0)
        while x < part:
            of_r, of_g = place_of(box, quantizer, x, r), place_of(box, quantizer, x + one, g)
            of_b = place_of(box, quantizer, x + two, b)
            if of_r | of_g | of_b:
                sound, r, pos = _regular(octets, box, new, x, of_r, r, i32(old[x]), bits, size,
                                         near, reset, pos)
                if not sound:
                    return DAMAGED, pos
                sound, g, pos = _regular(octets, box, new, x + one, of_g, g, i32(old[x + one]),
                                         bits, size, near, reset, pos)
                if not sound:
                    return DAMAGED, pos
                sound, b, pos = _regular(octets, box, new, x + two, of_b, b, i32(old[x + two]),
                                         bits, size, near, reset, pos)
                if not sound:
                    return DAMAGED, pos
                x += three
                continue
            here = first + np.int64(x)
            length, index, pos = run_length(octets, (width - here) // 3, index, pos)
            if length < 0:
                return DAMAGED, pos
            repeat(line, here, 3 * length, 3)
            x += np.uintp(3 * length)
            if here + 3 * length == width:
                break
            for k in range(3):
                there = x + np.uintp(k)
                last = i32(line[np.uintp(first) + there])
                value, pos = _interruption(octets, box, J[index], False, last, i32(old[there]),
                                           bits, size, near, reset, pos)
                if value < 0:
                    return DAMAGED, pos
                new[there] = value
            r, g, b = i32(new[x]), i32(new[x + one]), i32(new[x + two])
            index -= index > 0
            x += three
        first += max(np.int64(x), np.int64(part))
    return index, pos


@bare
def _decode_scan(data: Bytes, start: int, component: int, components: int, step: int, bits: int,
                 near: int, thresholds: Ints, lines: Line, box: Box, quantizer: Bytes,
                 octets: Bytes, out: Bytes) -> int:
    width, maxval = lines.shape[1] - 2 * step, (1 << bits) - 1
    line, above = lines[0], lines[1]
    end, length = unstuffed(data, start, octets)
    size = fill_box(box, maxval, near)
    index, pos = 0, 0
    for row in range(len(out)):
        for k in range(step):
            line[k], above[width + step + k] = above[step + k], above[width + k]
        if step == 1:
            index, pos = _grey_line(octets, box, quantizer, line, above, thresholds, bits, size,
                                    near, index, pos)
        elif step == 3:
            index, pos = _colour_line(octets, box, quantizer, line, above, thresholds, bits, size,
                                      near, index, pos)
        if index < 0 or pos > length:
            return DAMAGED
        put(line, out[row], bits, component, components, step)
        line, above = above, line
    padding = length - pos
    if end == len(data) or padding > MOST_PADDING or (
            padding and shift_right(ahead(octets, pos), 64 - padding)):
        return DAMAGED
    return end


@bare_kernels(_SCAN)
def decode_scan(data: Bytes, start: int, component: int, components: int, step: int, bits: int,
                thresholds: Ints, lines: Line, box: Box, quantizer: Bytes, octets: Bytes,
                out: Bytes) -> int:
    """Decode one lossless scan from byte ``start``: ``step`` components (1 or 3) from number
    ``component`` on, interleaved by sample, to their places in ``out``, the bytes of rows with
    ``components``, in cells of 16 bits when ``bits`` are more than 8. The position behind it, or
    `DAMAGED`. ``thresholds``: T1, T2, T3, RESET, NEAR; ``quantizer`` is made of them.

    Space, zeros: ``lines`` (2, (columns + 2) × ``step``), ``box`` of `BOX`; without zeros
    ``octets``, the bytes behind ``start`` and 2 × `SLACK` more.
    """
    return _decode_scan(data, start, component, components, step, bits, 0, thresholds, lines, box,
                        quantizer, octets, out)


@bare_kernels(_SCAN)
def decode_near_scan(data: Bytes, start: int, component: int, components: int, step: int,
                     bits: int, thresholds: Ints, lines: Line, box: Box, quantizer: Bytes,
                     octets: Bytes, out: Bytes) -> int:
    """As `decode_scan`, near-lossless."""
    return _decode_scan(data, start, component, components, step, bits, thresholds[4], thresholds,
                        lines, box, quantizer, octets, out)
