"""What the neighbours of samples say when JPEG-LS is encoded, many at once, compiled (T.87 A.3)."""

from __future__ import annotations

import numpy as np

from mediasvc.codecs.jpeg_ls_contexts import Box, Ints, Line, quantized
from mediasvc.codecs.lanes import left
from mediasvc.codecs.machine import bare

i32 = np.int32
#: The lower half of what `look_around` says of a sample; `ROOM` begins the upper one.
ERROR = i32(0xFFFF)
ROOM = i32(16)


@bare
def look_around(line: Line, above: Line, count: int, step: int, maxval: int, thresholds: Ints,
                contexts: Box, errors: Box) -> None:
    """The ``count`` samples of a line, before bias correction: the number of each one's context, 0
    for run mode (A.3), and, as `ERROR` says, sample less prediction (A.4.1), the sign of the
    context merged in, modulo 2^16, and room: C may not be less than its negative, nor more than
    ``maxval`` less it, or the corrected prediction would leave the range (A.4.2)."""
    kind = line.dtype.type
    t1, t2, t3 = kind(thresholds[0]), kind(thresholds[1]), kind(thresholds[2])
    same = kind(0)
    ra, rc, top = line[:count], above[:count], kind(maxval)
    here, rb = line[step:step + count], above[step:step + count]
    rd = above[2 * step:2 * step + count]
    numbers, pairs = contexts[:count], errors[:count]
    for x in range(count):
        a, b, c = ra[x], rb[x], rc[x]
        q = kind(kind(81) * quantized(kind(rd[x] - b), same, t1, t2, t3)
                 + kind(9) * quantized(kind(b - c), same, t1, t2, t3)
                 + quantized(kind(c - a), same, t1, t2, t3))
        sign = kind(q >> kind(15))
        turn = kind(b - c)
        px = kind(a + min(max(kind(b - a), min(turn, kind(0))), max(turn, kind(0))))
        numbers[x] = kind(kind(q ^ sign) - sign)
        error = i32(kind(kind(kind(here[x] - px) ^ sign) - sign))
        room = i32(kind(kind(sign & kind(top - px)) + kind(kind(~sign) & px)))
        pairs[x] = i32(i32(error & ERROR) | left(room, ROOM))
