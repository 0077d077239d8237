"""RLE frames (PS3.5 annex G), read and written: the container half. The arithmetic is in `rle_pack`
and `rle_unpack`."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.codec import Array, Frame, dtype_of, shape_of
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec

#: Number of segments and 15 offsets, each 32 bits (G.5).
HEADER = struct.Struct("<16I")
#: Literal bytes behind one header byte, at most (G.3.1).
_LITERALS = 128


def segment_bounds(frame: Frame, spec: FrameSpec) -> list[tuple[int, int]]:
    """(start, end) of each segment. Raises DamagedError when the header contradicts the attributes
    or points outside of the frame."""
    if len(frame) < HEADER.size:
        raise DamagedError("the RLE frame is shorter than its header")
    count, *offsets = HEADER.unpack_from(frame)
    expected = spec.samples_per_pixel * spec.bits_allocated // 8
    if count != expected:
        raise DamagedError(f"the RLE frame has {count} segments, the attributes need {expected}")
    starts = offsets[:count]
    ends = [*starts[1:], len(frame)]
    if starts[0] < HEADER.size or any(a > b for a, b in zip(starts, ends, strict=True)):
        raise DamagedError("the offsets of the RLE frame are wrong")
    return list(zip(starts, ends, strict=True))


def encode(array: Array) -> bytes:
    """One frame, shape (rows, columns) or (rows, columns, samples), of 8, 16 or 32 bit integers:
    a segment for each byte plane, colour by plane, of even length."""
    from mediasvc.codecs.rle_pack import SLACK, pack

    rows, columns = array.shape[:2]
    order = _order(array.dtype.itemsize, array.size // (rows * columns))
    cells = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    line = columns + columns // _LITERALS + 1
    out = np.empty(HEADER.size + len(order) * (rows * line + 1) + SLACK, np.uint8)
    ends = order.copy()
    pack(cells, rows, columns, len(order), ends, out[HEADER.size:])
    starts = HEADER.size + np.concatenate([[0], ends[:-1]])
    HEADER.pack_into(out.data, 0, len(order), *starts.tolist(), *[0] * (15 - len(order)))
    return out[:HEADER.size + int(ends[-1])].tobytes()


def decode(frame: Frame, spec: FrameSpec) -> Array:
    """One frame. Raises DamagedError when its header contradicts ``spec`` or a segment holds
    another number of bytes."""
    from mediasvc.codecs.rle_unpack import unpack

    pixels = spec.rows * spec.columns
    order = _order(spec.bits_allocated // 8, spec.samples_per_pixel)
    out = np.empty(pixels * len(order), np.uint8)
    bounds = np.array(segment_bounds(frame, spec), np.int64).reshape(-1)
    if not unpack(np.frombuffer(frame, np.uint8), bounds, order, out, pixels):
        raise DamagedError("a segment of the RLE frame does not fit the image")
    return out.view(dtype_of(spec)).reshape(shape_of(spec))


def _order(width: int, samples: int) -> NDArray[np.int64]:
    """The byte of a pixel that each segment holds: most significant first, by sample (G.2)."""
    return np.array([sample * width + byte for sample in range(samples)
                     for byte in reversed(range(width))], np.int64)
