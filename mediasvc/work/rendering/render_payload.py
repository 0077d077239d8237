"""Streams and documents come out as they are, byte for byte."""

from __future__ import annotations

from pathlib import Path

from mediasvc.errors import DamagedError
from mediasvc.media.foreign.foreign_kind import kind_of
from mediasvc.media.window import Window
from mediasvc.span import Span
from mediasvc.work.rendering.render_file import Rendered
from mediasvc.work.rendering.render_frames import on_framing
from mediasvc.work.wrapping.unwrap_find import NUMBER_OF_FRAMES, find_payload

CHUNK = 4 << 20
#: MIME type of a document (PS3.3 C.24.2) → suffix.
_DOCUMENTS = {"application/pdf": "pdf", "model/stl": "stl", "application/sla": "stl",
              "model/obj": "obj", "model/mtl": "mtl", "text/xml": "xml", "application/xml": "xml",
              "text/plain": "txt", "text/html": "html"}
#: What the stream's first bytes are → suffix.
_STREAMS = {"mp4": "mp4", "ts": "ts", "ps": "mpg", "elementary": "mpg", "m2ts": "m2ts"}

_FILES = {"pdf": "pdf", "stl": "stl", "stl-text": "stl", "text": "txt", "jpeg": "jpg",
          "png": "png"}


def write_payload(span: Span, folder: Path, stem: str, *, still: bool) -> Rendered:
    """The stream or document; ``still``: it is a means to take a picture out of it. Raises
    UnsupportedError, DamagedError."""
    found = find_payload(span.as_json())
    kind, temp = str(found["kind"]), folder / stem
    with temp.open("xb") as stream:
        for at, size in found["places"]:
            for part in Span(span.path, at, size).chunks(CHUNK):
                stream.write(part)
    if not temp.stat().st_size:
        raise DamagedError("its stream or document is empty")
    suffix = _suffix(kind, temp)
    out = temp.rename(folder / f"{stem}.{suffix}")
    done = Rendered("document" if kind != "video" else "video", [out.name], frames=0)
    if kind == "video":
        done.frames = on_framing(span, lambda framing, _: int(
            (framing.value(NUMBER_OF_FRAMES) or b"1").strip(b" \0") or b"1"))
        done.stream = still
    return done


def _suffix(kind: str, path: Path) -> str:
    """By what the instance says of a document, else by the first bytes."""
    if kind != "video" and kind.lower() in _DOCUMENTS:
        return _DOCUMENTS[kind.lower()]
    window = Window(Span.of_file(path))
    try:
        found = kind_of(window)
        if kind == "video":
            return _STREAMS.get(found, "mpg")
        text = window.head(0, 64).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<?xml")
        return "xml" if text else _FILES.get(found, "bin")
    finally:
        window.close()
