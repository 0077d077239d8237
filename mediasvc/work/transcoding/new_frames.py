"""One frame into another codec, and whether what came out is what went in (FAULTS X01, X02)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mediasvc.codecs.codec import Array, Codec, Decoder, Encoder
from mediasvc.codecs.colour import ybr_full_to_rgb
from mediasvc.codecs.quality import Distance, distance
from mediasvc.codecs.search import Trial
from mediasvc.errors import ProofError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.standard.lossy_policy import Cap
from mediasvc.work.planning.lossy_caps import encode_within
from mediasvc.work.transcoding.source_frames import ROUNDING
from mediasvc.work.transcoding.transcode_row import Options

#: The code base of what is our own.
OURS = "mediasvc"
#: A lossy frame whose error is beyond both is no copy, whatever ratio was asked for (FAULTS X02):
#: parts of the range of values, and of their standard deviation.
ALARM_OF_RANGE, ALARM_OF_SPREAD = 1 / 50, 1 / 2


@dataclass(frozen=True, slots=True)
class NewFrame:
    """``decoded``: what the new bytes stand for, as the code bases ``seen_by`` see too.
    ``foreign``: one of them is another than the encoder's. ``distance`` is None for lossless
    codecs."""

    data: bytes = field(repr=False)
    decoded: Array = field(repr=False)
    native_bytes: int
    seen_by: tuple[str, ...] = ()
    foreign: bool = False
    distance: Distance | None = None


@dataclass(frozen=True)
class FrameMaker:
    """Encodes frames of ``spec`` by ``codec`` and has each one looked at."""

    codec: Codec
    encoder: Encoder
    spec: FrameSpec
    stored: FrameSpec
    options: Options
    cap: Cap | None = None

    def make(self, array: Array, judged: bool) -> NewFrame:
        """``judged``: by all who can. Raises UnsupportedError for what the encoder does not take,
        ProofError when what comes back is not what went in, or not within the bound."""
        if self.encoder.control is not None:
            return self._lossy(array, judged)
        data = self.encoder.encode(array, self.spec, None)
        readers = self._judges if judged else self._readers
        seen = [one for one in readers if self._sees(one, data, array, exact=True)]
        if readers and not seen and self._sees(self.codec.first, data, array, exact=True):
            seen = [self.codec.first]  # the foreign one does not know these pixels
        return self._new(data, array, array.nbytes, seen)

    def _new(self, data: bytes, decoded: Array, native_bytes: int, seen: list[Decoder],
             distance: Distance | None = None) -> NewFrame:
        return NewFrame(data, decoded, native_bytes, tuple(one.code_base for one in seen),
                        any(map(self._is_foreign, seen)), distance)

    @property
    def _decoders(self) -> list[Decoder]:
        return [decoder for decoder in (self.codec.first, self.codec.second) if decoder]

    def _is_foreign(self, decoder: Decoder) -> bool:
        return decoder.code_base != self.encoder.code_base

    @cached_property
    def alone(self) -> bool:
        """Whether one code base only reads what is written of such pixels."""
        return self.codec.alone(self.spec)

    @cached_property
    def _readers(self) -> list[Decoder]:
        """Who decodes a frame here; a lone code base does it in another process afterwards. Of
        `full` the proof is a foreign decoder, of `normal` ours, or the first one."""
        if self.options.verify == "none" or self.alone:
            return []
        if self.options.verify == "full":
            return [next(filter(self._is_foreign, self._decoders))]
        return [self._usual]

    @cached_property
    def _judges(self) -> list[Decoder]:
        """The same of a frame that is judged."""
        usual = self._usual
        theirs = self._is_foreign(usual) and usual.code_base != OURS
        full = self.options.verify == "full"
        return self._decoders if self._readers and (full or not theirs) else self._readers

    @property
    def _usual(self) -> Decoder:
        """Ours, but for lossy codecs: there it is a plain one, and the first one measures."""
        ours = [one for one in self._decoders if one.code_base == OURS]
        return ours[0] if ours and self.codec.lossless else self.codec.first

    def _sees(self, decoder: Decoder, data: bytes, array: Array, *, exact: bool) -> bool:
        """Raise ProofError when the decoder sees another image; False when it has no opinion,
        because it knows fewer kinds of pixels."""
        try:
            back = self._decoded(decoder, data)
        except UnsupportedError:
            if decoder is self.codec.first:
                raise
            return False
        same = same_samples(back, array) if exact else _furthest(back, array) <= ROUNDING
        if not same:
            raise ProofError(
                f"{decoder.code_base} does not read what {self.encoder.code_base} wrote")
        return True

    def _decoded(self, decoder: Decoder, data: bytes) -> Array:
        which = "first" if decoder is self.codec.first else "second"
        return self.codec.decode(data, self.stored, which)  # type: ignore[arg-type]

    def _lossy(self, array: Array, judged: bool) -> NewFrame:
        """The bound holds for what was decoded from the very bytes that are written."""
        data = self._searched(array)
        decoded = self._decoded(self.codec.first, data)
        apart = self._distance(decoded, array)
        readers = self._judges if judged else self._readers
        others = [one for one in readers if one is not self.codec.first]
        seen = [one for one in others if self._sees(one, data, decoded, exact=False)]
        return self._new(data, decoded, array.nbytes, [self.codec.first, *seen], apart)

    def _searched(self, array: Array) -> bytes:
        assert self.encoder.control is not None
        goal, near = self.options.goal, self.codec.uid == ts.JPEG_LS_NEAR
        furthest = max(1, ((1 << self.spec.bits_stored) - 1) // 2) if near else math.inf

        def attempt(dial: float) -> Trial:
            data = self.encoder.encode(array, self.spec, min(dial, furthest))
            return Trial(data, self.spec.native_bytes / len(data), lambda: _furthest(
                self._in_source_colours(self._decoded(self.codec.first, data)), array))

        if near and self.cap is None and goal.max_error is not None:
            # The dial is the bound itself (NEAR of T.87); a wider one than there is means this.
            return attempt(min(goal.max_error, self.encoder.control.worst)).data
        return encode_within(goal, self.cap, self.encoder.control, attempt)

    def _distance(self, decoded: Array, array: Array) -> Distance:
        peak = (1 << self.spec.bits_stored) - 1
        apart = distance(array, self._in_source_colours(decoded), peak)
        rms = (apart.squares / apart.samples) ** 0.5
        if rms > ALARM_OF_RANGE * peak and rms > ALARM_OF_SPREAD * float(array.std()):
            raise ProofError(f"what {self.codec.name} made is not the image that it was made from")
        bounds = (self.options.goal.max_error, self.cap.max_error if self.cap else None)
        for bound in bounds:
            if bound is not None and apart.max_error > bound:
                raise ProofError(f"a sample is off by {apart.max_error}, {bound} was allowed")
        return apart

    def _in_source_colours(self, decoded: Array) -> Array:
        """Lossy colour comes back as the stream holds it; errors count in the source's colours."""
        there = self.codec.decoded(self.stored).photometric_interpretation
        if (there, self.spec.photometric_interpretation) == ("YBR_FULL", "RGB"):
            return ybr_full_to_rgb(decoded)
        return decoded


def same_samples(one: Array, two: Array) -> bool:
    """Whether they are the same image in the same type; in words of 8 bytes where that goes."""
    if one.shape != two.shape or one.dtype != two.dtype:
        return False
    if one.flags.c_contiguous and two.flags.c_contiguous and not one.nbytes % 8:
        return bool((one.reshape(-1).view(np.uint64) == two.reshape(-1).view(np.uint64)).all())
    return np.array_equal(one, two)


def _furthest(one: Array, two: Array) -> int:
    return int(np.abs(one.astype(np.int64) - two.astype(np.int64)).max())
