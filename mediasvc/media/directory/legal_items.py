"""The nearest legal form of a sequence that a directory record repeats: every value of its
items."""

from __future__ import annotations

from functools import lru_cache

from mediasvc.errors import DamagedError
from mediasvc.media.directory.element_walk import (
    UNDEFINED,
    UnreadableError,
    element_end,
    read_header,
)
from mediasvc.media.directory.legal_value import legal
from mediasvc.media.directory.record_text import Repertoire
from mediasvc.media.directory.sequence_bytes import EXPLICIT, item_places
from mediasvc.standard.legal_values import PLAIN


@lru_cache(maxsize=1024)
def legal_items(items: bytes, text: Repertoire) -> bytes:
    """The items of a sequence (explicit little endian) with every value legal; the same bytes where
    nothing is wrong. Raises DamagedError when they do not hold together."""
    try:
        return _legal_items(items, text)
    except (UnreadableError, RecursionError):
        raise DamagedError("a sequence that the directory repeats is damaged") from None


def _legal_items(items: bytes, text: Repertoire) -> bytes:
    view = memoryview(items)
    parts: list[bytes | memoryview] = []
    kept = 0
    for start, end in item_places(view, EXPLICIT):
        made = _legal_item(view, start, end, text)
        if made != view[start:end]:
            head = start - 8
            parts += (view[kept:head], EXPLICIT.item((made,)))
            kept = end + (8 if bytes(view[start - 4:start]) == b"\xff" * 4 else 0)
    return b"".join((*parts, view[kept:])) if parts else items


def _legal_item(view: memoryview, start: int, end: int, text: Repertoire) -> bytes:
    parts: list[bytes | memoryview] = []
    at = start
    while at < end:
        tag, vr, value, length = read_header(view, at, EXPLICIT)
        after = element_end(view, at, EXPLICIT)
        raw = bytes(view[value:after - (8 if length == UNDEFINED else 0)])
        made = _legal_nested(tag, vr.decode("ascii"), raw, text)
        parts.append(view[at:after] if made == raw
                     else EXPLICIT.element(tag, vr.decode("ascii"), made))
        at = after
    return b"".join(parts)


def _legal_nested(tag: int, vr: str, raw: bytes, text: Repertoire) -> bytes:
    if vr == "SQ":
        return _legal_items(raw, text)
    if vr not in PLAIN or (vr != "UI" and "\\" in raw.decode("latin-1")):
        return raw
    value = raw.rstrip(b" \0")
    made = legal(tag, vr, value, text)
    return raw if made == value else made
