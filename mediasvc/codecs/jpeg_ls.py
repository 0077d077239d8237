"""JPEG-LS lossless (.80) and near-lossless (.81) (PS3.5 8.2.3, T.87).

The stream carries unsigned codes; signed samples are two's complement (`samples.code_bits`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mediasvc.codecs import jpeg_stream
from mediasvc.codecs.codec import (
    Array,
    Codec,
    Control,
    Decoder,
    Encoder,
    Frame,
    Takes,
)
from mediasvc.codecs.samples import code_bits, from_codes, to_codes, value_range
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import COLOUR, GREY, MONOCHROME
from mediasvc.standard.transfer_syntaxes import JPEG_LS, JPEG_LS_NEAR


def _check(frame: Frame, spec: FrameSpec) -> None:
    header = jpeg_stream.read_jpeg_header(frame)
    if header.sof != jpeg_stream.SOF_LS:
        raise DamagedError("the frame is not a JPEG-LS stream")
    jpeg_stream.check_size(header, spec)


def _check_lossless(frame: Frame, spec: FrameSpec) -> None:
    _check(frame, spec)
    if jpeg_stream.read_jpeg_header(frame).selection:
        raise DamagedError("the frame is near-lossless, the transfer syntax says lossless")


def _decode(frame: Frame, spec: FrameSpec) -> Array:
    from mediasvc.codecs.jpeg_ls_decode import decode
    return decode(frame, spec)


def _decode_by_charls(frame: Frame, spec: FrameSpec) -> Array:
    """By imagecodecs: the CharLS inside pyjpegls 1.5 fails on valid presets (WG04 MR1_JLSL).

    CharLS 2.4 may count 2^32 zeros, for seconds, before it gives up on a damaged stream. So it is
    never the first to look at one.
    """
    from imagecodecs import jpegls_decode
    try:
        codes = jpegls_decode(bytes(frame))
    except (RuntimeError, ValueError) as error:
        raise DamagedError("the JPEG-LS stream cannot be decoded") from error
    return from_codes(codes, spec, jpeg_stream.read_jpeg_header(frame).precision)


def _encode_near(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    """``dial`` is NEAR. Codes are cut at the ends of the stream's range; signed samples must keep
    away from the ends of theirs, where an error of NEAR would turn the sign."""
    from mediasvc.codecs.jpeg_ls_encode import encode_codes
    near = int(dial or 0)
    low, high = value_range(spec)
    if spec.pixel_representation and (array.min() < low + near or array.max() > high - near):
        raise UnsupportedError(
            f"signed samples within {near} of the ends of {spec.bits_stored} bits")
    if near > min(255, (high - low) // 2):
        raise UnsupportedError(f"a maximum error of {near} in {spec.bits_stored} bits")
    bits = code_bits(spec) if spec.pixel_representation else spec.bits_stored
    codes = to_codes(array, spec).astype(np.uint8 if bits <= 8 else np.uint16, copy=False)
    return encode_codes(np.ascontiguousarray(codes), bits, near)


def _encode(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    from mediasvc.codecs.jpeg_ls_encode import encode
    return encode(array, spec)


def _by_pixel(spec: FrameSpec) -> FrameSpec:
    return replace(spec, planar_configuration=0) if spec.planar_configuration else spec


#: PS3.5 table 8.2.3-1; palettes only lossless, colour of 16 bits only RGB.
TAKES = (
    Takes(1, (8, 16), range(1, 17), True, GREY),
    Takes(3, (8,), range(1, 9), False, COLOUR),
    Takes(3, (16,), range(1, 17), False, frozenset({"RGB"})),
)
NEAR_TAKES = (
    Takes(1, (8, 16), range(2, 17), True, MONOCHROME),
    Takes(3, (8,), range(2, 9), False, COLOUR),
    Takes(3, (16,), range(2, 17), False, frozenset({"RGB"})),
)

_OURS, _CHARLS = Decoder("mediasvc", _decode), Decoder("CharLS", _decode_by_charls)

LOSSLESS = Codec(
    uid=JPEG_LS, name="JPEG-LS", check=_check_lossless, first=_OURS, second=_CHARLS,
    decoded=_by_pixel, lossless=Encoder("mediasvc", TAKES, _encode, _by_pixel),
    clause="PS3.5 8.2.3")

NEAR_LOSSLESS = Codec(
    uid=JPEG_LS_NEAR, name="JPEG-LS near-lossless", check=_check, first=_OURS, second=_CHARLS,
    decoded=_by_pixel,
    lossy=Encoder("mediasvc", NEAR_TAKES, _encode_near, _by_pixel, Control(255, 1, 2, whole=True)),
    clause="PS3.5 8.2.3")
