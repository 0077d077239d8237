"""JPEG photos: the bit stream is kept, what the camera wrote beside it is not (T.81, PS3.5 8.2.1).

Kept are tables, frame and scan headers, JFIF, Adobe, ICC and comments. EXIF, XMP, IPTC, makers' own
segments, and whatever follows the picture stay behind; a photo without these is kept whole.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mediasvc.codecs import jpeg_stream as stream
from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from mediasvc.media.foreign.picture_exif import EXIF_MARK, Exif, read_exif
from mediasvc.media.foreign.picture_turn import upright
from mediasvc.media.foreign.wrap_facts import PictureFacts, Place
from mediasvc.standard import transfer_syntaxes as ts

if TYPE_CHECKING:
    from numpy.typing import NDArray

APP1, APP2 = 0xE1, 0xE2
ICC_MARK = b"ICC_PROFILE\0"
ICC_LIMIT = 2 << 20
#: A decoded picture may have so many samples.
MOST_SAMPLES = 1 << 29
METHOD = "ISO_10918_1"

#: (Start of Frame, bits) → transfer syntax that keeps the stream (PS3.5 A.4.1, table A-1).
_SYNTAXES = {(stream.SOF_BASELINE, 8): ts.JPEG_BASELINE, (stream.SOF_EXTENDED, 8): ts.JPEG_EXTENDED,
             (stream.SOF_EXTENDED, 12): ts.JPEG_EXTENDED}
#: Behind entropy-coded bytes: a marker that is no stuffed byte, restart or fill.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def probe_jpeg(data: bytes) -> tuple[PictureFacts, NDArray[Any] | None]:
    """(facts, samples). Samples (rows, columns[, 3]) uint8 are given where the stream itself cannot
    be kept: it has to be turned, or its process has no transfer syntax.

    Raises DamagedError, UnsupportedError, BudgetError.
    """
    view = memoryview(data)
    header = stream.read_jpeg_header(view)
    if header.rows * header.columns * len(header.components) > MOST_SAMPLES:
        raise BudgetError("the picture is larger than the limits allow")
    if not header.rows or not header.columns:
        raise DamagedError("the picture has no size")
    segments = stream.segments(view)
    exif, end = _exif(segments), _end(data, segments)
    notes = ("the place where the photo was taken was left out",) if exif.has_place else ()
    facts = PictureFacts(
        "jpeg", header.rows, header.columns, 1, len(header.components),
        8 if header.precision <= 8 else 16, header.precision, _photometric(header),
        _syntax(header), _kept(segments, end),
        "" if header.sof == stream.SOF_LOSSLESS else METHOD,
        icc=_icc(segments), taken=exif.taken, notes=notes)
    facts = replace(facts, encoded_bytes=sum(length for _, length in facts.places))
    if facts.transfer_syntax_uid and exif.orientation == 1:
        return facts, None
    return _decoded(data[:end], facts, exif.orientation)


def _decoded(data: bytes, facts: PictureFacts,
             orientation: int) -> tuple[PictureFacts, NDArray[Any]]:
    """Decoded once and kept without further loss; what was lost before stays said."""
    import imagecodecs

    if facts.bits_stored != 8:
        raise UnsupportedError("a JPEG of this process and more than 8 bits cannot be kept",
                               "Save it as PNG of 16 bits first.")
    try:
        samples = imagecodecs.jpeg8_decode(data)
    except imagecodecs.Jpeg8Error:
        raise DamagedError("the JPEG stream cannot be decoded") from None
    samples = upright(samples, orientation)
    why = ("the photo was turned upright, and so decoded" if orientation != 1 else
           "DICOM knows no such JPEG process, so the photo was decoded")
    return replace(
        facts, rows=samples.shape[0], columns=samples.shape[1], places=(),
        photometric="RGB" if samples.ndim == 3 else "MONOCHROME2",
        transfer_syntax_uid=ts.EXPLICIT, notes=(*facts.notes, why)), samples


def _syntax(header: stream.JpegHeader) -> str:
    """Empty where no transfer syntax keeps the stream."""
    if header.sof == stream.SOF_LOSSLESS:
        return ts.JPEG_LOSSLESS_SV1 if header.selection == 1 else ts.JPEG_LOSSLESS
    return _SYNTAXES.get((header.sof, header.precision), "")


def _photometric(header: stream.JpegHeader) -> str:
    """What the components are (JFIF, Adobe APP14; PS3.3 C.7.6.3.1.2). Raises UnsupportedError.

    With lossy processes it is YBR_FULL_422, however the stream samples its colours: no IOD of
    photos knows another (PS3.3 A.8.5.4, C.8.12.1.1).
    """
    if len(header.components) == 1:
        return "MONOCHROME2"
    if len(header.components) != 3:
        raise UnsupportedError("it is a four-colour (CMYK) JPEG for printing",
                               "Save it as an RGB JPEG or PNG first.")
    rgb = header.adobe == 0 or (header.adobe is None and not header.jfif
                                and header.identifiers == b"RGB")
    if rgb:
        return "RGB"
    return "YBR_FULL" if header.sof == stream.SOF_LOSSLESS else "YBR_FULL_422"


def _exif(segments: list[stream.Segment]) -> Exif:
    for row in segments:
        if row.marker == APP1 and bytes(row.body[:6]) == EXIF_MARK:
            return read_exif(bytes(row.body[6:]))
    return Exif()


def _icc(segments: list[stream.Segment]) -> str:
    """base64 of the RGB profile, put together from its parts in their order (ICC.1 B.4)."""
    parts = sorted((row.body[12], bytes(row.body[14:])) for row in segments
                   if row.marker == APP2 and _is_icc(row) and len(row.body) > 14)
    return icc_text(b"".join(part for _, part in parts))


def icc_text(profile: bytes) -> str:
    """base64 of an RGB profile that is whole and not over-long, else empty."""
    whole = len(profile) >= 128 and int.from_bytes(profile[:4], "big") == len(profile)
    if not whole or len(profile) > ICC_LIMIT or profile[16:20] != b"RGB ":
        return ""
    return base64.b64encode(profile).decode()


def _kept(segments: list[stream.Segment], end: int) -> tuple[Place, ...]:
    """Neighbours are joined; from the first scan header on, everything through EOI stays."""
    places: list[Place] = []
    start = 0
    for row in segments:
        last = end if row.marker == stream.SOS else row.end
        if _is_needed(row):
            if places and sum(places[-1]) == start:
                start = places.pop()[0]
            places.append((start, last - start))
        start = row.end
    return tuple(places)


def _is_needed(row: stream.Segment) -> bool:
    if row.marker == APP2:
        return _is_icc(row)
    return row.marker in (stream.APP0, stream.APP14) or not 0xE0 <= row.marker <= 0xEF


def _is_icc(row: stream.Segment) -> bool:
    return bytes(row.body[:12]) == ICC_MARK


def _end(data: bytes, segments: list[stream.Segment]) -> int:
    """The byte behind EOI; the scans and tables between are stepped over."""
    at = segments[-1].end
    while found := _MARKER.search(data, at):
        marker = data[found.start() + 1]
        if marker == stream.EOI:
            return found.end()
        length = int.from_bytes(data[found.end():found.end() + 2], "big")
        at = found.end() + max(2, length)
    raise DamagedError("the JPEG stream is cut off")
