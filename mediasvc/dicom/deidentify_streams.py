"""Text that compressed frames carry beside their samples: comments and metadata of writers.

JPEG: COM and application segments (ISO/IEC 10918-1 B.2.4); JPEG 2000: COM (ISO/IEC 15444-1 A.9.2).
"""

from __future__ import annotations

from collections.abc import Iterator

from mediasvc.dicom.framing import Framing

#: Headers of a frame are within this.
HEAD = 64 << 10
#: Frames that are looked at, evenly; a writer comments on all or on none.
FRAMES = 64
_JPEG, _J2K = b"\xff\xd8", b"\xff\x4f"
_START_OF_SCAN, _START_OF_TILE = 0xDA, 0x90
#: COM and APP0 to APP15 of JPEG, COM of JPEG 2000.
_TEXTS = {_JPEG: {0xFE, *range(0xE0, 0xF0)}, _J2K: {0x64}}


def stream_texts(framing: Framing) -> Iterator[str]:
    """What could be read in the headers of encapsulated frames."""
    place = framing.pixel
    if place is None or not place.encapsulated:
        return
    fragments = list(place.fragments(framing.body))[1:]
    step = max(1, len(fragments) // FRAMES)
    for position, length in fragments[::step]:
        for raw in _segments(bytes(framing.body[position:position + min(length, HEAD)])):
            yield raw.decode("latin-1")
            yield raw.replace(b"\0", b"").decode("utf-8", "replace")


def _segments(head: bytes) -> Iterator[bytes]:
    wanted = _TEXTS.get(head[:2])
    if wanted is None:
        return
    at = 2
    while at + 4 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2:at + 4], "big")
        if marker in (_START_OF_SCAN, _START_OF_TILE) or length < 2:
            return
        if marker in wanted:
            yield head[at + 4:at + 2 + length]
        at += 2 + length
