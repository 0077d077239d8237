"""Encoding lossless JPEG-LS, compiled (T.87 annex A). Import it only through `jpeg_ls_encode`.

Without loss, what was reconstructed is what was there. So contexts and predictions of some lines
come first (`look_around`), then runs, which go on from sample to sample, then all contexts, several
at once (`jpeg_ls_lanes`), and at the end the codes follow each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import INT, INTS, SPACE
from mediasvc.codecs.jpeg_ls_contexts import CONTEXTS, REGULAR, Box, Ints, J, Line
from mediasvc.codecs.jpeg_ls_lanes import (
    CODED,
    COUNT,
    UCOUNT,
    deal,
    fill_desk,
    work_through,
)
from mediasvc.codecs.jpeg_ls_lanes import SIZE as CODE_SIZE
from mediasvc.codecs.jpeg_ls_neighbours import look_around
from mediasvc.codecs.jpeg_ls_writer import (
    LONGEST,
    RUNS,
    STRIDE,
    UCODE,
    USIZE,
    ended_run,
    finished,
    put_code,
    put_run,
    read_row,
    run_end,
)
from mediasvc.codecs.machine import bare, bare_kernels, bare_part, big_endian, store

Bytes = NDArray[np.uint8]
#: The default (C.2.4.1.1).
RESET = 64
#: Samples whose contexts are worked on together, if a line has no more.
TOGETHER = 1 << 13
#: Codes of a sample at most, each in two items where it is long, and those of a run before it.
ITEMS = 6

i32 = np.int32
_ROWS = types.Array(types.uint8, 2, "C", readonly=True)
_LINES = [types.Array(kind, 2, "C") for kind in (types.int16, types.int32)]
_BOX, _ITEMS = types.Array(types.int32, 1, "C"), types.Array(types.int32, 2, "C")
_MASK = (1 << int(CODE_SIZE)) - 1


@bare
def _coded(box: Box, codes: Any, contexts: Any, values: Any, count: Any) -> Any:
    """The codes that lie in the box, as items: how many items there are now."""
    for number in range(np.int64(codes)):
        code = np.int64(np.uint32(box[UCODE + np.uintp(number)]))
        size = np.int64(box[USIZE + np.uintp(number)])
        if size >= CODE_SIZE:
            size -= 16
            contexts[count], values[count] = CODED, size << CODE_SIZE | code >> 16
            box[UCOUNT + np.uintp(CODED)] += 1
            code, size = code & 0xFFFF, 16
            count += np.uintp(1)
        contexts[count], values[count] = CODED, size << CODE_SIZE | code
        box[UCOUNT + np.uintp(CODED)] += 1
        count += np.uintp(1)
    return count


@bare
def _run(line: Line, above: Line, x: int, step: int, bits: int, index: int, box: Box,
         ) -> tuple[int, int, Any]:
    """The codes of the run that begins at ``x``, and of what ends it (A.7), into the box: (what is
    behind it, the index of the order, how many codes)."""
    width, start, cut = len(line) - 2 * step, x + step, 64 - bits
    length = (run_end(line, start, step) - start) // step
    end = start + length * step
    x = end - step
    index, codes = put_run(length, x == width, index, box, np.uintp(0))
    if x == width:
        return x, index, codes
    most = 2 * (bits + max(8, bits)) - bits - 2 - J[index]
    for here in range(end, end + step):
        at = np.uintp(here)
        ra, rb = np.int64(line[at - np.uintp(step)]), np.int64(above[at])
        kind = np.int64(step == 1 and rb == ra)
        error = np.int64(line[at]) - rb
        if ra > rb:
            error = -error
        error = (error << cut) >> cut
        mapped, golomb = ended_run(box, np.uintp(STRIDE * (REGULAR + kind)), kind, error, RESET)
        codes = put_code(mapped, golomb, most, bits, box, codes)
    return x + step, max(index - 1, 0), codes


@bare_part
def _items(line: Line, above: Line, numbers: Box, errors: Box, step: int, bits: int, index: int,
           box: Box, items: Any, count: Any) -> tuple[int, Any]:
    """What of a line is to be coded, in its order: (the index of the order, how many items there
    are now)."""
    width, x = len(line) - 2 * step, 0
    contexts, values = items[0], items[1]
    while x < width:
        some = np.int64(numbers[np.uintp(x)])
        for k in range(1, step):
            some |= np.int64(numbers[np.uintp(x + k)])
        if some == 0:
            x, index, codes = _run(line, above, x, step, bits, index, box)
            count = _coded(box, codes, contexts, values, count)
            continue
        for _ in range(step):
            context = numbers[np.uintp(x)]
            contexts[count], values[count] = context, errors[np.uintp(x)]
            box[UCOUNT + np.uintp(context)] += 1
            count += np.uintp(1)
            x += 1
    return index, count


@bare
def _emit(code: int, size: int, word: int, fill: int, space: Bytes, to: int,
          ) -> tuple[int, int, int]:
    """Append ``size`` bits, as many as 56 or what `jpeg_ls_writer.append` says of them."""
    word |= code << (63 - fill - size) << 1
    store(space, to, big_endian(word))
    fill += size
    return word << (fill & 56), fill & 7, to + (fill >> 3)


@bare_part
def _append(places: Any, slots: Box, count: int, word: int, fill: int, space: Bytes, to: int,
            ) -> tuple[int, int, int]:
    """Append the codes of the items, two at once: the state of `jpeg_ls_writer.append`."""
    for pair in range(count >> 1):
        at = np.uintp(2 * pair)
        first = np.int64(slots[np.uintp(places[at])])
        second = np.int64(slots[np.uintp(places[at + np.uintp(1)])])
        size, more = first >> CODE_SIZE, second >> CODE_SIZE
        first, second = first & _MASK, second & _MASK
        if size + more > 56:
            both: Any = ((first, size), (second, more))
            for code, bits in both:
                zeros = max(bits - 32, 0)
                word, fill, to = _emit(0, zeros, word, fill, space, to)
                word, fill, to = _emit(code, bits - zeros, word, fill, space, to)
            continue
        word, fill, to = _emit(first << more | second, size + more, word, fill, space, to)
    return word, fill, to


@bare_kernels(*(types.int64(_ROWS, INT, INT, INT, INTS, lines, _BOX, _ITEMS, _ITEMS, _BOX, SPACE)
                for lines in _LINES))
def encode_scan(samples: Bytes, step: int, bits: int, together: int, thresholds: Ints, lines: Line,
                box: Box, around: Any, items: Any, slots: Box, space: Bytes) -> int:
    """The bits of a scan with the default parameters, not yet stuffed, in ``space``; how many, or
    -1 when ``space`` is too short: it needs room for ``together`` lines, which are worked on at
    once, of the longest codes behind what it holds. ``samples`` are the bytes of rows, ``step``
    components interleaved by sample; ``lines`` is (2, width + 2 × ``step``) zeros of a type that
    `Line` speaks of, ``box`` zeros of `jpeg_ls_lanes.DESK`.

    Space, whatever it holds: ``around`` (2, width); for n samples of so many lines ``items``
    (3, n × `ITEMS` + 1) and ``slots`` n × (`LANES` + `ITEMS`) + 1.
    """
    width, maxval = lines.shape[1] - 2 * step, (1 << bits) - 1
    line, above = lines[0], lines[1]
    for context in range(CONTEXTS):
        box[STRIDE * context] = max(2, ((1 << bits) + 32) >> 6)
        box[STRIDE * context + 3] = 1
    fill_desk(box)
    index, word, fill, to = 0, 0, 0, 0
    room = len(space) - together * (width * LONGEST + RUNS)
    for first in range(0, len(samples), together):
        if to > room:
            return -1
        box[COUNT:COUNT + REGULAR + 1] = 0
        count = np.uintp(0)
        for row in range(first, min(first + together, len(samples))):
            read_row(samples, row, line[step:step + width])
            for k in range(step):
                line[k], above[width + step + k] = above[step + k], above[width + k]
            look_around(line, above, width, step, maxval, thresholds, around[0], around[1])
            if step == 1:
                index, count = _items(line, above, around[0], around[1], 1, bits, index, box,
                                      items, count)
            else:
                index, count = _items(line, above, around[0], around[1], step, bits, index, box,
                                      items, count)
            line, above = above, line
        if np.int64(count) & 1:
            items[0, count], items[1, count] = CODED, 0
            count += np.uintp(1)
        some = deal(box, items, np.int64(count), slots)
        work_through(box, slots, some, maxval, bits)
        word, fill, to = _append(items[2], slots, np.int64(count), word, fill, space, to)
    return finished(word, fill, to, space)
