"""RLE Lossless (PS3.5 annex G): a header of segment offsets, then one PackBits segment per byte
plane, most significant byte first, colour by plane."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np

from mediasvc.codecs.codec import Array, Codec, Decoder, Encoder, Frame, Takes, dtype_of
from mediasvc.codecs.samples import array_to_native
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import COLOUR, GREY
from mediasvc.standard.transfer_syntaxes import RLE

#: Number of segments and 15 offsets, each 32 bits (G.5).
HEADER = struct.Struct("<16I")
MOST_SEGMENTS = 15


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


def _check(frame: Frame, spec: FrameSpec) -> None:
    """The header, and that each segment holds as many bytes as the image has pixels."""
    from mediasvc.codecs.rle_reference import segment_length
    data, pixels = np.frombuffer(frame, np.uint8), spec.rows * spec.columns
    for start, end in segment_bounds(frame, spec):
        if segment_length(data, start, end, pixels) != pixels:
            raise DamagedError("a segment of the RLE frame does not fit the image")


def _from_planes(planes: bytes | bytearray, spec: FrameSpec) -> Array:
    """Little-endian samples, colour by plane → array by pixel."""
    cells = np.frombuffer(planes, dtype_of(spec).newbyteorder("<"))
    if cells.size != spec.samples:
        raise DamagedError("the RLE frame does not fill the image")
    cells = cells.astype(dtype_of(spec), copy=False)
    if spec.samples_per_pixel == 1:
        return cells.reshape(spec.rows, spec.columns)
    shaped = cells.reshape(spec.samples_per_pixel, spec.rows, spec.columns)
    return np.ascontiguousarray(shaped.transpose(1, 2, 0))


def _decode(frame: Frame, spec: FrameSpec) -> Array:
    from rle.rle import decode_frame
    try:
        planes = decode_frame(bytes(frame), spec.rows * spec.columns, spec.bits_allocated, "<")
    except (ValueError, OverflowError) as error:
        raise DamagedError("the RLE frame cannot be decoded") from error
    return _from_planes(planes, spec)


def _decode_plainly(frame: Frame, spec: FrameSpec) -> Array:
    from mediasvc.codecs.rle_reference import decode_segments
    return decode_segments(frame, segment_bounds(frame, spec), spec)


def _encode(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    from rle.utils import encode_pixel_data
    encoded: bytes = encode_pixel_data(
        array_to_native(array), byteorder="<", rows=spec.rows, columns=spec.columns,
        samples_per_pixel=spec.samples_per_pixel, bits_allocated=spec.bits_allocated)
    return encoded


def _by_plane(spec: FrameSpec) -> FrameSpec:
    """The segments are planes, and the attribute says so (G.2, STANDARD RL-9)."""
    return replace(spec, planar_configuration=1) if spec.samples_per_pixel > 1 else spec


def _by_pixel(spec: FrameSpec) -> FrameSpec:
    return replace(spec, planar_configuration=0)


TAKES = (
    Takes(1, (8, 16, 32), range(1, 33), True, GREY),
    Takes(3, (8, 16, 32), range(1, 33), False, COLOUR),
)

CODEC = Codec(
    uid=RLE, name="RLE Lossless", check=_check,
    first=Decoder("pylibjpeg-rle", _decode), second=Decoder("mediasvc", _decode_plainly),
    decoded=_by_pixel, lossless=Encoder("pylibjpeg-rle", TAKES, _encode, _by_plane),
    clause="PS3.5 annex G")
