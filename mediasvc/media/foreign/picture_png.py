"""PNG pictures: the samples are kept exactly (ISO 15948)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.foreign.picture_exif import Exif, read_exif
from mediasvc.media.foreign.picture_jpeg import ICC_LIMIT, MOST_SAMPLES, icc_text
from mediasvc.media.foreign.picture_turn import upright
from mediasvc.media.foreign.wrap_facts import PictureFacts
from mediasvc.standard.transfer_syntaxes import EXPLICIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
#: Colour types (table 11.1): palette and truecolour become RGB, the others stay grey.
_COLOUR, _ALPHA = frozenset({2, 3, 6}), frozenset({4, 6})


def probe_png(data: bytes) -> tuple[PictureFacts, NDArray[Any]]:
    """(facts, samples (rows, columns[, 3]) uint8 or uint16). Raises DamagedError, BudgetError."""
    chunks = dict(_chunks(data))
    if len(chunks.get(b"IHDR", b"")) != _HEADER.size:
        raise DamagedError("the PNG has no header")
    columns, rows, _, colour, *_ = _HEADER.unpack(chunks[b"IHDR"])
    if rows * columns * 4 > MOST_SAMPLES:
        raise BudgetError("the picture is larger than the limits allow")
    exif = read_exif(chunks[b"eXIf"]) if b"eXIf" in chunks else Exif()
    samples = upright(_decode(data, colour in _COLOUR), exif.orientation)
    notes = []
    if colour in _ALPHA or b"tRNS" in chunks:
        notes.append("transparency was left out: DICOM pictures have none")
    if exif.has_place:
        notes.append("the place where the photo was taken was left out")
    allocated = 8 * samples.itemsize
    return PictureFacts(
        "png", samples.shape[0], samples.shape[1], 1, 3 if samples.ndim == 3 else 1, allocated,
        allocated, "RGB" if samples.ndim == 3 else "MONOCHROME2", EXPLICIT,
        icc=_icc(chunks.get(b"iCCP", b"")), taken=exif.taken or _time(chunks.get(b"tIME", b"")),
        notes=tuple(notes)), samples


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, data) through IEND. Raises DamagedError when a chunk is cut, changed, or missing."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at:at + 4], "big")
        kind, end = data[at + 4:at + 8], at + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[at + 4:end]) != int.from_bytes(
                data[end:end + 4], "big"):
            raise DamagedError("a part of the PNG is damaged")
        if kind != b"IDAT":
            yield kind, data[at + 8:end]
        if kind == b"IEND":
            return
        at = end + 4
    raise DamagedError("the PNG is cut off")


def _decode(data: bytes, colour: bool) -> NDArray[Any]:
    """Grey (rows, columns) or colour (rows, columns, 3), alpha taken away."""
    import imagecodecs

    try:
        samples = imagecodecs.png_decode(data)
    except imagecodecs.PngError:
        raise DamagedError("the PNG cannot be decoded") from None
    if samples.ndim == 2:
        return samples
    return samples[..., :3] if colour else samples[..., 0]


def _icc(chunk: bytes) -> str:
    name, _, rest = chunk.partition(b"\0")
    if not name or rest[:1] != b"\0":
        return ""
    try:
        return icc_text(zlib.decompressobj().decompress(rest[1:], ICC_LIMIT + 1))
    except zlib.error:
        return ""


def _time(chunk: bytes) -> str:
    """tIME is the last change, in UTC."""
    if len(chunk) != 7:
        return ""
    year, *rest = struct.unpack(">HBBBBB", chunk)
    return f"{year:04}" + "".join(f"{part:02}" for part in rest) + "+0000"
