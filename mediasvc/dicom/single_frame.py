"""The one frame of a single-frame file: where its bytes lie, and the file as runs around it."""

from __future__ import annotations

from dataclasses import dataclass

from mediasvc.dicom.classic_header import EXPLICIT
from mediasvc.dicom.encapsulation import offset_tables
from mediasvc.dicom.frames import (
    EXTENDED_OFFSET_TABLE,
    EXTENDED_OFFSET_TABLE_LENGTHS,
    frame_spec,
    native_frame_bytes,
    number_of_frames,
)
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.kept_originals import Run, turned
from mediasvc.dicom.nested import dictionary_vr
from mediasvc.dicom.pixel_place import PIXEL_DATA
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.standard import transfer_syntaxes as ts

#: The largest fragment (PS3.5 A.4; the length is even and not the undefined one).
LONGEST_FRAGMENT = 0xFFFFFFFE
_NATIVE = frozenset((ts.IMPLICIT, ts.EXPLICIT, ts.BIG_ENDIAN, ts.DEFLATED, ts.GE_PRIVATE))


@dataclass(frozen=True, slots=True)
class SingleFrame:
    """``parts``: (position, length) in the framing's body, together the frame. ``turn``: its 16-bit
    words are big endian."""

    parts: tuple[tuple[int, int], ...]
    turn: bool

    @property
    def length(self) -> int:
        return sum(length for _, length in self.parts)

    def data(self, framing: Framing) -> list[bytes | memoryview]:
        """The frame as it stands in a little endian object."""
        views = [framing.body[at:at + length] for at, length in self.parts]
        return [turned(view) for view in views] if self.turn else list(views)

    def runs(self, framing: Framing, total: int) -> list[Run]:
        """The whole file of ``total`` bytes: what is not the frame is kept as it stands."""
        if framing.deflated:
            return [Run.literal(total)]
        runs, at, done = [], 0, 0
        for start, length in self.parts:
            runs += [Run.literal(start - at), Run.frame(done, length, turned=self.turn)]
            at, done = start + length, done + length
        return [run for run in (*runs, Run.literal(total - at)) if run.length]


def single_frame(framing: Framing) -> SingleFrame:
    """Raises UnsupportedError for what cannot be a frame among others, DamagedError."""
    place = framing.pixel
    if place is None:
        raise UnsupportedError("it has no pixel data")
    if place.tag != PIXEL_DATA:
        raise UnsupportedError("it has float pixel data")
    if number_of_frames(framing) != 1:
        raise UnsupportedError("it is a multi-frame object already")
    if place.encapsulated:
        return _encapsulated(framing)
    if framing.transfer_syntax_uid not in _NATIVE:
        raise UnsupportedError("its pixel data are not as its transfer syntax says, or nobody "
                               "knows that")
    spec = frame_spec(framing)
    if spec.bits_allocated not in (8, 16, 32):
        raise UnsupportedError(f"{spec.bits_allocated} bits allocated for a pixel")
    size, actual = native_frame_bytes(spec), place.end - place.value
    if not size or actual < size:  # what some write behind the frame belongs to the file alone
        raise DamagedError(f"the pixel data have {actual} bytes, the image needs {size}")
    return SingleFrame(((place.value, size),), _is_turned(framing, size))


def _encapsulated(framing: Framing) -> SingleFrame:
    row = ts.TRANSFER_SYNTAXES.get(framing.transfer_syntax_uid)
    if row is None or row.form != "encapsulated":
        raise UnsupportedError("frames of its transfer syntax cannot be put behind each other")
    assert framing.pixel is not None
    _, *parts = framing.pixel.fragments(framing.body)
    parts = [part for part in parts if part[1]]
    if not parts:
        raise DamagedError("its pixel data are empty")
    frame = SingleFrame(tuple(parts), turn=False)
    if frame.length > LONGEST_FRAGMENT:
        raise UnsupportedError("its frame is longer than a fragment can be")
    return frame


def _is_turned(framing: Framing, size: int) -> bool:
    vr = framing.vr(PIXEL_DATA) or dictionary_vr(PIXEL_DATA, {}, signed=False)
    turned_alone = framing.transfer_syntax_uid == ts.GE_PRIVATE  # but not the rest of it
    if not (framing.big_endian or turned_alone) or vr == "OB":
        return False
    if size % 2 or frame_spec(framing).bits_allocated > 16:
        raise UnsupportedError("big endian words that no little endian object can hold")
    return True


def native_head(bits_allocated: int, length: int) -> bytes:
    """Pixel Data of native frames up to their first byte (PS3.5 8.1.2, A.2)."""
    vr = "OW" if bits_allocated > 8 else "OB"
    return EXPLICIT.element(PIXEL_DATA, vr, b"")[:-4] + length.to_bytes(4, "little")


def encapsulated_head() -> bytes:
    return EXPLICIT.element(PIXEL_DATA, "OB", b"")[:-4] + b"\xff\xff\xff\xff"


def pixel_head(lengths: list[int], *, native: bool, bits_allocated: int) -> bytes:
    """Pixel Data of frames of these lengths up to the first one, with their offset table: the
    Extended one where 32 bits do not reach (PS3.3 C.7.6.3.1.8)."""
    if native:
        return native_head(bits_allocated, sum(lengths) + sum(lengths) % 2)
    basic, extended = offset_tables(lengths)
    tables = b""
    if extended is not None:
        tables = b"".join(EXPLICIT.element(tag, "OV", value) for tag, value in zip(
            (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS), extended, strict=True))
    return tables + encapsulated_head() + basic
