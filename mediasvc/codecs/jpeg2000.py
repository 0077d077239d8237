"""JPEG 2000 (.90, .91) through OpenJPEG (PS3.5 8.2.4, ISO/IEC 15444-1).

RGB is written with the multiple component transform, and the label says so (YBR_RCT, YBR_ICT);
decoders undo it, so that what is decoded is RGB. YBR_FULL is written as it is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mediasvc.codecs import j2k_stream
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
from mediasvc.codecs.samples import UNSIGNED, fits, from_codes, require_fit
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import COLOUR, GREY, MONOCHROME, TRANSFORMED
from mediasvc.standard.transfer_syntaxes import J2K, J2K_LOSSLESS

#: The encoder of `_encode_lossy` always makes 5 levels and fails below this.
SMALLEST = 32
MOST_RESOLUTIONS = 6


def check(frame: Frame, spec: FrameSpec) -> None:
    """Size, depth and colour transform of the stream against the attributes."""
    header = j2k_stream.read_j2k_header(frame)
    j2k_stream.check_size(header, spec)
    transformed = spec.photometric_interpretation in TRANSFORMED
    if spec.samples_per_pixel == 3 and transformed and not header.transformed:
        raise UnsupportedError(
            f"{spec.photometric_interpretation}, but the stream has no component transform")
    if spec.photometric_interpretation == "YBR_FULL" and header.transformed:
        raise UnsupportedError("YBR_FULL, but the stream has a component transform")


def adapt(samples: Array, frame: Frame, spec: FrameSpec) -> Array:
    """What a decoder gave → the dtype of the attributes.

    Where stream and attributes differ in sign, the bits are right and the sign is the attributes'
    (old encoders wrote signed samples as unsigned bit patterns, and the other way round).
    """
    header = j2k_stream.read_j2k_header(frame)
    precision, signed = header.precisions[0], header.signed[0]
    if signed == bool(spec.pixel_representation):
        array = samples.astype(dtype_of(spec), copy=False)
        if not fits(array, spec) and header.reversible:
            raise DamagedError(f"the stream has values of more than {spec.bits_stored} bits")
        return _clipped(array, spec)
    codes = samples.view(UNSIGNED[samples.dtype.itemsize])
    mask = codes.dtype.type((1 << precision) - 1)
    return from_codes(codes & mask, spec, precision)


def _clipped(array: Array, spec: FrameSpec) -> Array:
    """The irreversible transform overshoots; values beyond Bits Stored are cut as viewers do."""
    if fits(array, spec):
        return array
    bits = spec.bits_stored
    low = -(1 << (bits - 1)) if spec.pixel_representation else 0
    return np.clip(array, low, low + (1 << bits) - 1).astype(array.dtype)


def openjpeg_decode(frame: Frame, spec: FrameSpec) -> Array:
    from openjpeg.utils import decode
    try:
        samples = decode(bytes(frame))
    except (RuntimeError, ValueError, TypeError) as error:
        raise DamagedError("the JPEG 2000 stream cannot be decoded") from error
    return adapt(samples, frame, spec)


def decoded(spec: FrameSpec) -> FrameSpec:
    if spec.samples_per_pixel == 1:
        return spec
    rgb = spec.photometric_interpretation in TRANSFORMED
    return replace(spec, planar_configuration=0, photometric_interpretation=(
        "RGB" if rgb else spec.photometric_interpretation))


def narrow(array: Array, spec: FrameSpec) -> Array:
    """Contiguous cells of the smallest size that holds Bits Stored; refuses ones with more bits."""
    require_fit(array, spec)
    size = 1 if spec.bits_stored <= 8 else 2 if spec.bits_stored <= 16 else 4
    return np.ascontiguousarray(array.astype(f"{array.dtype.kind}{size}", copy=False))


def _encode(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    from imagecodecs import jpeg2k_encode
    try:
        return bytes(jpeg2k_encode(
            narrow(array, spec), codecformat="J2K", bitspersample=spec.bits_stored, reversible=True,
            resolutions=min(MOST_RESOLUTIONS, min(spec.rows, spec.columns).bit_length()),
            mct=spec.photometric_interpretation == "RGB", numthreads=1))
    except RuntimeError as error:  # noise in one bit outgrows its buffer
        raise UnsupportedError("OpenJPEG cannot encode this frame") from error


def _encode_lossy(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    """``dial`` is a PSNR in dB, or below 0 a ratio of native to encoded bytes."""
    from openjpeg.utils import encode_buffer
    if min(spec.rows, spec.columns) < SMALLEST:
        raise UnsupportedError(f"lossy JPEG 2000 of less than {SMALLEST} rows or columns")
    cells = narrow(array, spec)
    rgb = spec.photometric_interpretation == "RGB"
    wish = float(dial or 0)
    # OpenJPEG counts a ratio from Bits Stored, DICOM from Bits Allocated.
    rate = max(1.0, -wish * spec.bits_stored / spec.bits_allocated)
    return bytes(encode_buffer(
        cells.astype(cells.dtype.newbyteorder("<"), copy=False).tobytes(), spec.columns, spec.rows,
        spec.samples_per_pixel, spec.bits_stored, bool(spec.pixel_representation),
        photometric_interpretation=1 if rgb else 0, use_mct=rgb,
        signal_noise_ratios=[wish] if wish > 0 else None,
        compression_ratios=None if wish > 0 else [rate]))


def stored(reversible: bool, spec: FrameSpec) -> FrameSpec:
    if spec.samples_per_pixel == 1:
        return spec
    label = spec.photometric_interpretation
    if label == "RGB":
        label = "YBR_RCT" if reversible else "YBR_ICT"
    return replace(spec, planar_configuration=0, photometric_interpretation=label)


#: PS3.5 table 8.2.4-1; OpenJPEG is exact up to 24 bits, and fails at many images of 1 bit.
TAKES = (
    Takes(1, (8, 16, 32), range(2, 25), True, GREY),
    Takes(3, (8, 16), range(2, 17), False, COLOUR),
)
LOSSY_TAKES = (
    Takes(1, (8, 16), range(4, 17), True, MONOCHROME),
    Takes(3, (8,), range(4, 9), False, COLOUR),
)

#: Without a wish 8 : 1, below what guidelines allow for every modality.
DEFAULT_RATIO = 8

_DIAL = Control(20, 120, 60, DEFAULT_RATIO, of_quality=lambda quality: quality,
                of_ratio=lambda ratio: -ratio, quality_means="PSNR in dB")
_OPENJPEG = Decoder("OpenJPEG", openjpeg_decode)

LOSSLESS = Codec(
    uid=J2K_LOSSLESS, name="JPEG 2000 lossless", check=check, first=_OPENJPEG, second=None,
    decoded=decoded,
    lossless=Encoder("OpenJPEG", TAKES, _encode, lambda spec: stored(True, spec)),
    clause="PS3.5 8.2.4", one_bit="samples")

LOSSY = Codec(
    uid=J2K, name="JPEG 2000", check=check, first=_OPENJPEG, second=None, decoded=decoded,
    lossy=Encoder("OpenJPEG", LOSSY_TAKES, _encode_lossy, lambda spec: stored(False, spec), _DIAL),
    clause="PS3.5 8.2.4")
