"""The table by which JPEG-LS finds contexts: a difference of neighbours, quantized (T.87 A.3.3)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: Variables of a context in the box of `jpeg_ls_lines`, with room for more.
STRIDE = 8
#: A.3.3.
_LARGEST = 4


@lru_cache(maxsize=4)
def quantizer(maxval: int, near: int, t1: int, t2: int, t3: int) -> NDArray[np.uint8]:
    """Three tables of the differences from -``maxval`` to ``maxval``, times `STRIDE`: level and
    `_LARGEST`, `_LARGEST` less the level, and its amount: for contexts of which the line above says
    that they are positive, negative, or nothing. It is kept, so don't write to it.
    """
    differences = np.arange(-maxval, maxval + 1)
    amounts = np.searchsorted([near + 1, t1, t2, t3], np.abs(differences), side="right")
    levels = np.sign(differences) * amounts
    tables = np.concatenate([_LARGEST + levels, _LARGEST - levels, amounts]) * STRIDE
    table = tables.astype(np.uint8)
    table.flags.writeable = False
    return table
