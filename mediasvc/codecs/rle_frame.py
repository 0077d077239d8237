"""RLE frames (PS3.5 annex G), read and written: the container half. The arithmetic is in
`rle_fast`."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.codec import Array, Frame, dtype_of, shape_of
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec

#: Number of segments and 15 offsets, each 32 bits (G.5).
_HEADER = struct.Struct("<16I")
#: Literal bytes behind one header byte, at most (G.3.1).
_LITERALS = 128


def encode(array: Array) -> bytes:
    """One frame, shape (rows, columns) or (rows, columns, samples), of 8, 16 or 32 bit integers:
    a segment for each byte plane, colour by plane, of even length."""
    from mediasvc.codecs.rle_fast import SLACK, pack

    rows, columns = array.shape[:2]
    order = _order(array.dtype.itemsize, array.size // (rows * columns))
    cells = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    line = columns + columns // _LITERALS + 1
    out = np.empty(_HEADER.size + len(order) * (rows * line + 1) + SLACK, np.uint8)
    ends = order.copy()
    pack(cells, rows, columns, len(order), ends, out[_HEADER.size:])
    starts = _HEADER.size + np.concatenate([[0], ends[:-1]])
    _HEADER.pack_into(out.data, 0, len(order), *starts.tolist(), *[0] * (15 - len(order)))
    return out[:_HEADER.size + int(ends[-1])].tobytes()


def decode(frame: Frame, bounds: list[tuple[int, int]], spec: FrameSpec) -> Array:
    """One frame from its segments, ``bounds`` as `rle.segment_bounds` gives them. Raises
    DamagedError when a segment holds another number of bytes."""
    from mediasvc.codecs.rle_fast import unpack

    pixels = spec.rows * spec.columns
    order = _order(spec.bits_allocated // 8, spec.samples_per_pixel)
    out = np.empty(pixels * len(order), np.uint8)
    octets = np.frombuffer(frame, np.uint8)
    if not unpack(octets, np.array(bounds, np.int64).reshape(-1), order, out, pixels):
        raise DamagedError("a segment of the RLE frame does not fit the image")
    return out.view(dtype_of(spec)).reshape(shape_of(spec))


def _order(width: int, samples: int) -> NDArray[np.int64]:
    """The byte of a pixel that each segment holds: most significant first, by sample (G.2)."""
    return np.array([sample * width + byte for sample in range(samples)
                     for byte in reversed(range(width))], np.int64)
