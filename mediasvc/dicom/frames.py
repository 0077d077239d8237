"""The frames of an instance: their attributes, and each one's bytes without copying the rest."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import overload

from mediasvc.dicom.encapsulation import Place, group_fragments
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.pixel_place import PIXEL_DATA
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import Finding, FrameSpec
from mediasvc.standard import transfer_syntaxes as ts

EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE00001, 0x7FE00002
NUMBER_OF_FRAMES, PHOTOMETRIC_INTERPRETATION = 0x00280008, 0x00280004
#: Attribute of `FrameSpec` → tag of its number.
_NUMBERS = {"rows": 0x00280010, "columns": 0x00280011, "samples_per_pixel": 0x00280002,
            "bits_allocated": 0x00280100, "bits_stored": 0x00280101, "high_bit": 0x00280102,
            "pixel_representation": 0x00280103, "planar_configuration": 0x00280006}
#: No Photometric Interpretation has more bytes: a CS has 16 (PS3.5 6.2).
_LONGEST_TERM = 64
#: More frames than any real object has; a table of offsets for them is still small.
MOST_FRAMES = 1 << 22

#: How a frame begins where its syntax lets us see it (SOI of T.81, SOC and SIZ of 15444-1).
_MARKS = {
    **dict.fromkeys((ts.JPEG_BASELINE, ts.JPEG_EXTENDED, ts.JPEG_SPECTRAL, ts.JPEG_PROGRESSIVE,
                     ts.JPEG_LOSSLESS, ts.JPEG_LOSSLESS_SV1, ts.JPEG_LS, ts.JPEG_LS_NEAR),
                    b"\xff\xd8\xff"),
    **dict.fromkeys((ts.J2K_LOSSLESS, ts.J2K, ts.HTJ2K_LOSSLESS, ts.HTJ2K_RPCL, ts.HTJ2K),
                    b"\xff\x4f\xff\x51"),
}


def number(framing: Framing, tag: int, default: int = 0) -> int:
    """A US value, first of several. Raises DamagedError when it is no 16-bit number."""
    return _number(tag, framing.value(tag, 2), framing.big_endian, default)


def _number(tag: int, raw: bytes | None, big_endian: bool, default: int = 0) -> int:
    if not raw:
        return default
    if len(raw) < 2:
        raise DamagedError(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) is no number")
    value: int = struct.unpack_from(">H" if big_endian else "<H", raw)[0]
    return value


def words(framing: Framing, tag: int) -> str:
    """A CS or IS value without padding."""
    return _words(framing.value(tag))


def all_words(framing: Framing, tags: tuple[int, ...]) -> tuple[str, ...]:
    """`words` of several tags of the data set."""
    return tuple(map(_words, framing.values(tags)))


def _words(raw: bytes | None) -> str:
    return (raw or b"").decode("ascii", "replace").strip(" \0")


def frame_spec(framing: Framing) -> FrameSpec:
    """The attributes of one frame (PS3.3 C.7.6.3). Absent ones are 0 or empty: codecs refuse."""
    numbers = framing.values(_NUMBERS.values(), 2)
    return _frame_spec(tuple(numbers), framing.value(PHOTOMETRIC_INTERPRETATION, _LONGEST_TERM),
                       framing.big_endian)


@lru_cache(maxsize=64)
def _frame_spec(raw: tuple[bytes | None, ...], photometric: bytes | None, big_endian: bool,
                ) -> FrameSpec:
    """The instances of a series share it."""
    numbers = {name: _number(tag, value, big_endian)
               for (name, tag), value in zip(_NUMBERS.items(), raw, strict=True)}
    return FrameSpec(photometric_interpretation=_words(photometric), **numbers)


def number_of_frames(framing: Framing) -> int:
    """(0028,0008), 1 where it is absent. Raises DamagedError for anything but a sane count."""
    text = words(framing, NUMBER_OF_FRAMES).split("\\")[0]
    if not text:
        return 1
    if not text.lstrip("+").isdigit() or not 0 < int(text) <= MOST_FRAMES:
        raise DamagedError("Number of Frames is no sane number")
    return int(text)


@dataclass(frozen=True)
class Frames(Sequence["bytes | memoryview"]):
    """Each frame's bytes: a view into the body, or its fragments joined."""

    body: memoryview = field(repr=False)
    places: Sequence[tuple[Place, ...]] = field(repr=False)
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> bytes | memoryview: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes | memoryview]: ...

    def __getitem__(self, index: int | slice) -> bytes | memoryview | list[bytes | memoryview]:
        if isinstance(index, slice):
            return [self._frame(places) for places in self.places[index]]
        return self._frame(self.places[index])

    def __iter__(self) -> Iterator[bytes | memoryview]:
        return map(self._frame, self.places)

    def _frame(self, places: tuple[Place, ...]) -> bytes | memoryview:
        parts = [self.body[position:position + length] for position, length in places]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def total_bytes(self) -> int:
        """Bytes of all frames, fragments' headers and offset tables not counted."""
        return sum(length for places in self.places for _, length in places)


def native_frame_bytes(spec: FrameSpec) -> int:
    """Bytes of one native frame; YBR_FULL_422 has two per pixel (PS3.3 C.7.6.3.1.2)."""
    if spec.photometric_interpretation == "YBR_FULL_422":
        return spec.rows * spec.columns * 2 * (spec.bits_allocated // 8)
    return spec.native_bytes


def frames(framing: Framing, spec: FrameSpec | None = None) -> Frames:
    """All frames of Pixel Data (7FE0,0010); ``spec`` is that of `frame_spec` where it is known.

    Raises UnsupportedError for float pixels, one-bit pixels and video, DamagedError when there are
    no pixel data or they are not those that the attributes describe.
    """
    place = framing.pixel
    if place is None:
        raise UnsupportedError("it has no pixel data")
    if place.tag != PIXEL_DATA:
        raise UnsupportedError("float pixel data")
    row = ts.TRANSFER_SYNTAXES.get(framing.transfer_syntax_uid)
    if row is not None and row.form == "video":
        raise UnsupportedError("video streams are kept as they are, never decoded")
    count = number_of_frames(framing)
    if not place.encapsulated:
        return _native(framing, spec or frame_spec(framing), count)
    table, *fragments = place.fragments(framing.body)
    fragments = [part for part in fragments if part[1]]
    extended = (framing.value(EXTENDED_OFFSET_TABLE), framing.value(EXTENDED_OFFSET_TABLE_LENGTHS))
    grouped = group_fragments(
        framing.body, table, fragments, count,
        extended=(extended[0], extended[1]) if extended[0] and extended[1] else None,
        mark=_MARKS.get(framing.transfer_syntax_uid, b""))
    return Frames(framing.body, grouped.frames, grouped.findings)


def _native(framing: Framing, spec: FrameSpec, count: int) -> Frames:
    assert framing.pixel is not None
    start, end = framing.pixel.value, framing.pixel.end
    if spec.bits_allocated == 1:
        raise UnsupportedError("one bit per pixel")
    size = native_frame_bytes(spec)
    actual = end - start
    if not size or actual not in (size * count, size * count + size * count % 2):
        raise DamagedError(f"the pixel data have {actual} bytes, the image needs {size * count}")
    return Frames(framing.body, [((start + k * size, size),) for k in range(count)])
