"""Encoding lossless JPEG-LS, compiled (T.87 annex A). Import it only through `jpeg_ls_encode`.

Without loss, what was reconstructed is what was there. So contexts and predictions come first,
many at once (`_look_around`); only the variables of the contexts go on from sample to sample.
"""

from __future__ import annotations

from typing import Any

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
    quantized,
)
from mediasvc.codecs.machine import (
    big_endian,
    inline,
    kernels,
    shift_right,
    store,
)

Bytes = NDArray[np.uint8]
Samples = NDArray[np.unsignedinteger]

#: Places in the box: A B C N of each context; for each sample of a part `_look_around`'s findings;
#: then codes of up to 32 bits and how many bits they have.
STRIDE = 4
CONTEXT = STRIDE * CONTEXTS
ERROR = CONTEXT + PART
FLOOR = ERROR + PART
CODE = FLOOR + PART
#: A sample has up to two codes, a run before it up to three.
SIZE = CODE + 5 * PART + 2
BOX = SIZE + 5 * PART + 2
UCONTEXT, UERROR, UFLOOR, UCODE, USIZE = (np.uintp(k) for k in (CONTEXT, ERROR, FLOOR, CODE, SIZE))
#: Bytes of the longest code of a sample (LIMIT of 16 bits), and of what else a line may need.
LONGEST, RUNS = 8, 1 << 10
#: The default (C.2.4.1.1).
RESET = 64
ONE, TWO, THREE = np.uintp(1), np.uintp(2), np.uintp(3)

_ROWS = types.Array(types.uint8, 2, "C", readonly=True)
_LINES = [types.Array(kind, 2, "C") for kind in (types.int16, types.int32)]


@inline
def _look_around(line: Line, above: Line, first: int, count: int, step: int, maxval: int,
                 thresholds: Ints, box: Box) -> None:
    """``count`` samples from ``first`` on, before bias correction. At `CONTEXT`: the place of the
    sample's context, 0 for run mode (A.3). At `ERROR`: sample less prediction (A.4.1), the sign of
    the context merged in. At `FLOOR`: C may not be less, nor more than that and ``maxval``, or the
    corrected prediction would leave the range (A.4.2)."""
    kind = line.dtype.type
    t1, t2, t3 = kind(thresholds[0]), kind(thresholds[1]), kind(thresholds[2])
    ra, rc, top = line[first:first + count], above[first:first + count], kind(maxval)
    here, rb = line[first + step:first + step + count], above[first + step:first + step + count]
    rd = above[first + 2 * step:first + 2 * step + count]
    contexts, errors = box[CONTEXT:CONTEXT + count], box[ERROR:ERROR + count]
    floors = box[FLOOR:FLOOR + count]
    for x in range(count):
        a, b, c = ra[x], rb[x], rc[x]
        q = kind(kind(81) * quantized(kind(rd[x] - b), t1, t2, t3)
                 + kind(9) * quantized(kind(b - c), t1, t2, t3)
                 + quantized(kind(c - a), t1, t2, t3))
        sign = kind(q >> kind(15))
        turn = kind(b - c)
        px = kind(a + min(max(kind(b - a), min(turn, kind(0))), max(turn, kind(0))))
        contexts[x] = kind(kind(kind(q ^ sign) - sign) * kind(STRIDE))
        errors[x] = kind(kind(kind(here[x] - px) ^ sign) - sign)
        floors[x] = kind(kind(sign & kind(px - top)) - kind(kind(~sign) & px))


@inline
def _run_end(line: Line, x: int, step: int) -> int:
    """The first place from ``x`` on whose sample is not the one ``step`` to its left; the end of
    the line counts as one."""
    while x < len(line) - step and line[np.uintp(x)] == line[np.uintp(x - step)]:
        x += 1
    return x


@inline
def _put_run(length: int, to_end: bool, index: int, box: Box, count: Any) -> tuple[int, Any]:
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
def _append(box: Box, count: int, word: int, fill: int, space: Bytes, to: int,
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
        _look_around(line, above, first, part, step, maxval, thresholds, box)
        count, x = np.uintp(0), 0
        while x < part:
            some = 0
            for k in range(step):
                some |= np.int64(box[UCONTEXT + np.uintp(x + k)])
            run_order = -1
            if some == 0:
                start = first + x + step
                end = _run_end(line, start, step)
                length = (end - start) // step
                x += length * step
                index, count = _put_run(length, first + x == width, index, box, count)
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
        word, fill, to = _append(box, np.int64(count), word, fill, space, to)
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
