"""Runs of bytes in one container compared with each other (FAULTS M15, M32, M35)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def identify(offsets: NDArray[np.uint64], lengths: NDArray[np.uint64]) -> NDArray[np.int32]:
    """A number for each (offset, length), shape (n,): equal numbers are the same run of bytes."""
    import numpy as np

    order = np.lexsort((lengths, offsets))
    new = np.zeros(len(order), bool)
    for column in (offsets, lengths):
        column = column[order]
        new[1:] |= column[1:] != column[:-1]
    numbers = np.empty(len(order), np.int32)
    numbers[order] = np.cumsum(new, dtype=np.int32)
    return numbers


def overlapping(starts: NDArray[np.uint64], ends: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which runs share a byte with another one, shape (n,). Empty runs share none."""
    import numpy as np

    result = np.zeros(len(starts), bool)
    full = np.flatnonzero(ends > starts)
    order = full[np.argsort(starts[full], kind="stable")]
    if len(order) < 2:
        return result
    reach = np.maximum.accumulate(ends[order])
    result[order[1:]] = starts[order[1:]] < reach[:-1]
    result[order[:-1]] |= starts[order[1:]] < ends[order[:-1]]
    return result
