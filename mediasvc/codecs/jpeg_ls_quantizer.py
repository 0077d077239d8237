"""The table by which JPEG-LS finds contexts: a difference of neighbours, quantized (T.87 A.3.3)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: Variables of a context in the box of `jpeg_ls_lines`, with room for more.
STRIDE = 8
#: A.3.3.
_LARGEST = 4


@lru_cache(maxsize=16)
def quantizer(maxval: int, near: int, t1: int, t2: int, t3: int) -> NDArray[np.uint8]:
    """Three tables of the differences from -``maxval`` to ``maxval``, times `STRIDE`: level and
    `_LARGEST`, `_LARGEST` less the level, and its amount: for contexts of which the line above says
    that they are positive, negative, or nothing. It is kept, so don't write to it. Thresholds must
    be in order.
    """
    ends = np.diff([0, near + 1, t1, t2, t3, maxval + 1])
    up = np.repeat(np.arange(_LARGEST + 1, dtype=np.uint8) * np.uint8(STRIDE), ends)
    none = np.uint8(_LARGEST * STRIDE)
    more, less = none + up, none - up
    pairs = ((less, more), (more, less), (up, up))
    table = np.concatenate([half for below, above in pairs for half in (below[:0:-1], above)])
    table.flags.writeable = False
    return table
