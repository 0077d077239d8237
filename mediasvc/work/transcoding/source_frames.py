"""The decoded frames of a received instance, one at a time, with as many opinions as asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mediasvc.codecs.codec import (
    Array,
    Codec,
    general_refusal,
    refuse,
)
from mediasvc.codecs.colour import expand_422
from mediasvc.codecs.samples import native_to_array
from mediasvc.codecs.table import codec, missing
from mediasvc.dicom.frames import Frames, frame_spec, frames
from mediasvc.dicom.framing import Framing
from mediasvc.errors import ProofError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard import transfer_syntaxes as ts

#: Two decoders of an irreversible stream may round differently.
ROUNDING = 1
_ITEM_OF_PIXELS = b"\xe0\x7f\x10\x00"


@dataclass(frozen=True)
class SourceFrames:
    """``received``: the attributes as they stand. ``spec``: those of the decoded arrays."""

    framing: Framing
    codec: Codec | None
    received: FrameSpec
    spec: FrameSpec
    frames: Frames

    def __len__(self) -> int:
        return len(self.frames)

    def decode(self, number: int) -> Array:
        """One frame. Raises DamagedError, UnsupportedError, BudgetError as the codec does."""
        frame = self._swapped(number) if self._in_words else self.frames[number]
        if self.codec is not None:
            return self.codec.decode(frame, self.received)
        if self.received.photometric_interpretation == "YBR_FULL_422":
            return expand_422(frame, self.received.rows, self.received.columns)
        return native_to_array(frame, self.received, self._big_endian)

    def agree(self, number: int, array: Array) -> bool:
        """Let the second decoder look at the frame; False where there is none for it. Raises
        ProofError when it sees another image (FAULTS X01): then nobody knows which is right, and
        the original stays."""
        if self.codec is None or self.codec.second is None:
            return False
        try:
            other = self.codec.decode(self.frames[number], self.received, "second")
        except UnsupportedError:
            return False
        if np.array_equal(array, other):
            return True
        apart = int(np.abs(array.astype(np.int64) - other.astype(np.int64)).max())
        if self.lossless or apart > ROUNDING:
            raise ProofError(
                f"{self.codec.first.code_base} and {self.codec.second.code_base} decode "
                f"frame {number + 1} to different images")
        return True

    @property
    def lossless(self) -> bool:
        """Whether the transfer syntax never changes pixels."""
        row = ts.TRANSFER_SYNTAXES[self.framing.transfer_syntax_uid]
        return row.loss == "never" or row.uid == ts.JPEG_LS_NEAR

    @property
    def _big_endian(self) -> bool:
        return self.framing.big_endian or self.framing.transfer_syntax_uid == ts.GE_PRIVATE

    @cached_property
    def _in_words(self) -> bool:
        """Whether 8-bit samples stand in pairs the wrong way round: big endian OW (PS3.5 7.3)."""
        place = self.framing.pixel
        return bool(place and self.framing.big_endian and self.received.bits_allocated == 8
                    and bytes(self.framing.body[place.start + 4:place.start + 6]) == b"OW")

    def _swapped(self, number: int) -> bytes:
        """A frame of those; it need not begin or end with a whole word."""
        place = self.framing.pixel
        assert place is not None
        (at, length), = self.frames.places[number]
        first = at - (at - place.value) % 2
        last = min(first + (at + length - first + 1) // 2 * 2, place.end)
        words = np.frombuffer(self.framing.body[first:last], ">u2").astype("<u2").tobytes()
        return words[at - first:at - first + length]


def source_frames(framing: Framing) -> SourceFrames:
    """Raises UnsupportedError with the reason for everything outside the tested list."""
    reason = missing(framing.transfer_syntax_uid)
    if reason:
        raise UnsupportedError(f"{ts.name_of(framing.transfer_syntax_uid)}: {reason}")
    received = frame_spec(framing)
    found = frames(framing, received)
    if framing.pixel and framing.pixel.encapsulated:
        _refuse_icons(framing)
        one = codec(framing.transfer_syntax_uid)
        return SourceFrames(framing, one, received, one.decoded(received), found)
    spec = received if received.samples_per_pixel == 1 else replace(received,
                                                                    planar_configuration=0)
    if received.photometric_interpretation == "YBR_FULL_422":
        spec = replace(spec, photometric_interpretation="YBR_FULL")
        if received.bits_allocated != 8 or received.columns % 2 or received.planar_configuration:
            raise UnsupportedError(
                "native YBR_FULL_422 of odd width, by plane or of more than 8 bits")
    refuse(general_refusal(spec))
    return SourceFrames(framing, None, received, spec, found)


def _refuse_icons(framing: Framing) -> None:
    """Compressed pixel data in a sequence (an icon) would stay in the old syntax (A.4)."""
    rows = framing.elements
    rows = rows[(rows["tag"] < 0x7FE00000) & ((rows["vr"] == b"SQ") | (rows["vr"] == b"UN"))]
    for start, length in zip(rows["value"].tolist(), rows["length"].tolist(), strict=True):
        value = bytes(framing.body[start:start + length])
        at = value.find(_ITEM_OF_PIXELS)
        while at >= 0:
            if value[at + 4:at + 6] in (b"OB", b"OW") and value[at + 8:at + 12] == b"\xff" * 4:
                raise UnsupportedError("an icon image inside it is compressed too")
            at = value.find(_ITEM_OF_PIXELS, at + 4)


def pixel_bytes(array: Array) -> memoryview:
    """The samples by pixel, little endian: what digests of pixels are made of."""
    cells = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(cells).view(np.uint8).reshape(-1).data
