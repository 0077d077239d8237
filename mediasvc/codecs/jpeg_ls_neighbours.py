"""What the neighbours of samples say when JPEG-LS is encoded, many at once, compiled (T.87 A.3)."""

from __future__ import annotations

import numpy as np

from mediasvc.codecs.jpeg_ls_contexts import CONTEXTS, PART, Box, Ints, Line, quantized
from mediasvc.codecs.machine import bare

#: Places in the box: A B C N of each context; for each sample of a part `look_around`'s findings;
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


@bare
def look_around(line: Line, above: Line, first: int, count: int, step: int, maxval: int,
                thresholds: Ints, box: Box) -> None:
    """``count`` samples from ``first`` on, before bias correction. At `CONTEXT`: the place of the
    sample's context, 0 for run mode (A.3). At `ERROR`: sample less prediction (A.4.1), the sign of
    the context merged in. At `FLOOR`: C may not be less, nor more than that and ``maxval``, or the
    corrected prediction would leave the range (A.4.2)."""
    kind = line.dtype.type
    t1, t2, t3 = kind(thresholds[0]), kind(thresholds[1]), kind(thresholds[2])
    same = kind(0)
    ra, rc, top = line[first:first + count], above[first:first + count], kind(maxval)
    here, rb = line[first + step:first + step + count], above[first + step:first + step + count]
    rd = above[first + 2 * step:first + 2 * step + count]
    contexts, errors = box[CONTEXT:CONTEXT + count], box[ERROR:ERROR + count]
    floors = box[FLOOR:FLOOR + count]
    for x in range(count):
        a, b, c = ra[x], rb[x], rc[x]
        q = kind(kind(81) * quantized(kind(rd[x] - b), same, t1, t2, t3)
                 + kind(9) * quantized(kind(b - c), same, t1, t2, t3)
                 + quantized(kind(c - a), same, t1, t2, t3))
        sign = kind(q >> kind(15))
        turn = kind(b - c)
        px = kind(a + min(max(kind(b - a), min(turn, kind(0))), max(turn, kind(0))))
        contexts[x] = kind(kind(kind(q ^ sign) - sign) * kind(STRIDE))
        errors[x] = kind(kind(kind(here[x] - px) ^ sign) - sign)
        floors[x] = kind(kind(sign & kind(px - top)) - kind(kind(~sign) & px))
