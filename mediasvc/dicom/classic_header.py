"""The elements of a single-frame instance in one common form, whatever its own encoding was.

Complete elements in Explicit VR Little Endian, sequences with explicit lengths: so that equal
values are equal bytes, and can be put anywhere in a data set that is written so (PS3.5 7.1, 7.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mediasvc.dicom.compose import ITEM, LONG_VRS, Encoding
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.pixel_place import PIXEL_TAGS
from mediasvc.dicom.reencode import reencode
from mediasvc.errors import DamagedError

EXPLICIT = Encoding(implicit=False, big_endian=False)
EXTENDED_OFFSETS = (0x7FE00001, 0x7FE00002, 0x7FE00003)

Elements = Mapping[int, bytes]


def classic_header(framing: Framing, *, only: frozenset[int] | None = None) -> dict[int, bytes]:
    """tag → complete element of everything at top level but pixel data and offset tables.

    ``only`` names the tags that are wanted. Raises DamagedError.
    """
    skip = frozenset((*PIXEL_TAGS, *EXTENDED_OFFSETS))
    if only is not None:
        skip |= frozenset(framing.index) - only
    return dict(reencode(framing, implicit=False, skip=skip))


def vr_of(element: bytes) -> str:
    return element[4:6].decode("latin-1")


def value_of(element: bytes) -> bytes:
    """The value's bytes, padding included."""
    return element[12:] if vr_of(element) in LONG_VRS else element[8:]


def text_of(elements: Elements, tag: int) -> str:
    """A value of a string VR without padding, ``""`` when absent; for values that are ASCII."""
    element = elements.get(tag)
    return "" if element is None else value_of(element).decode("latin-1").strip(" \0")


def number_of(elements: Elements, tag: int, default: int = 0) -> int:
    """A US value, the first of several."""
    value = value_of(elements.get(tag, b""))[:2]
    return int.from_bytes(value, "little") if len(value) == 2 else default


def items_of(element: bytes | None) -> list[dict[int, bytes]]:
    """The items of a sequence in the common form; none for an absent or unknown one."""
    if element is None or vr_of(element) != "SQ":
        return []
    value, at, items = value_of(element), 0, []
    while at + 8 <= len(value):
        if value[at:at + 4] != EXPLICIT.tag(ITEM):
            raise DamagedError("a sequence holds something else than items")
        length = int.from_bytes(value[at + 4:at + 8], "little")
        items.append(dict(_elements(value[at + 8:at + 8 + length])))
        at += 8 + length
    return items


def _elements(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 8 <= len(body):
        tag = int.from_bytes(body[at:at + 2], "little") << 16 | int.from_bytes(
            body[at + 2:at + 4], "little")
        if vr_of(body[at:at + 6]) in LONG_VRS:
            length = 12 + int.from_bytes(body[at + 8:at + 12], "little")
            if length == 12 + 0xFFFFFFFF:  # UN with items of its own: up to its delimiter
                end = body.find(EXPLICIT.tag(0xFFFEE0DD) + bytes(4), at)
                length = (end + 8 if end >= 0 else len(body)) - at
        else:
            length = 8 + int.from_bytes(body[at + 6:at + 8], "little")
        if at + length > len(body):
            raise DamagedError("a sequence ends inside an element")
        yield tag, body[at:at + length]
        at += length
