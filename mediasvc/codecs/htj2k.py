"""High-Throughput JPEG 2000 (.201, .202, .203): OpenJPH writes, OpenJPEG and OpenJPH read
(PS3.5 8.2.14, ISO/IEC 15444-15).

All three are written in RPCL order with tile-part lengths and a lowest resolution of at most 64
samples, which is what .202 asks for and the others allow (PS3.5 A.4.4).

OpenJPH is twice as fast a reader and still the second one: damaged streams end its process or keep
it for seconds, and it takes many for good that OpenJPEG refuses (docs/codecs.md).
"""

from __future__ import annotations

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
)
from mediasvc.codecs.jpeg2000 import (
    DEFAULT_RATIO,
    adapt,
    check,
    decoded,
    narrow,
    openjpeg_decode,
    stored,
)
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import COLOUR, GREY, MONOCHROME
from mediasvc.standard.transfer_syntaxes import HTJ2K, HTJ2K_LOSSLESS, HTJ2K_RPCL

#: The lowest resolution of .202 (PS3.5 10.18).
BASE = 64
LEVELS = 5


def _check(frame: Frame, spec: FrameSpec) -> None:
    check(frame, spec)
    if not j2k_stream.read_j2k_header(frame).high_throughput:
        raise DamagedError("the frame is not an HTJ2K stream")


def _check_rpcl(frame: Frame, spec: FrameSpec) -> None:
    _check(frame, spec)
    header = j2k_stream.read_j2k_header(frame)
    if header.progression != j2k_stream.RPCL or not header.tile_lengths or header.base > BASE:
        raise DamagedError("the frame is not in the order that the transfer syntax asks for")


def _openjph_decode(frame: Frame, spec: FrameSpec) -> Array:
    from imagecodecs import htj2k_decode
    try:
        samples = htj2k_decode(bytes(frame), planar=False)
    except (RuntimeError, ValueError) as error:
        raise DamagedError("the HTJ2K stream cannot be decoded") from error
    return adapt(samples, frame, spec)


def _encode(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    """Reversible. OpenJPH takes the depth of the cells for the depth of the samples. Given signed
    cells it shifts nothing, so we take the DC level off ourselves (15444-1 annex G) and write the
    true depth and sign into Ssiz afterwards; the samples come back the same."""
    cells = narrow(array, spec)
    if not spec.pixel_representation:
        half = 1 << (spec.bits_stored - 1)
        cells = (cells.astype(np.int32) - half).astype(f"i{cells.dtype.itemsize}")
    return _with_depth(_openjph_encode(cells, spec, None), spec)


def _encode_lossy(array: Array, spec: FrameSpec, dial: float | None) -> bytes:
    """``dial`` is the quantization step, which is relative to the depth in the stream: that stays
    the depth of the cells, and readers find values of fewer bits in it."""
    return bytes(_openjph_encode(narrow(array, spec), spec, dial))


def _openjph_encode(cells: Array, spec: FrameSpec, dial: float | None) -> bytearray:
    from imagecodecs import htj2k_encode
    levels = LEVELS
    while max(spec.rows, spec.columns) > BASE << levels:
        levels += 1
    colour = spec.samples_per_pixel == 3
    return bytearray(htj2k_encode(
        np.ascontiguousarray(cells), dial, reversible=dial is None, resolutions=levels, tlm=True,
        rgb=spec.photometric_interpretation == "RGB" if colour else None,
        planar=False if colour else None))


def _with_depth(stream: bytearray, spec: FrameSpec) -> bytes:
    header = j2k_stream.read_j2k_header(stream)
    depth = spec.bits_stored - 1 | (0x80 if spec.pixel_representation else 0)
    for component in range(len(header.precisions)):
        stream[header.ssiz + 3 * component] = depth
    return bytes(stream)


TAKES = (
    Takes(1, (8, 16), range(1, 17), True, GREY),
    Takes(3, (8, 16), range(1, 17), False, COLOUR),
)
LOSSY_TAKES = (
    Takes(1, (8, 16), range(4, 17), True, MONOCHROME),
    Takes(3, (8,), range(4, 9), False, COLOUR),
)

_OPENJPEG, _OPENJPH = Decoder("OpenJPEG", openjpeg_decode), Decoder("OpenJPH", _openjph_decode)
_LOSSLESS = Encoder("OpenJPH", TAKES, _encode, lambda spec: stored(True, spec))

LOSSLESS = Codec(
    uid=HTJ2K_LOSSLESS, name="HTJ2K lossless", check=_check, first=_OPENJPEG, second=_OPENJPH,
    decoded=decoded, lossless=_LOSSLESS, clause="PS3.5 8.2.14")

RPCL = Codec(
    uid=HTJ2K_RPCL, name="HTJ2K lossless RPCL", check=_check_rpcl, first=_OPENJPEG, second=_OPENJPH,
    decoded=decoded, lossless=_LOSSLESS, clause="PS3.5 8.2.14")

LOSSY = Codec(
    uid=HTJ2K, name="HTJ2K", check=_check, first=_OPENJPEG, second=_OPENJPH, decoded=decoded,
    lossy=Encoder("OpenJPH", LOSSY_TAKES, _encode_lossy, lambda spec: stored(False, spec),
                  Control(0.5, 1e-6, 1e-4, DEFAULT_RATIO)),
    clause="PS3.5 8.2.14")
