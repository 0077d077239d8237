"""Runs of bytes in one container compared with each other (FAULTS M15, M32, M35)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def identify(offsets: NDArray[np.uint64], lengths: NDArray[np.uint64]) -> NDArray[np.int64]:
    """A number for each (offset, length), shape (n,): equal numbers are the same run of bytes."""
    import numpy as np

    order = np.lexsort((lengths, offsets))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(offsets[order]) != 0) | (np.diff(lengths[order]) != 0)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(new) - 1
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
