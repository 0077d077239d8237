"""Lines of JPEG-LS, compiled: what the line above says about many samples at once (T.87 A.3), the
place of a sample's context, runs, and samples to their places."""

from __future__ import annotations

from typing import Any

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
from mediasvc.codecs.jpeg_ls_quantizer import STRIDE
from mediasvc.codecs.machine import bare, leading_zeros

Bytes = NDArray[np.uint8]
Line = NDArray[np.int32]

#: Numbers of 32 bits go on as such: numba would make them 64 bits wide, one instruction each.
i32, u32 = np.int32, np.uint32

#: Places in the box: A of each context, then at these places behind it B C N, `TOP_BIT` less k, and
#: all ones where the smallest errors are mapped the other way round (A.5.2).
B, C, N, SHIFT, FLIP = (np.uintp(_k) for _k in range(1, 6))
#: How `code_of` in `jpeg_ls_reader` wants a code: its zeros are counted above so many bits.
TOP_BIT = 58
#: Then, for each sample of a part, what `look_above` knows. Lanes of 4,096 bytes would all meet in
#: the same lines of the cache.
LANE = PART + 80
LEVEL = STRIDE * CONTEXTS
BASE, SELECT, SIGN, FLOOR, CEILING, BOX = (LEVEL + LANE * _k for _k in range(1, 7))
UBASE, USELECT, USIGN, UFLOOR, UCEILING = (
    np.uintp(_k) for _k in (BASE, SELECT, SIGN, FLOOR, CEILING))
#: Samples have fewer bits than this.
WIDE = i32(17)


@bare
def fill_box(box: Box, maxval: int, near: int) -> int:
    """The variables at the begin of a scan (A.2.1): qbpp."""
    values = span_of(maxval, near) // (2 * near + 1)
    first = max(2, (values + 32) >> 6)
    for context in range(CONTEXTS):
        place = np.uintp(STRIDE * context)
        box[place], box[place + N], box[place + SHIFT] = first, 1, TOP_BIT - order(1, first)
    size: int = 64 - leading_zeros(values - 1)
    return size


@bare
def look_above(above: Line, first: int, count: int, step: int, near: int, maxval: int,
               thresholds: Ints, box: Box) -> None:
    """For ``count`` samples from ``first`` on, what `place_of`, `sign_of` and `predicted` lack only
    ra for. The last difference of a context is that of the next pixel's middle one, so that each is
    quantized once."""
    t1, t2, t3 = i32(thresholds[0]), i32(thresholds[1]), i32(thresholds[2])
    close, middle, table, none = i32(near), i32(maxval), i32(2 * maxval + 1), i32(0)
    rc, rb = above[first:first + count + step], above[first + step:first + 2 * step + count]
    levels, after = box[LEVEL:LEVEL + count + step], box[LEVEL + step:LEVEL + step + count]
    for x in range(count + step):
        levels[x] = quantized(i32(rb[x] - rc[x]), close, t1, t2, t3)
    bases, selects = box[BASE:BASE + count], box[SELECT:SELECT + count]
    signs, floors = box[SIGN:SIGN + count], box[FLOOR:FLOOR + count]
    ceilings = box[CEILING:CEILING + count]
    for x in range(count):
        q, c = i32(i32(81) * after[x] + i32(9) * levels[x]), rc[x]
        sign, zero = i32(q >> i32(31)), i32(q == none)
        one_of = i32(i32(i32(q ^ sign) - sign) * i32(STRIDE))
        bases[x] = i32(one_of - i32(i32(4 * STRIDE) * i32(q != none)))
        selects[x] = i32(i32(c + middle) + i32(table & sign) + i32(i32(table + table) * zero))
        signs[x] = i32(i32(q << WIDE) + c)
        floors[x] = min(i32(rb[x] - c), none)
        ceilings[x] = max(i32(rb[x] - c), none)


@bare
def place_of(box: Box, quantizer: Bytes, x: Any, ra: Any) -> Any:
    """The place of the context of sample ``x`` of the part (A.3.4); 0 for run mode."""
    level = quantizer[np.uintp(u32(i32(box[USELECT + x] - ra)))]
    return np.uintp(u32(i32(box[UBASE + x] + i32(level))))


@bare
def sign_of(box: Box, x: Any, ra: Any, place: Any, near: int) -> Any:
    """All ones where the context was turned round (A.3.4). What the line above says goes first, ra
    only decides when that is nothing."""
    sign = i32(i32(box[USIGN + x] - ra) >> i32(31))
    if near and place == 0:  # a difference of up to NEAR counts as none
        sign = i32(0)
    return sign


@bare
def predicted(box: Box, x: Any, ra: Any, rb: Any, c: Any, sign: Any, maxval: int) -> Any:
    """A.4.1 and A.4.2, less ``sign``."""
    px = min(max(rb, i32(ra + box[UFLOOR + x])), i32(ra + box[UCEILING + x]))
    px = i32(i32(px - sign) + i32(c ^ sign))
    return i32(min(max(px, i32(0)), i32(maxval)) - sign)


@bare
def learn(box: Box, place: Any, c: Any, error: Any, size: Any, near: int, reset: int) -> None:
    """A.6: what a regular context learns from an ``error``, which enters A as ``size``; ``c`` is
    its C. k and the rest are found here and not when they are wanted: nobody waits for them yet."""
    a = np.int64(u32(box[place])) + np.int64(u32(size))
    n = np.int64(u32(box[place + N]))
    b = i32(box[place + B] + error)
    if n == reset:
        a, b, n = a >> 1, i32(b >> i32(1)), n >> 1
    last, now = i32(n), i32(n + 1)
    over, under = i32(i32(-b) >> i32(31)), i32(i32(b + last) >> i32(31))
    b = i32(i32(b + i32(now & under)) - i32(now & over))
    b = min(max(b, i32(-last)), i32(0))
    more = i32(under - over)
    c = i32(c + more)
    if u32(i32(c + i32(128))) > u32(255):
        c = i32(c - more)
    n += 1
    less = leading_zeros(a | n) - leading_zeros(n)
    shift = i32(i32(less + TOP_BIT) - i32(np.uint64(n << -less) < np.uint64(a)))
    box[place], box[place + B], box[place + C], box[place + N] = i32(a), b, c, now
    box[place + SHIFT] = shift
    if near == 0:
        few = i32(i32(TOP_BIT - 1) - shift)  # negative when k is 0
        box[place + FLIP] = i32(i32(i32(i32(b + b) + last) & few) >> i32(31))


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
def _spread(line: Line, cells: Any, component: int, components: int, step: int) -> None:
    if components == step:
        for x in range(len(cells)):
            cells[x] = line[step + x]
        return
    for x in range(len(cells) // components):
        for k in range(step):
            cells[x * components + component + k] = line[(x + 1) * step + k]


@bare
def put(line: Line, row: Bytes, bits: int, component: int, components: int, step: int) -> None:
    """The samples of a line to the bytes of their row, which has ``components``."""
    if bits <= 8:
        _spread(line, row, component, components, step)
    else:
        _spread(line, row.view(np.uint16), component, components, step)
