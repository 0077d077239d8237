"""The plain reading of RLE segments: the second opinion on other RLE decoders (PS3.5 G.3.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.codec import Array, Frame, dtype_of
from mediasvc.codecs.compiled import BYTES, INT, SPACE, kernel
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec


@kernel(BYTES, INT, INT, INT)
def segment_length(data: NDArray[np.uint8], start: int, end: int, most: int) -> int:
    """Bytes that one segment unpacks to, without unpacking it. Zeros behind ``most`` are padding;
    anything else there counts."""
    at, done = start, 0
    while at < end:
        n = int(data[at])
        if done == most:
            done += int(n != 0)
            at += 1
        elif n < 128:
            done += min(n + 1, end - at - 1)
            at += n + 2
        else:
            done += 257 - n if n > 128 and at + 1 < end else 0
            at += 1 + int(n > 128)
    return done


@kernel(BYTES, INT, INT, SPACE)
def unpack_segment(data: NDArray[np.uint8], start: int, end: int, out: NDArray[np.uint8]) -> int:
    """Fill ``out`` from one segment; the number of bytes that were there for it.

    A byte n of 0 to 127 is followed by n + 1 literal bytes, one of 129 to 255 by a byte that is
    repeated 257 - n times, 128 stands for nothing (G.3.2).
    """
    at, done = start, 0
    while done < len(out) and at < end:
        n = np.int64(data[at])
        at += 1
        if n < 128:
            for _ in range(n + 1):
                if at >= end or done >= len(out):
                    break
                out[done] = data[at]
                at += 1
                done += 1
        elif n > 128 and at < end:
            for _ in range(257 - n):
                if done >= len(out):
                    break
                out[done] = data[at]
                done += 1
            at += 1
    return done


def decode_segments(frame: Frame, bounds: list[tuple[int, int]], spec: FrameSpec) -> Array:
    """All byte planes of a frame, put together. Raises DamagedError when one is too short."""
    data = np.frombuffer(frame, np.uint8)
    width = spec.bits_allocated // 8
    pixels = spec.rows * spec.columns
    cells = np.zeros((spec.samples_per_pixel, pixels, width), np.uint8)
    for number, (start, end) in enumerate(bounds):
        plane = np.empty(pixels, np.uint8)
        if unpack_segment(data, start, end, plane) != pixels:
            raise DamagedError("an RLE segment ends too early")
        sample, byte = divmod(number, width)
        cells[sample, :, width - 1 - byte] = plane
    planes = cells.view(f"<u{width}").view(dtype_of(spec)).reshape(
        spec.samples_per_pixel, spec.rows, spec.columns)
    if spec.samples_per_pixel == 1:
        only: Array = planes[0]
        return only
    by_pixel: Array = np.ascontiguousarray(planes.transpose(1, 2, 0))
    return by_pixel
