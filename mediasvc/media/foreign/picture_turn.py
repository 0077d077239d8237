"""A picture as it is to be seen: turned as its orientation says (TIFF 6.0, tag 274)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Orientation → (rows and columns change places, rows reversed, columns reversed afterwards).
_TURNS = {
    1: (False, False, False),  # row 0 is the top, column 0 the left side
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def upright(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """``samples`` (rows, columns[, samples]) of any dtype, the visual top in row 0; contiguous."""
    import numpy as np

    swapped, rows, columns = _TURNS[orientation]
    if swapped:
        samples = samples.swapaxes(0, 1)
    if rows:
        samples = samples[::-1]
    if columns:
        samples = samples[:, ::-1]
    return np.ascontiguousarray(samples)
