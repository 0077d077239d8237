"""A data set in another encoding, value by value: Explicit or Implicit VR Little Endian
(PS3.5 7, A.1, A.2).

Values keep their bytes; only numbers of a big endian source are turned round. Text is never
decoded, so nothing in it can change.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

from mediasvc.dicom.compose import ITEM, Encoding
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.nested import (
    SEQUENCE_END,
    Element,
    Source,
    elements,
    item_at,
    length_at,
    tag_at,
)
from mediasvc.errors import DamagedError

PIXEL_REPRESENTATION = 0x00280103

#: Bytes of one number, for VRs whose values have a byte order (PS3.5 7.3).
_WIDTH = {"US": 2, "SS": 2, "OW": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4,
          "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8}


def reencode(framing: Framing, *, implicit: bool, skip: frozenset[int] = frozenset(),
             ) -> Iterator[tuple[int, bytes]]:
    """(tag, complete element) of the data set in file order, in little endian. ``skip`` leaves
    out tags at top level; group lengths and padding are always left out.

    Raises DamagedError when the bytes do not hold together (the walker has looked before).
    """
    source = Source(framing.body, framing.implicit, framing.big_endian)
    order = ">" if framing.big_endian else "<"
    representation = framing.value(PIXEL_REPRESENTATION) or b"\0\0"
    source = replace(source, signed=struct.unpack_from(order + "H", representation)[0] == 1)
    target = Encoding(implicit=implicit, big_endian=False)
    for element in elements(source, framing.dataset_start, framing.end):
        if element.tag not in skip:
            yield element.tag, converted(source, element, target)


def converted(source: Source, element: Element, target: Encoding) -> bytes:
    """One complete element in another encoding. Raises DamagedError for items that do not hold
    together."""
    vr = element.vr
    if vr == "SQ":
        return target.sequence(element.tag, _items(source, element, target))
    raw = bytes(source.body[element.value:element.end])
    if element.undefined:  # UN, or a private sequence that no dictionary knows: as it stands
        return _as_unknown(element.tag, raw, target)
    width = _WIDTH.get(vr, 1)
    if source.big_endian and width > 1:
        raw = _turned(raw, width)
    return target.element(element.tag, vr, raw)


def _items(source: Source, element: Element, target: Encoding) -> Iterator[bytes]:
    at = element.value
    while at < element.end:
        if tag_at(source, at) != ITEM:
            raise DamagedError("a sequence holds something else than items")
        start, end, at = item_at(source, at, element.end)
        inner = list(elements(source, start, end))
        signed = source.signed
        for one in inner:
            if one.tag == PIXEL_REPRESENTATION and one.end - one.value == 2:
                signed = length_at(source, one.value, 2) == 1
        inside = replace(source, signed=signed)
        if signed != source.signed:
            inner = list(elements(inside, start, end))
        yield target.item(converted(inside, one, target) for one in inner)


def _as_unknown(tag: int, items: bytes, target: Encoding) -> bytes:
    """Items of Implicit VR Little Endian with undefined length (6.2.2 note 2)."""
    head = target.tag(tag) + (b"" if target.implicit else b"UN\0\0")
    return head + b"\xff\xff\xff\xff" + items + target.tag(SEQUENCE_END) + bytes(4)


def _turned(raw: bytes, width: int) -> bytes:
    whole = len(raw) - len(raw) % width
    turned = bytearray(raw)
    for byte in range(width):
        turned[byte:whole:width] = raw[width - 1 - byte:whole:width]
    return bytes(turned)
