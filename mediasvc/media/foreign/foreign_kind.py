"""What kind of ordinary file is this? By its first bytes, never by its name."""

from __future__ import annotations

import re

from mediasvc.errors import UnsupportedError
from mediasvc.media.foreign.cda_probe import is_cda
from mediasvc.media.foreign.document_probe import is_binary_stl
from mediasvc.media.foreign.model_probe import model_kind
from mediasvc.media.foreign.text_probe import decoded
from mediasvc.media.window import Window

HEAD, TEXT_HEAD = 1024, 8192
TS_PACKET, M2TS_PACKET, SYNC = 188, 192, 0x47
#: (position, bytes) → kind.
_MARKS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"II*\0", "tiff"), (0, b"MM\0*", "tiff"), (0, b"II+\0", "tiff"), (0, b"MM\0+", "tiff"),
    (128, b"DICM", "dicom"),
    (0, b"\0\0\1\xba", "ps"),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (8, b"AVI ", "avi"), (8, b"WEBP", "webp"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wmv"),
    (0, b"GIF8", "gif"), (0, b"BM", "bmp"), (0, b"PK\3\4", "zip"),
    (0, b"\0\0\1\xb3", "elementary"), (0, b"\0\0\0\1", "elementary"),
    (0, b"\0\0\1", "elementary"),
)
#: Major brands of ISO base media files that are photos.
_PHOTO_BRANDS = frozenset({b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"hevc"})
#: Boxes that a file of the family may begin with (ISO 14496-12, QuickTime).
_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"moof"})


def kind_of(window: Window) -> str:
    """One of jpeg png tiff pdf stl stl-text obj mtl cda text mp4 ts ps dicom, or a word of
    `work.wrap_advice`."""
    head = window.head(0, HEAD)
    for at, mark, kind in _MARKS:
        if head[at:at + len(mark)] == mark:
            return kind
    if head[4:8] in _BOXES:
        return "heic" if head[4:8] == b"ftyp" and head[8:12] in _PHOTO_BRANDS else "mp4"
    if re.search(rb"%PDF-[12]\.\d", head):
        return "pdf"
    if _repeats(head, 0, TS_PACKET):
        return "ts"
    if _repeats(head, 4, M2TS_PACKET):
        return "m2ts"
    if head[:5].lower() == b"solid" and b"facet" in head:
        return "stl-text"
    if is_binary_stl(window):
        return "stl"
    return _text_kind(window)


def _text_kind(window: Window) -> str:
    """Kinds of files that are made of text."""
    found = model_kind(window)
    if found:
        return found
    head = window.head(0, TEXT_HEAD)
    if is_cda(head):
        return "cda"
    return "text" if head and _is_text(head, cut=window.length > len(head)) else "unknown"


def _repeats(head: bytes, first: int, packet: int) -> bool:
    """Whether a sync byte begins each of the packets that lie in the head."""
    marks = head[first::packet]
    return len(marks) >= 2 and set(marks) == {SYNC}


def _is_text(head: bytes, *, cut: bool) -> bool:
    """A head that was cut may end within a character."""
    for less in range(4 if cut else 1):
        try:
            return bool(decoded(head[:len(head) - less]))
        except UnsupportedError:
            continue
    return False
