"""Pixels of one bit (PS3.5 8.1.1): eight to a byte, the first one in the lowest bit.

Native frames follow each other without a gap, so a frame may begin inside a byte; compressed ones
each begin with a whole byte (RLE, Deflated Image Frame) or are samples of one bit (JPEG 2000).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.codec import Array
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec


def as_bytes(spec: FrameSpec) -> FrameSpec:
    """The packed bytes of a frame as if they were its pixels, in one row."""
    return replace(spec, rows=1, columns=spec.native_bytes, bits_allocated=8, bits_stored=8,
                   high_bit=7)


def as_samples(spec: FrameSpec) -> FrameSpec:
    """One pixel in each byte."""
    return replace(spec, bits_allocated=8)


def unpack(packed: Array, spec: FrameSpec) -> NDArray[np.uint8]:
    """Bytes of one frame → 0 and 1, shape (rows, columns). Raises DamagedError for a set bit behind
    the last pixel: then the frame is another one than the attributes describe."""
    bits = np.unpackbits(packed.reshape(-1).astype(np.uint8, copy=False), bitorder="little")
    if bits[spec.samples:].any():
        raise DamagedError("there are more bits in the frame than the image has pixels")
    return bits[:spec.samples].reshape(spec.rows, spec.columns)


class Packer:
    """Frames of 0 and 1 in order → the bytes of native pixel data; `rest` is what is left."""

    def __init__(self) -> None:
        self._left = np.zeros(0, np.uint8)

    def add(self, frame: Array) -> bytes:
        """The bytes that are full now."""
        bits = np.concatenate((self._left, frame.reshape(-1).astype(np.uint8, copy=False)))
        whole = len(bits) // 8 * 8
        self._left = bits[whole:]
        return np.packbits(bits[:whole], bitorder="little").tobytes()

    def rest(self) -> bytes:
        """The last byte, filled up with zeros; empty when all are full."""
        return np.packbits(self._left, bitorder="little").tobytes()
