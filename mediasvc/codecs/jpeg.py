"""JPEG Baseline (.50), Extended (.51) and the retired progressive ones, through libjpeg-turbo
(PS3.5 8.2.1, T.81).

Colour is never converted on the way in: what the stream holds is what the array holds, chroma
that was subsampled is interpolated, and `decoded` says YBR_FULL. A stream whose own markers
contradict Photometric Interpretation is refused. On the way out RGB becomes YCbCr with chroma
halved in each row, and the label says so (YBR_FULL_422, STANDARD RL-9).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

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
from mediasvc.codecs.samples import require_fit
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import COLOUR, MONOCHROME
from mediasvc.standard.transfer_syntaxes import (
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_PROGRESSIVE,
    JPEG_SPECTRAL,
)

Check = Callable[[Frame, FrameSpec], None]


def _check_for(sofs: frozenset[int], precisions: tuple[int, ...]) -> Check:
    """The header check of one process: which SOF and how many bits (PS3.5 8.2.1)."""
    def check(frame: Frame, spec: FrameSpec) -> None:
        header = jpeg_stream.read_jpeg_header(frame)
        if header.sof not in sofs:
            raise DamagedError("the frame is another JPEG process than the transfer syntax says")
        jpeg_stream.check_size(header, spec)
        if header.precision not in precisions:
            raise DamagedError(f"a JPEG stream of {header.precision} bits")
        if spec.pixel_representation:
            raise UnsupportedError("signed samples in lossy JPEG")
        jpeg_stream.end_of_image(frame)
        _check_colour(header, spec.photometric_interpretation)
    return check


def _check_colour(header: jpeg_stream.JpegHeader, photometric: str) -> None:
    """Refuse when the stream says RGB and the attributes YBR, or the other way round."""
    if len(header.components) != 3:
        return
    if header.adobe == 0 or header.identifiers == b"RGB":
        said = "RGB"
    elif header.adobe == 1 or header.jfif:
        said = "YBR"
    else:
        return
    if photometric[:3] != said:
        raise UnsupportedError(f"the JPEG stream says {said}, the attributes {photometric}")


def _decode(frame: Frame, spec: FrameSpec) -> Array:
    from imagecodecs import jpeg8_decode
    colour = None
    if spec.samples_per_pixel == 3:  # said twice, so that nothing is converted
        colour = "RGB" if spec.photometric_interpretation == "RGB" else "YCBCR"
    try:
        samples = jpeg8_decode(bytes(frame), colorspace=colour, outcolorspace=colour)
    except (RuntimeError, ValueError) as error:
        raise DamagedError("the JPEG stream cannot be decoded") from error
    return _within(samples, spec)


def _decode_plainly(frame: Frame, spec: FrameSpec) -> Array:
    from mediasvc.codecs.jpeg_reference import decode
    planes = decode(frame)
    samples = planes[0] if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0))
    return _within(samples, spec)


def _within(samples: NDArray[np.unsignedinteger], spec: FrameSpec) -> Array:
    array: Array = samples.astype(dtype_of(spec), copy=False)
    # A DCT overshoots: values above Bits Stored are the codec's, and are cut as a viewer does.
    limit = (1 << spec.bits_stored) - 1
    return np.clip(array, 0, limit).astype(array.dtype) if array.max() > limit else array


def _decoded(spec: FrameSpec) -> FrameSpec:
    if spec.samples_per_pixel == 1:
        return spec
    rgb = spec.photometric_interpretation == "RGB"
    return replace(spec, planar_configuration=0,
                   photometric_interpretation="RGB" if rgb else "YBR_FULL")


def _encode_8(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    from imagecodecs import jpeg8_encode
    if spec.samples_per_pixel == 1:
        return bytes(jpeg8_encode(np.ascontiguousarray(array), int(dial or 0), optimize=True))
    source = "RGB" if spec.photometric_interpretation == "RGB" else "YCBCR"
    return bytes(jpeg8_encode(
        np.ascontiguousarray(array), int(dial or 0), colorspace=source, outcolorspace="YCBCR",
        subsampling="422", optimize=True))


def _encode_12(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    from imagecodecs import jpeg8_encode
    require_fit(array, spec)
    return bytes(jpeg8_encode(np.ascontiguousarray(array), int(dial or 0), bitspersample=12,
                              optimize=True))


def _stored_8(spec: FrameSpec) -> FrameSpec:
    if spec.samples_per_pixel == 1:
        return spec
    return replace(spec, planar_configuration=0, photometric_interpretation="YBR_FULL_422")


def _stored_12(spec: FrameSpec) -> FrameSpec:
    """A stream of 12 bits may overshoot fewer stored bits, so it says 12."""
    return replace(spec, bits_stored=12, high_bit=11)


#: PS3.5 table 8.2.1-1. Palettes never: their indices have no neighbours.
BASELINE_TAKES = (
    Takes(1, (8,), range(8, 9), False, MONOCHROME),
    Takes(3, (8,), range(8, 9), False, COLOUR),
)
EXTENDED_TAKES = (Takes(1, (16,), range(9, 13), False, MONOCHROME),)

_TURBO, _OURS = Decoder("libjpeg-turbo", _decode), Decoder("mediasvc", _decode_plainly)
_QUALITY = Control(1, 100, 90, whole=True, of_quality=lambda quality: min(max(quality, 1), 100),
                   quality_means="1 to 100, as libjpeg counts")


def _old(uid: str, name: str) -> Codec:
    return Codec(uid=uid, name=name, check=_check_for(frozenset({jpeg_stream.SOF_PROGRESSIVE}), (8,
                                                                                                 12)),
                 first=_TURBO, second=None, decoded=_decoded, unwritten="retired by the standard",
                 clause="PS3.5 8.2.1", foreign=BASELINE_TAKES + EXTENDED_TAKES)


BASELINE = Codec(
    uid=JPEG_BASELINE, name="JPEG Baseline",
    check=_check_for(frozenset({jpeg_stream.SOF_BASELINE}), (8,)),
    first=_TURBO, second=_OURS, decoded=_decoded,
    lossy=Encoder("libjpeg-turbo", BASELINE_TAKES, _encode_8, _stored_8, _QUALITY),
    clause="PS3.5 8.2.1")

EXTENDED = Codec(
    uid=JPEG_EXTENDED, name="JPEG Extended",
    check=_check_for(frozenset({jpeg_stream.SOF_BASELINE, jpeg_stream.SOF_EXTENDED}), (8, 12)),
    first=_TURBO, second=_OURS, decoded=_decoded,
    lossy=Encoder("libjpeg-turbo", EXTENDED_TAKES, _encode_12, _stored_12, _QUALITY),
    clause="PS3.5 8.2.1")

SPECTRAL = _old(JPEG_SPECTRAL, "JPEG Spectral Selection")
PROGRESSIVE = _old(JPEG_PROGRESSIVE, "JPEG Full Progression")
