"""What a codec is: bytes of one frame in, samples out, and back. No DICOM object, no file, no job.

- A *decoder* takes one frame's bytes and the `FrameSpec` of its attributes and gives the array that
  `Codec.decoded` describes: ``(rows, columns)`` or ``(rows, columns, 3)``, native byte order, dtype
  by Bits Allocated and Pixel Representation. It raises DamagedError for bytes it cannot decode.
- `Codec.check` reads the stream's own header and compares it with the attributes, before anything
  is allocated for the pixels (FAULTS X05).
- An *encoder* takes such an array and gives the frame's bytes; `Encoder.stored` says which
  attributes those bytes have (STANDARD RL-9). What it does not take is refused with the reason.
- Nothing here converts colour unless the syntax itself prescribes it, and then `stored` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard.photometric import GREY, MONOCHROME

Array = NDArray[np.generic]
Frame = bytes | bytearray | memoryview

#: Bytes of one decoded frame that we are ready to hold.
FRAME_LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class Takes:
    """A positive list: one kind of pixels that is tested."""

    samples: int
    allocated: tuple[int, ...]
    stored: range
    signed: bool
    photometric: frozenset[str]

    def refusal(self, spec: FrameSpec) -> str:
        """Why it does not take ``spec``; empty when it does."""
        if spec.bits_allocated not in self.allocated:
            return f"{spec.bits_allocated} bits allocated"
        if spec.bits_stored not in self.stored:
            return f"{spec.bits_stored} bits stored"
        if spec.pixel_representation and not self.signed:
            return "signed samples"
        if spec.photometric_interpretation not in self.photometric:
            return f"{spec.photometric_interpretation or 'no'} photometric interpretation"
        return ""


#: Segmentations and old scans. No encoder of ours takes them.
ONE_BIT = (Takes(1, (1,), range(1, 2), False, MONOCHROME),)


@dataclass(frozen=True, slots=True)
class Decoder:
    """``code_base`` names who wrote it: two decoders of one code base are one opinion. ``knows``:
    which pixels, where these are not all; it may still raise UnsupportedError for a stream."""

    code_base: str
    decode: Callable[[Frame, FrameSpec], Array]
    knows: Callable[[FrameSpec], bool] | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """The one dial of a lossy encoder. ``worst`` gives the smallest bytes, ``best`` the finest
    pixels; ``whole`` when it turns in steps of 1. Without a wish it stands at ``default``, or where
    the ratio is ``default_ratio``, for dials whose meaning depends on the range of the values.
    ``of_quality`` turns ``--quality`` into it, None where that word has no meaning; ``of_ratio``
    where the encoder itself can aim at a ratio."""

    worst: float
    best: float
    default: float
    default_ratio: float = 0
    whole: bool = False
    of_quality: Callable[[float], float] | None = None
    of_ratio: Callable[[float], float] | None = None
    quality_means: str = ""


@dataclass(frozen=True, slots=True)
class Encoder:
    """``encode(array, spec, dial)``: ``dial`` is None for lossless ones."""

    code_base: str
    takes: tuple[Takes, ...]
    encode: Callable[[Array, FrameSpec, float | None], bytes]
    stored: Callable[[FrameSpec], FrameSpec]
    control: Control | None = None

    def refusal(self, spec: FrameSpec) -> str:
        """Why these pixels are not encoded, in words; empty when they are."""
        general = general_refusal(spec)
        if general:
            return general
        of_samples = [row for row in self.takes if row.samples == spec.samples_per_pixel]
        if not of_samples:
            return f"{spec.samples_per_pixel} samples per pixel"
        as_wide = [row for row in of_samples if spec.bits_allocated in row.allocated]
        reasons = [row.refusal(spec) for row in as_wide or of_samples]
        return "" if "" in reasons else reasons[0]


@dataclass(frozen=True, slots=True, eq=False)
class Codec:
    """One transfer syntax. ``lossless`` or ``lossy`` is None where we do not write it; then
    ``unwritten`` says why. ``second`` is None where no other code base is at hand."""

    uid: str
    name: str
    check: Callable[[Frame, FrameSpec], None]
    first: Decoder
    second: Decoder | None
    decoded: Callable[[FrameSpec], FrameSpec]
    lossless: Encoder | None = None
    lossy: Encoder | None = None
    unwritten: str = ""
    clause: str = ""
    #: What is tested where we do not write the syntax ourselves.
    foreign: tuple[Takes, ...] = ()
    #: How pixels of one bit stand in a frame, where they are decoded: see `one_bit`.
    one_bit: Literal["", "bytes", "samples"] = ""

    @property
    def reads(self) -> tuple[Takes, ...]:
        """The kinds of pixels that are tested to be decoded."""
        encoder = self.lossless or self.lossy
        return (*(encoder.takes if encoder else self.foreign), *(ONE_BIT if self.one_bit else ()))

    def alone(self, spec: FrameSpec | None = None) -> bool:
        """Whether no other code base reads what the encoder writes of such pixels; without
        ``spec``, of some."""
        encoder = self.lossless or self.lossy
        others = [decoder for decoder in (self.first, self.second) if decoder and (
            decoder.code_base != encoder.code_base if encoder else decoder is self.second)]
        return not any(other.knows is None or (spec is not None and other.knows(spec))
                       for other in others)

    def decode(self, frame: Frame, spec: FrameSpec, which: Literal["first", "second"] = "first",
               ) -> Array:
        """The samples of one frame, shape and dtype as ``decoded(spec)`` says.

        Raises UnsupportedError for pixels outside the tested list, BudgetError for a frame beyond
        `FRAME_LIMIT`, DamagedError when the stream contradicts the attributes or does not decode.
        """
        decoder = self.first if which == "first" else self.second
        if decoder is None:
            raise UnsupportedError(f"there is no second decoder for {self.name}")
        if spec.bits_allocated == 1:
            return self._decode_bits(decoder, frame, spec)
        refuse(general_refusal(spec))
        return self._decode(decoder, frame, spec)

    def _decode_bits(self, decoder: Decoder, frame: Frame, spec: FrameSpec) -> Array:
        from mediasvc.codecs.one_bit import as_bytes, as_samples, unpack

        refuse("" if self.one_bit and not ONE_BIT[0].refusal(spec) else "one bit per pixel")
        refuse(general_refusal(as_samples(spec)))
        if self.one_bit == "samples":
            return self._decode(decoder, frame, as_samples(spec))
        return unpack(self._decode(decoder, frame, as_bytes(spec)), spec)

    def _decode(self, decoder: Decoder, frame: Frame, spec: FrameSpec) -> Array:
        self.check(frame, spec)
        array = decoder.decode(frame, spec)
        out = self.decoded(spec)
        if array.shape != shape_of(out) or array.dtype != dtype_of(out):
            raise DamagedError(
                f"{decoder.code_base} gave another image than the attributes describe")
        return array


def refuse(reason: str) -> None:
    """Raise UnsupportedError with the reason, when there is one."""
    if reason:
        raise UnsupportedError(reason)


def dtype_of(spec: FrameSpec) -> np.dtype[np.generic]:
    """The dtype of an array of these samples (see `FrameSpec`); a pixel of one bit has a byte."""
    return _dtype("i" if spec.pixel_representation else "u", spec.bits_allocated)


@lru_cache(maxsize=64)
def _dtype(kind: str, bits: int) -> np.dtype[np.generic]:
    return np.dtype(f"{kind}{max(1, bits // 8)}")


def shape_of(spec: FrameSpec) -> tuple[int, ...]:
    if spec.samples_per_pixel == 1:
        return spec.rows, spec.columns
    return spec.rows, spec.columns, spec.samples_per_pixel


@lru_cache(maxsize=64)
def general_refusal(spec: FrameSpec) -> str:
    """What no codec of ours touches (FAULTS X06, X09). Raises BudgetError for too large a frame."""
    if not (0 < spec.rows <= 65535 and 0 < spec.columns <= 65535):
        return f"an image of {spec.rows} rows and {spec.columns} columns"
    if spec.samples_per_pixel not in (1, 3):
        return f"{spec.samples_per_pixel} samples per pixel"
    if spec.bits_allocated not in (8, 16, 32):
        one = spec.bits_allocated == 1
        return "one bit per pixel" if one else f"{spec.bits_allocated} bits allocated"
    if not 0 < spec.bits_stored <= spec.bits_allocated:
        return f"{spec.bits_stored} bits stored in {spec.bits_allocated}"
    if spec.high_bit != spec.bits_stored - 1:
        return f"High Bit {spec.high_bit} with {spec.bits_stored} bits stored"
    if spec.pixel_representation not in (0, 1):
        return f"Pixel Representation {spec.pixel_representation}"
    if (spec.samples_per_pixel == 1) != (spec.photometric_interpretation in GREY):
        return (f"{spec.photometric_interpretation or 'no photometric interpretation'} with "
                f"{spec.samples_per_pixel} samples per pixel")
    if spec.native_bytes > FRAME_LIMIT:
        raise BudgetError(f"one frame would need {spec.native_bytes} bytes")
    return ""
