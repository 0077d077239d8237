"""The child's side of unwrap: where in a DICOM file the stream or document lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mediasvc.dicom.framing import Framing, NotDicomError, read_framing
from mediasvc.dicom.pixel_place import PIXEL_DATA
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.span import Span
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.wrapping.unwrap_text import text_of
from mediasvc.work.wrapping.wrap_text import RECIPE_TAG

ENCAPSULATED_DOCUMENT, DOCUMENT_LENGTH, MIME_TYPE = 0x00420011, 0x00420015, 0x00420012
STREAM_LENGTH, NUMBER_OF_FRAMES = 0x7FE00003, 0x00280008
#: Transfer syntaxes of one picture whose fragments are an ordinary file.
_PICTURES = {ts.JPEG_BASELINE: "jpeg", ts.JPEG_EXTENDED: "jpeg", ts.JPEG_LOSSLESS: "jpeg",
             ts.JPEG_LOSSLESS_SV1: "jpeg", ts.JPEG_LS: "jpeg-ls", ts.JPEG_LS_NEAR: "jpeg-ls",
             ts.J2K_LOSSLESS: "jpeg-2000", ts.J2K: "jpeg-2000", ts.HTJ2K_LOSSLESS: "jpeg-2000",
             ts.HTJ2K_RPCL: "jpeg-2000", ts.HTJ2K: "jpeg-2000", ts.JPEG_XL_LOSSLESS: "jpeg-xl",
             ts.JPEG_XL_JPEG: "jpeg-xl", ts.JPEG_XL: "jpeg-xl"}


def find_payload(span: dict[str, Any], text: str = "") -> dict[str, Any]:
    """``kind`` and ``places`` [(position, length)] in the file, without padding. What has to be
    put together is written to the new file ``text`` instead, and has no places.

    Raises UnsupportedError for an instance without stream or document, DamagedError.
    """
    source = Span.from_json(span)
    with source.view() as view:
        try:
            framing = read_framing(view)
        except NotDicomError:
            raise UnsupportedError("it is no DICOM file") from None
        if framing.damaged:
            raise DamagedError("the DICOM file is damaged or cut short")
        if framing.deflated:
            raise UnsupportedError("it is deflated as a whole; transcode it first")
        if text and framing.find(RECIPE_TAG) is not None:
            Path(text).write_bytes(text_of(view))
            return {"kind": "text/plain", "places": []}
        kind, places = _payload(framing)
    return {"kind": kind, "places": [[source.offset + at, length] for at, length in places]}


def _payload(framing: Framing) -> tuple[str, list[tuple[int, int]]]:
    document = framing.find(ENCAPSULATED_DOCUMENT)
    if document is not None:
        place = (int(document["value"]), int(document["length"]))
        length = framing.value(DOCUMENT_LENGTH) or b""
        kind = (framing.value(MIME_TYPE) or b"").strip(b" \0").decode("latin-1")
        return kind or "document", _cut([place], _number(framing, length))
    syntax = ts.TRANSFER_SYNTAXES.get(framing.transfer_syntax_uid)
    pixel = framing.pixel
    if pixel is None or pixel.tag != PIXEL_DATA or not pixel.encapsulated or syntax is None:
        raise UnsupportedError("it holds neither a stream nor a document; mediasvc render makes "
                               "a picture of it")
    kind = "video" if syntax.form == "video" else _PICTURES.get(syntax.uid, "")
    frames = (framing.value(NUMBER_OF_FRAMES) or b"1").strip(b" \0") or b"1"
    if not kind or (kind != "video" and frames != b"1"):
        raise UnsupportedError("its frames are no single stream; mediasvc render makes pictures "
                               "or a video of them")
    _, *fragments = pixel.fragments(framing.body)
    if not fragments:
        raise DamagedError("its pixel data are empty")
    length = framing.value(STREAM_LENGTH) or b""
    return kind, _cut(fragments, _number(framing, length))


def _number(framing: Framing, value: bytes) -> int:
    """A UL or UV value, 0 when absent."""
    return int.from_bytes(value, "big" if framing.big_endian else "little")


def _cut(places: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Without the byte that made an odd length even; a length that cannot be is not believed."""
    total = sum(size for _, size in places)
    if length and total - 1 <= length <= total:
        at, size = places.pop()
        places.append((at, size - (total - length)))
    return places
