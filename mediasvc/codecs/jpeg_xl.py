"""JPEG XL: lossless (.110), rebuilt JPEG (.111) and lossy (.112), through libjxl (PS3.5 8.2.15).

libjxl has no signed samples, so signed ones are refused. Lossy colour is written as XYB, and the
label says so. What effort 1 writes is read by a decoder of ours too (`jpeg_xl_decode`); all other
JPEG XL only by the code base that wrote it.
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
    dtype_of,
)
from mediasvc.codecs.jpeg import BASELINE, BASELINE_TAKES
from mediasvc.codecs.jpeg_xl_stream import check_size, read_jxl_header
from mediasvc.codecs.samples import fits, require_fit
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import GREY, MONOCHROME
from mediasvc.standard.transfer_syntaxes import JPEG_XL, JPEG_XL_JPEG, JPEG_XL_LOSSLESS

#: Effort 1 is the only one that keeps up with an archive; 3 gives 20 % more at a twentieth of it.
EFFORT, EFFORT_OF_MANY_BITS = 1, 2
#: Effort 1 takes so many bits, by samples per pixel: in noise of more, libjxl 0.11.2 writes beyond
#: its buffer (`scripts/campaign_corners` ended that way).
EFFORT_1_BITS = {1: 14, 3: 12}
LOSSY_EFFORT = 4
#: Without a wish 8 : 1: a distance means little for samples of more than 8 bits.
DEFAULT_RATIO = 8


def _check(frame: Frame, spec: FrameSpec) -> None:
    if spec.pixel_representation:
        raise UnsupportedError("signed samples: JPEG XL has none")
    check_size(read_jxl_header(frame), spec)


def _check_jpeg(frame: Frame, spec: FrameSpec) -> None:
    _check(frame, spec)
    if not read_jxl_header(frame).from_jpeg:
        raise DamagedError("the frame holds no JPEG stream that could be rebuilt")


def _decode(frame: Frame, spec: FrameSpec) -> Array:
    from imagecodecs import jpegxl_decode
    try:
        samples = jpegxl_decode(bytes(frame), numthreads=1)
    except (RuntimeError, ValueError) as error:
        raise DamagedError("the JPEG XL stream cannot be decoded") from error
    array: Array = samples.astype(dtype_of(spec), copy=False)
    if not fits(array, spec):
        raise DamagedError(f"the stream has values of more than {spec.bits_stored} bits")
    return array


def _decode_effort_1(frame: Frame, spec: FrameSpec) -> Array:
    from mediasvc.codecs.jpeg_xl_decode import decode
    return decode(frame, spec)


def _takes_effort_1(spec: FrameSpec) -> bool:
    return spec.bits_stored <= EFFORT_1_BITS.get(spec.samples_per_pixel, 0)


def _narrow(array: Array, spec: FrameSpec) -> Array:
    require_fit(array, spec)
    return np.ascontiguousarray(array.astype(np.uint8 if spec.bits_stored <= 8 else np.uint16,
                                             copy=False))


def _encode(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    from imagecodecs import jpegxl_encode
    effort = EFFORT if _takes_effort_1(spec) else EFFORT_OF_MANY_BITS
    return bytes(jpegxl_encode(
        _narrow(array, spec), lossless=True, effort=effort, bitspersample=spec.bits_stored,
        usecontainer=False, numthreads=1))


def _encode_lossy(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    from imagecodecs import jpegxl_encode
    return bytes(jpegxl_encode(
        _narrow(array, spec), lossless=False, distance=float(dial or 0), effort=LOSSY_EFFORT,
        bitspersample=spec.bits_stored, usecontainer=False, numthreads=1))


def from_jpeg(stream: Frame) -> bytes:
    """A JPEG stream packed by 15 to 25 %; `to_jpeg` gives its bytes back. Padding is left off.

    Raises UnsupportedError for JPEG kinds that libjxl does not take (12 bits, lossless).
    """
    from imagecodecs import jpegxl_encode_jpeg
    data = bytes(stream[:jpeg_stream.end_of_image(stream)])
    try:
        return bytes(jpegxl_encode_jpeg(data, numthreads=1))
    except (RuntimeError, ValueError) as error:
        raise UnsupportedError("this kind of JPEG cannot be packed as JPEG XL") from error


def to_jpeg(frame: Frame) -> bytes:
    """The JPEG stream that `from_jpeg` packed. Raises DamagedError."""
    from imagecodecs import jpegxl_decode_jpeg
    try:
        return bytes(jpegxl_decode_jpeg(bytes(frame), numthreads=1))
    except (RuntimeError, ValueError) as error:
        raise DamagedError("the JPEG stream cannot be rebuilt from the frame") from error


def _decode_jpeg(frame: Frame, spec: FrameSpec) -> Array:
    """Through the JPEG stream, so that the samples are those of the JPEG, in its colours."""
    return BASELINE.decode(to_jpeg(frame), spec)


def _jpeg_decoded(spec: FrameSpec) -> FrameSpec:
    return BASELINE.decoded(spec)


def _by_pixel(spec: FrameSpec) -> FrameSpec:
    return replace(spec, planar_configuration=0) if spec.planar_configuration else spec


def _decoded(spec: FrameSpec) -> FrameSpec:
    xyb = spec.photometric_interpretation == "XYB"
    return replace(_by_pixel(spec), photometric_interpretation="RGB") if xyb else _by_pixel(spec)


def _stored_lossy(spec: FrameSpec) -> FrameSpec:
    if spec.samples_per_pixel == 1:
        return spec
    return replace(_by_pixel(spec), photometric_interpretation="XYB")


_RGB = frozenset({"RGB"})
TAKES = (
    Takes(1, (8, 16), range(1, 17), False, GREY),
    Takes(3, (8, 16), range(1, 17), False, _RGB),
)
LOSSY_TAKES = (
    Takes(1, (8, 16), range(4, 17), False, MONOCHROME),
    Takes(3, (8,), range(8, 9), False, _RGB),
)


def _distance(quality: float) -> float:
    """libjxl's own reading of a quality from 1 to 100."""
    if quality >= 100:
        return 0.05
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality * quality - 23 / 20 * quality + 25


_LIBJXL = Decoder("libjxl", _decode)
_OURS = Decoder("mediasvc", _decode_effort_1, _takes_effort_1)

LOSSLESS = Codec(
    uid=JPEG_XL_LOSSLESS, name="JPEG XL lossless", check=_check, first=_LIBJXL, second=_OURS,
    decoded=_by_pixel, lossless=Encoder("libjxl", TAKES, _encode, _by_pixel), clause="PS3.5 8.2.15")

LOSSY = Codec(
    uid=JPEG_XL, name="JPEG XL", check=_check, first=_LIBJXL, second=None, decoded=_decoded,
    lossy=Encoder("libjxl", LOSSY_TAKES, _encode_lossy, _stored_lossy,
                  Control(25, 0.01, 1.0, DEFAULT_RATIO, of_quality=_distance,
                          quality_means="1 to 100, as libjxl counts")),
    clause="PS3.5 8.2.15")

RECOMPRESSION = Codec(
    uid=JPEG_XL_JPEG, name="JPEG XL of a JPEG", check=_check_jpeg,
    first=Decoder("libjxl", _decode_jpeg), second=None, decoded=_jpeg_decoded,
    unwritten="only from JPEG Baseline, whose stream it keeps", clause="PS3.5 8.2.15",
    foreign=BASELINE_TAKES)
