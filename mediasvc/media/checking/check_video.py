"""Is a video for people, beside the images, whole? Only where its parts end (sandbox child)."""

from __future__ import annotations

import re

from mediasvc.model import Finding

_NAME = re.compile(r".*\.(MP4|M4V|MOV)", re.IGNORECASE)
#: A box has its length and its kind; a length of 1 says that eight bytes more have it.
HEAD, LONG_HEAD = 8, 16
#: Parts of the file itself that are looked at; real ones have a dozen, recordings in pieces more.
MOST = 100_000


def is_video(parts: tuple[str, ...]) -> bool:
    return bool(_NAME.fullmatch(parts[-1]))


def check_video(view: memoryview) -> list[Finding]:
    """A file whose parts end behind its end was cut off (ISO 14496-12 4.2); one without ``moov``
    was never finished. Nothing is decoded."""
    at, kinds = 0, set[bytes]()
    for _ in range(MOST):
        if at >= len(view):
            break
        head = bytes(view[at:at + LONG_HEAD])
        size, least = int.from_bytes(head[:4], "big"), HEAD
        if size == 1:
            size, least = int.from_bytes(head[HEAD:LONG_HEAD], "big"), LONG_HEAD
        kind = head[4:HEAD]
        if not at and kind not in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
            return [_finding("it is not what its name says: no MP4 file")]
        if len(head) < least or size > len(view) - at:
            return [_finding("it is cut off")]
        kinds.add(kind)
        if not size:
            break  # to the end of the file
        if size < least:
            return [_finding("a part of it says a wrong length")]
        at += size
    if b"moov" not in kinds:
        return [_finding("it was never finished: no program can play it")]
    return [] if b"mdat" in kinds else [_finding("it is cut off")]


def _finding(text: str) -> Finding:
    return Finding("error", "rule-e04", "", text, "E04")
