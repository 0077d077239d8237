"""Encapsulated Uncompressed (PS3.5 A.4.11) and Deflated Image Frame (A.4.13): native frames."""

from __future__ import annotations

import zlib
from dataclasses import replace

from mediasvc.codecs.codec import Array, Codec, Decoder, Encoder, Frame, Takes
from mediasvc.codecs.samples import array_to_native, native_to_array
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import COLOUR, GREY
from mediasvc.standard.transfer_syntaxes import DEFLATED_FRAME, ENCAPSULATED_UNCOMPRESSED

TAKES = (
    Takes(1, (8, 16, 32), range(1, 33), True, GREY),
    Takes(3, (8, 16, 32), range(1, 33), False, COLOUR),
)


def _unpadded(frame: Frame, spec: FrameSpec) -> Frame:
    """Without the byte that makes the fragment even (A.4)."""
    odd = len(frame) == spec.native_bytes + 1 and spec.native_bytes % 2
    return memoryview(frame)[:-1] if odd else frame


def _check_length(frame: Frame, spec: FrameSpec) -> None:
    if len(_unpadded(frame, spec)) != spec.native_bytes:
        raise DamagedError(f"a frame has {len(frame)} bytes instead of {spec.native_bytes}")


def _decode(frame: Frame, spec: FrameSpec) -> Array:
    return native_to_array(_unpadded(frame, spec), spec)


def _encode(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    return array_to_native(array)


def by_pixel(spec: FrameSpec) -> FrameSpec:
    return replace(spec, planar_configuration=0)


def _check_nothing(frame: Frame, spec: FrameSpec) -> None:
    """A deflate stream has no header that says its size; `_inflate` is bounded instead."""


def _inflate(frame: Frame, spec: FrameSpec) -> Array:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = stream.decompress(frame, spec.native_bytes + 1)
    except zlib.error as error:
        raise DamagedError("the deflated frame cannot be inflated") from error
    if not stream.eof:
        raise DamagedError("the deflated frame does not end where the image does")
    return native_to_array(data, spec)


def _inflate_elsewhere(frame: Frame, spec: FrameSpec) -> Array:
    from imagecodecs import deflate_decode
    try:
        data = deflate_decode(bytes(frame), raw=True, out=spec.native_bytes)
    except (RuntimeError, ValueError) as error:
        raise DamagedError("the deflated frame cannot be inflated") from error
    return native_to_array(data, spec)


def _deflate(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    stream = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(array_to_native(array)) + stream.flush()


UNCOMPRESSED = Codec(
    uid=ENCAPSULATED_UNCOMPRESSED, name="Encapsulated Uncompressed", check=_check_length,
    first=Decoder("mediasvc", _decode), second=None, decoded=by_pixel,
    lossless=Encoder("mediasvc", TAKES, _encode, by_pixel), clause="PS3.5 A.4.11")

DEFLATED = Codec(
    uid=DEFLATED_FRAME, name="Deflated Image Frame", check=_check_nothing,
    first=Decoder("zlib", _inflate), second=Decoder("libdeflate", _inflate_elsewhere),
    decoded=by_pixel, lossless=Encoder("zlib", TAKES, _deflate, by_pixel), clause="PS3.5 A.4.13",
    one_bit="bytes")
