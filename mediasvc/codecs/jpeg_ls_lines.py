"""Lines of JPEG-LS on their way out, compiled: what the line above says about many samples at once
(T.87 A.3), runs, and samples to their places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.jpeg_ls_contexts import (
    CONTEXTS,
    PART,
    Box,
    Ints,
    order,
    quantized,
    span_of,
)
from mediasvc.codecs.machine import bare, leading_zeros

Samples = NDArray[np.unsignedinteger]
Line = NDArray[np.int32]

#: Places in the box: A B C N of each context and what is made of them: k, and 1 where the smallest
#: errors are mapped the other way round; then for each sample of a part what `look_above` knows.
STRIDE = 8
PARTIAL = STRIDE * CONTEXTS
FLOOR = PARTIAL + PART
CEILING = FLOOR + PART
BOX = CEILING + PART
UPARTIAL, UFLOOR, UCEILING = np.uintp(PARTIAL), np.uintp(FLOOR), np.uintp(CEILING)
ONE, TWO, THREE, FOUR, FIVE = np.uintp(1), np.uintp(2), np.uintp(3), np.uintp(4), np.uintp(5)


@bare
def fill_box(box: Box, maxval: int, near: int) -> int:
    """The variables at the begin of a scan (A.2.1): qbpp."""
    values = span_of(maxval, near) // (2 * near + 1)
    for context in range(CONTEXTS):
        place, first = STRIDE * context, max(2, (values + 32) >> 6)
        box[place], box[place + 3], box[place + 4] = first, 1, order(1, first)
    size: int = 64 - leading_zeros(values - 1)
    return size


@bare
def look_above(above: Line, first: int, count: int, step: int, near: int, thresholds: Ints,
               box: Box) -> None:
    """For ``count`` samples from ``first`` on: the part of the context number that the line above
    gives; and how far the prediction may lie below and above ra (A.4.1: it is rb, within them)."""
    t1, t2, t3 = np.int32(thresholds[0]), np.int32(thresholds[1]), np.int32(thresholds[2])
    close = np.int32(near)
    rc, rb = above[first:first + count], above[first + step:first + step + count]
    rd = above[first + 2 * step:first + 2 * step + count]
    partial, floors = box[PARTIAL:PARTIAL + count], box[FLOOR:FLOOR + count]
    ceilings = box[CEILING:CEILING + count]
    for x in range(count):
        b, c = rb[x], rc[x]
        partial[x] = (np.int32(81) * quantized(np.int32(rd[x] - b), close, t1, t2, t3)
                      + np.int32(9) * quantized(np.int32(b - c), close, t1, t2, t3))
        floors[x] = min(b - c, np.int32(0))
        ceilings[x] = max(b - c, np.int32(0))


@bare
def repeat(line: Line, first: int, count: int, step: int) -> None:
    """``count`` samples like the ``step`` ones at ``first``, behind them."""
    if step == 1:
        same = line[first]
        for x in range(first + 1, first + 1 + count):
            line[x] = same
    else:
        for x in range(first + step, first + step + count):
            line[np.uintp(x)] = line[np.uintp(x - step)]


@bare
def put(line: Line, row: Samples, component: int, step: int) -> None:
    """The samples of a line to their places in ``row`` (columns, components of the frame)."""
    if row.shape[1] == step:
        cells = row.reshape(-1)
        for x in range(len(cells)):
            cells[x] = line[step + x]
        return
    for x in range(len(row)):
        for k in range(step):
            row[x, component + k] = line[(x + 1) * step + k]
