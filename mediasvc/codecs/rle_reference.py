"""RLE segments as PS3.5 G.3 describes them, a byte at a time: what the kernels are measured by."""

from __future__ import annotations

import numpy as np

from mediasvc.codecs.codec import Array, Frame, dtype_of
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec


def unpack_segment(segment: bytes) -> bytes:
    """A byte n of 0 to 127 is followed by n + 1 literal bytes, one of 129 to 255 by a byte that is
    repeated 257 - n times, 128 stands for nothing (G.3.2)."""
    out, at = bytearray(), 0
    while at < len(segment):
        n = segment[at]
        if n < 128:
            out += segment[at + 1:at + 2 + n]
            at += 2 + n
        elif n > 128:
            out += segment[at + 1:at + 2] * (257 - n)
            at += 2
        else:
            at += 1
    return bytes(out)


def decode_segments(frame: Frame, bounds: list[tuple[int, int]], spec: FrameSpec) -> Array:
    """All byte planes of a frame, put together. Raises DamagedError when one is too short, or has
    more than zeros behind its last pixel."""
    width = spec.bits_allocated // 8
    pixels = spec.rows * spec.columns
    cells = np.zeros((spec.samples_per_pixel, pixels, width), np.uint8)
    for number, (start, end) in enumerate(bounds):
        plane = _plane(bytes(frame[start:end]), pixels)
        sample, byte = divmod(number, width)
        cells[sample, :, width - 1 - byte] = np.frombuffer(plane, np.uint8)
    planes = cells.view(f"<u{width}").view(dtype_of(spec)).reshape(
        spec.samples_per_pixel, spec.rows, spec.columns)
    by_pixel: Array = np.ascontiguousarray(planes.transpose(1, 2, 0))
    return by_pixel[..., 0] if spec.samples_per_pixel == 1 else by_pixel


def _plane(segment: bytes, pixels: int) -> bytes:
    """Exactly ``pixels`` bytes of a segment, zeros behind its last code being padding."""
    for padding in range(len(segment) - len(segment.rstrip(b"\0")) + 1):
        plane = unpack_segment(segment[:len(segment) - padding])
        if len(plane) == pixels:
            return plane
    raise DamagedError("an RLE segment does not fit the image")
