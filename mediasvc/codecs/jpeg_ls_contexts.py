"""What both directions of JPEG-LS share, compiled: contexts, and what a line's neighbours say
(T.87 annex A).

Names: ra rb rc rd are the neighbours of figure 3; A B C N are the variables of a context, Nn takes
the place of B in those of run interruptions, J are the orders of run lengths.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.machine import bare, leading_zeros

Ints = NDArray[np.int64]
#: int16 as long as differences fit, up to 15 bits; else int32. A line has the neighbours of A.2.1
#: around it: as many samples more at each end as a pixel has.
Line = NDArray[Any]
#: One array of int32 holds all that goes on from sample to sample, at fixed places, so that one
#: register finds it.
Box = NDArray[np.int32]

#: Regular contexts, then the two of run interruptions (A.2.1).
REGULAR, CONTEXTS = 365, 367
#: A.6.2.
MIN_C, MAX_C = -128, 127
#: A.7.1.1.
J = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3,
              4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15], np.int64)
#: Samples that are looked at before they are coded.
PART = 1024
#: Bits of the widest samples whose differences fit in 16 bits.
NARROW = 15


@bare
def quantized(d: Any, near: Any, t1: Any, t2: Any, t3: Any) -> Any:
    """A.3.3 in the type of its arguments, without a branch."""
    kind = type(d)
    return kind(kind(d > near) + kind(d >= t1) + kind(d >= t2) + kind(d >= t3)
                - kind(d < -near) - kind(d <= -t1) - kind(d <= -t2) - kind(d <= -t3))


@bare
def order(n: int, a: int) -> int:
    """k of A.5.1."""
    k = leading_zeros(n) - leading_zeros(a | n)
    return k + np.int64((n << k) < a)


@bare
def learned(a: int, b: int, c: int, n: int, size: int, error: int, reset: int,
            ) -> tuple[int, int, int, int]:
    """A.6: A B C N of a regular context behind an error, which enters A as ``size``."""
    a += size
    b += error
    if n == reset:
        a, b, n = a >> 1, b >> 1, n >> 1
    n += 1
    more = ((b + n - 1) >> 63) - (-b >> 63)
    b = min(max(b - more * n, 1 - n), 0)
    c += more
    if c < MIN_C or c > MAX_C:
        c -= more
    return a, b, c, n


@bare
def learned_of_run(a: int, nn: int, n: int, mapped: int, kind: int, negative: int, reset: int,
                   ) -> tuple[int, int, int]:
    """A.7.2.2: A Nn N of a run's context behind a mapped error."""
    nn += negative
    a += (mapped + 1 - kind) >> 1
    if n == reset:
        a, n, nn = a >> 1, n >> 1, nn >> 1
    return a, nn, n + 1


@bare
def span_of(maxval: int, near: int) -> int:
    """RANGE of A.2.1, in samples: what an error is modulo of."""
    return ((maxval + 2 * near) // (2 * near + 1) + 1) * (2 * near + 1)


@bare
def restored(value: int, near: int, span: int, maxval: int) -> int:
    """A.4.4 and A.4.5: a prediction and its error → the sample. ``maxval`` is all ones."""
    if near == 0:
        return value & maxval
    if value < -near:
        value += span
    elif value > maxval + near:
        value -= span
    return min(max(value, 0), maxval)
