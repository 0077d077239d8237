"""JPEG Lossless, Process 14 (.57) and its Selection Value 1 (.70) (PS3.5 8.2.1, T.81 annex H).

The stream carries unsigned codes; signed samples are two's complement (`samples.code_bits`).
"""

from __future__ import annotations

from dataclasses import replace

from mediasvc.codecs import jpeg_stream
from mediasvc.codecs.codec import Array, Codec, Decoder, Encoder, Frame, Takes
from mediasvc.codecs.jpeg_stream import JpegHeader
from mediasvc.codecs.samples import from_codes
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import COLOUR, GREY
from mediasvc.standard.transfer_syntaxes import JPEG_LOSSLESS, JPEG_LOSSLESS_SV1


def _check(frame: Frame, spec: FrameSpec) -> None:
    _checked(frame, spec)


def _checked(frame: Frame, spec: FrameSpec) -> JpegHeader:
    header = jpeg_stream.read_jpeg_header(frame)
    if header.sof != jpeg_stream.SOF_LOSSLESS:
        raise DamagedError("the frame is not a JPEG Lossless stream")
    jpeg_stream.check_size(header, spec)
    return header


def _check_sv1(frame: Frame, spec: FrameSpec) -> None:
    if _checked(frame, spec).selection != 1:
        raise DamagedError("the frame uses another predictor than the transfer syntax says")


def _decode(frame: Frame, spec: FrameSpec) -> Array:
    from mediasvc.codecs.jpeg_lossless_decode import decode
    return decode(frame, spec)


def _decode_by_library(frame: Frame, spec: FrameSpec) -> Array:
    from imagecodecs import jpeg8_decode
    colour = "RGB" if spec.samples_per_pixel == 3 else None
    try:
        codes = jpeg8_decode(bytes(frame), colorspace=colour, outcolorspace=colour)
    except (RuntimeError, ValueError) as error:
        raise DamagedError("the JPEG Lossless stream cannot be decoded") from error
    return from_codes(codes, spec, jpeg_stream.read_jpeg_header(frame).precision)


def _encode(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    from mediasvc.codecs.jpeg_lossless_encode import encode
    return encode(array, spec)


def _by_pixel(spec: FrameSpec) -> FrameSpec:
    return replace(spec, planar_configuration=0) if spec.planar_configuration else spec


#: PS3.5 table 8.2.1-1.
TAKES = (
    Takes(1, (8, 16), range(1, 17), True, GREY),
    Takes(3, (8,), range(1, 9), False, COLOUR),
    Takes(3, (16,), range(1, 17), False, frozenset({"RGB"})),
)

_FIRST, _SECOND = Decoder("mediasvc", _decode), Decoder("libjpeg-turbo", _decode_by_library)

SV1 = Codec(
    uid=JPEG_LOSSLESS_SV1, name="JPEG Lossless SV1", check=_check_sv1, first=_FIRST, second=_SECOND,
    decoded=_by_pixel, lossless=Encoder("mediasvc", TAKES, _encode, _by_pixel),
    clause="PS3.5 8.2.1")

PROCESS_14 = Codec(
    uid=JPEG_LOSSLESS, name="JPEG Lossless", check=_check, first=_FIRST, second=_SECOND,
    decoded=_by_pixel, unwritten="jpll is the same with the predictor that every reader knows",
    clause="PS3.5 8.2.1", foreign=TAKES)
