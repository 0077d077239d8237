"""RLE Lossless (PS3.5 annex G): a header of segment offsets, then one PackBits segment per byte
plane, most significant byte first, colour by plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mediasvc.codecs.codec import Array, Codec, Decoder, Encoder, Frame, Takes
from mediasvc.codecs.rle_frame import decode, encode, segment_bounds
from mediasvc.codecs.samples import native_to_array
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import COLOUR, GREY
from mediasvc.standard.transfer_syntaxes import RLE


def _check(frame: Frame, spec: FrameSpec) -> None:
    segment_bounds(frame, spec)


def _decode(frame: Frame, spec: FrameSpec) -> Array:
    return decode(frame, spec)


def _decode_by_library(frame: Frame, spec: FrameSpec) -> Array:
    from rle.rle import decode_frame
    _require_whole_segments(frame, spec)
    try:
        planes = decode_frame(bytes(frame), spec.rows * spec.columns, spec.bits_allocated, "<")
    except (ValueError, OverflowError) as error:
        raise DamagedError("the RLE frame cannot be decoded") from error
    return _from_planes(planes, spec)


def _require_whole_segments(frame: Frame, spec: FrameSpec) -> None:
    """The library fills up what is missing and leaves out what is too much, without a word."""
    from mediasvc.codecs.rle_unpack import segment_length
    data, pixels = np.frombuffer(frame, np.uint8), spec.rows * spec.columns
    for start, end in segment_bounds(frame, spec):
        if segment_length(data, start, end, pixels) != pixels:
            raise DamagedError("a segment of the RLE frame does not fit the image")


def _from_planes(planes: bytes | bytearray, spec: FrameSpec) -> Array:
    """Little-endian samples, colour by plane → array by pixel."""
    by_plane = replace(spec, planar_configuration=1)
    return native_to_array(planes, by_plane)


def _encode(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    return encode(array)


def _by_plane(spec: FrameSpec) -> FrameSpec:
    """The segments are planes, and the attribute says so (G.2, STANDARD RL-9)."""
    return replace(spec, planar_configuration=1) if spec.samples_per_pixel > 1 else spec


def _by_pixel(spec: FrameSpec) -> FrameSpec:
    return replace(spec, planar_configuration=0) if spec.planar_configuration else spec


TAKES = (
    Takes(1, (8, 16, 32), range(1, 33), True, GREY),
    Takes(3, (8, 16, 32), range(1, 33), False, COLOUR),
)

CODEC = Codec(
    uid=RLE, name="RLE Lossless", check=_check,
    first=Decoder("mediasvc", _decode), second=Decoder("pylibjpeg-rle", _decode_by_library),
    decoded=_by_pixel, lossless=Encoder("mediasvc", TAKES, _encode, _by_plane),
    clause="PS3.5 annex G", one_bit="bytes")
