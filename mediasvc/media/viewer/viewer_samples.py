"""Samples as text that a web page may load from a disc: differences, deflated, 15 bits a character.

A page that was opened from a file may neither fetch its neighbours nor read the pixels of a
picture, but another page may send it its own text; so samples stand in the text of pages. A UTF-16
file with 15 bits in each code unit costs one fifteenth, where Base64 costs a third.
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from mediasvc.media.viewer.viewer_text import UNIT_BITS

#: 32,768 code points in a row without quotes, backslashes, line ends, marks or surrogates.
FIRST = 0x3400
BYTES, UNITS = 15, 8
#: More costs time and gains hardly anything after the differences.
LEVEL = 1


def as_cells(samples: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Integers of at most 16 bits as unsigned ones in the same order, and what was added."""
    if samples.dtype.kind == "u":
        return samples, 0
    added = 1 << (8 * samples.itemsize - 1)
    unsigned = np.dtype(f"u{samples.itemsize}")
    return samples.view(unsigned) ^ unsigned.type(added), added


def deflate(cells: NDArray[Any]) -> bytes:
    """uint8 or uint16, (rows, columns) or (rows, columns, 3), as a zlib stream.

    Each sample is its difference to the left neighbour, folded so that small ones of either sign
    are small numbers; a colour after the other; of 16 bits first all low bytes, then all high ones.
    """
    planes = [cells] if cells.ndim == 2 else [cells[:, :, at] for at in range(cells.shape[2])]
    parts = [_folded(plane) for plane in planes]
    stream = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return bytes(imagecodecs.deflate_encode(stream.tobytes(), level=LEVEL))


def _folded(plane: NDArray[Any]) -> NDArray[np.uint8]:
    bits = 8 * plane.itemsize
    steps = plane.copy()
    steps[:, 1:] -= plane[:, :-1]
    signed = steps.view(np.dtype(f"i{plane.itemsize}"))
    folded = ((signed << 1) ^ (signed >> (bits - 1))).view(steps.dtype).ravel()
    if bits == 8:
        return np.asarray(folded, np.uint8)
    return np.concatenate([(folded & 255).astype(np.uint8), (folded >> 8).astype(np.uint8)])


def in_text(data: bytes) -> bytes:
    """UTF-16LE code units that hold ``data``, 15 bits each, the last ones padded by zeros."""
    groups = -(-len(data) // BYTES)
    rows = np.zeros((groups, BYTES), np.uint8)
    rows.reshape(-1)[:len(data)] = np.frombuffer(data, np.uint8)
    columns = np.ascontiguousarray(rows.T).astype(np.uint16)
    units = np.empty((groups, UNITS), "<u2")
    for unit in range(UNITS):
        at, skipped = divmod(unit * UNIT_BITS, 8)
        two = columns[at] << 8 | columns[at + 1]
        if skipped < 2:
            bits = two >> (1 - skipped)
        else:
            bits = two << (skipped - 1) | columns[at + 2] >> (9 - skipped)
        units[:, unit] = (bits & 0x7FFF) + FIRST
    return units.tobytes()[:2 * -(-len(data) * 8 // UNIT_BITS)]


def reduce(samples: NDArray[Any], factor: int) -> NDArray[Any]:
    """Means of ``factor`` × ``factor`` samples; what is left over at the edges is cut off."""
    if factor == 1:
        return samples
    rows, columns = samples.shape[0] // factor, samples.shape[1] // factor
    blocks = samples[:rows * factor, :columns * factor].reshape(
        rows, factor, columns, factor, *samples.shape[2:])
    return np.asarray(np.rint(blocks.mean(axis=(1, 3), dtype=np.float32)), samples.dtype)
