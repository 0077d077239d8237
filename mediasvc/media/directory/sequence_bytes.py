"""Items of a sequence as bytes: taken over unchanged, put into Explicit VR Little Endian, sifted.

A directory record repeats some sequences of its instance (PS3.3 F.5). Values keep their bytes, so
that no text is decoded on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from mediasvc.dicom.compose import ITEM, Encoding
from mediasvc.errors import DamagedError
from mediasvc.media.directory.element_walk import (
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    UnreadableError,
    element_end,
    read_header,
)
from mediasvc.standard.value_representations import CHARSET_VRS

EXPLICIT = Encoding(implicit=False, big_endian=False)
IMPLICIT = Encoding(implicit=True, big_endian=False)
DEPTH_LIMIT = 32
TEXT = frozenset(vr.encode() for vr in CHARSET_VRS)
RELATIONSHIP_TYPE = 0x0040A010
#: Bytes of one number, for byte order; AT is two numbers of 2.
WIDTHS = {"US": 2, "SS": 2, "OW": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4,
          "FD": 8, "OD": 8, "SV": 8, "UV": 8, "OV": 8}


def explicit_items(raw: bytes, encoding: Encoding, undefined: bool = False) -> bytes:
    """The items of a sequence value in Explicit VR Little Endian, without a final delimiter.

    Raises DamagedError when they do not hold together.
    """
    view = memoryview(raw)
    try:
        if encoding == EXPLICIT:
            end = len(raw) - 8 if undefined else len(raw)
            return raw[:end]
        return b"".join(_item(view, *place, encoding, 0) for place in item_places(view, encoding))
    except UnreadableError:
        raise DamagedError("a sequence that the directory repeats is damaged") from None


def concept_modifiers(items: bytes) -> bytes:
    """Of the items of a Content Sequence those that modify the title (F.5.25, F.5.26).

    Raises DamagedError when they do not hold together.
    """
    view = memoryview(items)
    kept = []
    try:
        start = 0
        for begin, end in item_places(view, EXPLICIT):
            after = end + (8 if view[end:end + 4] == EXPLICIT.tag(ITEM_END) else 0)
            if _value(view, begin, end, RELATIONSHIP_TYPE).strip(b" \0") == b"HAS CONCEPT MOD":
                kept.append(items[start:after])
            start = after
    except UnreadableError:
        raise DamagedError("the content of a document is damaged") from None
    return b"".join(kept)


def first_item_value(items: bytes, *path: int) -> bytes:
    """A value in the first item (explicit little endian), through sequences; b"" when absent."""
    view = memoryview(items)
    try:
        for tag in path[:-1]:
            view = memoryview(_value(view, *next(item_places(view, EXPLICIT), (0, 0)), tag))
        return bytes(_value(view, *next(item_places(view, EXPLICIT), (0, 0)), path[-1]))
    except UnreadableError:
        return b""


def item_values(items: bytes, tag: int) -> list[bytes]:
    """That value of every item that has it (explicit little endian), without padding."""
    view = memoryview(items)
    try:
        found = [_value(view, start, end, tag) for start, end in item_places(view, EXPLICIT)]
    except UnreadableError:
        return []
    return [value.rstrip(b" \0") for value in found if value]


def has_foreign_text(items: bytes) -> bool:
    """Whether some text in explicit little endian items is outside ASCII (RF-2)."""
    return any(True for _ in foreign_texts(items))


def foreign_texts(items: bytes) -> Iterator[bytes]:
    """Texts outside ASCII in explicit little endian items; what is damaged has none."""
    if is_ascii(items):
        return
    waiting = [memoryview(items)]
    try:
        while waiting:
            view = waiting.pop()
            for at, end in item_places(view, EXPLICIT):
                while at < end:
                    _, vr, value, _ = read_header(view, at, EXPLICIT)
                    at = element_end(view, at, EXPLICIT)
                    raw = view[value:at]
                    if vr == b"SQ":
                        waiting.append(raw)
                    elif vr in TEXT and not is_ascii(bytes(raw)):
                        yield bytes(raw)
    except UnreadableError:
        pass


def is_ascii(value: bytes) -> bool:
    """Whether text needs no Specific Character Set: ASCII without escape sequences."""
    return value.isascii() and b"\x1b" not in value


def swapped(raw: bytes, vr: str) -> bytes:
    """Numbers of a big endian value in the other byte order."""
    width = WIDTHS.get(vr, 1)
    if width == 1 or len(raw) % width:
        return raw
    return b"".join(raw[at:at + width][::-1] for at in range(0, len(raw), width))


def item_places(view: memoryview, encoding: Encoding) -> Iterator[tuple[int, int]]:
    """First and last-plus-one byte of the contents of each item."""
    at = 0
    while at < len(view):
        tag, _, start, length = read_header(view, at, encoding)
        if tag == SEQUENCE_END:
            return
        if tag != ITEM:
            raise UnreadableError
        if length != UNDEFINED:
            at = start + length
            yield start, at
            continue
        at = start
        while (tag := read_header(view, at, encoding)[0]) != ITEM_END:
            at = element_end(view, at, encoding)
        yield start, at
        at += 8


def _value(view: memoryview, start: int, end: int, wanted: int) -> bytes:
    at = start
    while at < end:
        tag, _, value, length = read_header(view, at, EXPLICIT)
        if tag > wanted:
            break
        after = element_end(view, at, EXPLICIT)
        if tag == wanted:
            return bytes(view[value:after - (8 if length == UNDEFINED else 0)])
        at = after
    return b""


def _item(view: memoryview, start: int, end: int, encoding: Encoding, depth: int) -> bytes:
    if depth > DEPTH_LIMIT:
        raise UnreadableError
    elements = []
    at = start
    while at < end:
        tag, said, value, length = read_header(view, at, encoding)
        after = element_end(view, at, encoding)
        raw = view[value:after]
        vr = said.decode("latin-1") or _dictionary_vr(tag)
        if vr == "SQ":
            content = b"".join(
                _item(raw, *place, encoding, depth + 1) for place in item_places(raw, encoding))
        elif length == UNDEFINED:
            raise UnreadableError
        else:
            content = swapped(bytes(raw), vr) if encoding.big_endian else bytes(raw)
        elements.append(EXPLICIT.element(tag, vr, content))
        at = after
    return EXPLICIT.item(elements)


@lru_cache(maxsize=4096)
def _dictionary_vr(tag: int) -> str:
    """The VR of an implicit element; unknown and private ones are UN (PS3.5 6.2.2)."""
    from pydicom.datadict import dictionary_VR

    try:
        return dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return "UN"
