"""A data set in another encoding, value by value: Explicit or Implicit VR Little Endian
(PS3.5 7, A.1, A.2).

Values keep their bytes; only numbers of a big endian source are turned round. Text is never
decoded, so nothing in it can change. VRs that an implicit source does not say come from the
dictionary; what no dictionary knows becomes UN (PS3.5 6.2.2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from mediasvc.dicom.compose import ITEM, Encoding
from mediasvc.dicom.framing import Framing
from mediasvc.errors import DamagedError
from mediasvc.standard.value_representations import ALL_VRS, LONG_VRS

UNDEFINED = 0xFFFFFFFF
ITEM_END, SEQUENCE_END = 0xFFFEE00D, 0xFFFEE0DD
PIXEL_REPRESENTATION = 0x00280103
LENGTH_TO_END = 0x00080001

#: Bytes of one number, for VRs whose values have a byte order (PS3.5 7.3).
_WIDTH = {"US": 2, "SS": 2, "OW": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4,
          "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8}


@dataclass(frozen=True, slots=True)
class _Source:
    """How the bytes are written, and what nested elements need to know of those around them."""

    body: memoryview
    implicit: bool
    big_endian: bool
    signed: bool = False


@dataclass(frozen=True, slots=True)
class _Element:
    """``value`` to ``end`` are the value without delimiter; ``after`` is the next element."""

    tag: int
    vr: str
    value: int
    end: int
    after: int
    undefined: bool


def reencode(framing: Framing, *, implicit: bool, skip: frozenset[int] = frozenset(),
             ) -> Iterator[tuple[int, bytes]]:
    """(tag, complete element) of the data set in file order, in little endian. ``skip`` leaves
    out tags at top level; group lengths and padding are always left out.

    Raises DamagedError when the bytes do not hold together (the walker has looked before).
    """
    source = _Source(framing.body, framing.implicit, framing.big_endian)
    order = ">" if framing.big_endian else "<"
    representation = framing.value(PIXEL_REPRESENTATION) or b"\0\0"
    source = replace(source, signed=struct.unpack_from(order + "H", representation)[0] == 1)
    target = Encoding(implicit=implicit, big_endian=False)
    for element in _elements(source, framing.dataset_start, framing.end):
        if element.tag not in skip:
            yield element.tag, _converted(source, element, target)


def _elements(source: _Source, at: int, stop: int) -> Iterator[_Element]:
    creators: dict[int, str] = {}
    while at < stop:
        element = _read(source, at, stop, creators)
        if element.tag in (ITEM_END, SEQUENCE_END):
            return
        if element.tag & 0x1FF00 == 0x10000 and element.tag & 0xFF >= 0x10:
            raw = bytes(source.body[element.value:element.end])
            creators[element.tag >> 16 << 16 | (element.tag & 0xFF) << 8] = raw.decode(
                "latin-1").strip(" \0")
        if element.tag & 0xFFFF and element.tag != LENGTH_TO_END and element.tag >> 16 != 0xFFFC:
            yield element
        at = element.after


def _tag(source: _Source, at: int) -> int:
    group, number = struct.unpack_from(">HH" if source.big_endian else "<HH", source.body, at)
    return int(group << 16 | number)


def _length(source: _Source, at: int, size: int) -> int:
    return int.from_bytes(source.body[at:at + size], "big" if source.big_endian else "little")


def _read(source: _Source, at: int, stop: int, creators: dict[int, str]) -> _Element:
    if at + 8 > stop:
        raise DamagedError("the data set ends inside an element")
    tag = _tag(source, at)
    if tag >> 16 == 0xFFFE:
        return _Element(tag, "", at + 8, at + 8, at + 8, False)
    if source.implicit:
        vr, value, length = _dictionary_vr(tag, creators, source.signed), at + 8, _length(
            source, at + 4, 4)
    else:
        vr = bytes(source.body[at + 4:at + 6]).decode("latin-1")
        short = vr in ALL_VRS - LONG_VRS
        value = at + 8 if short else at + 12
        length = _length(source, at + 6, 2) if short else _length(source, at + 8, 4)
    if length == UNDEFINED:
        inner = _inside(source, vr)
        end, after = _delimited(inner, value, stop)
        return _Element(tag, vr, value, end, after, True)
    if value + length > stop:
        raise DamagedError("the data set ends inside an element")
    return _Element(tag, vr, value, value + length, value + length, False)


def _inside(source: _Source, vr: str) -> _Source:
    """How a sequence's items are written: those of UN always Implicit Little Endian (6.2.2)."""
    return replace(source, implicit=True, big_endian=False) if vr == "UN" else source


def _delimited(source: _Source, at: int, stop: int) -> tuple[int, int]:
    """(start of the sequence delimiter, end of it) for a value of undefined length."""
    while at + 8 <= stop:
        tag = _tag(source, at)
        if tag == SEQUENCE_END:
            return at, at + 8
        if tag != ITEM:
            break
        at = _item(source, at, stop)[2]
    raise DamagedError("a sequence does not end")


def _item(source: _Source, at: int, stop: int) -> tuple[int, int, int]:
    """(first byte, last byte, next item) of the item at ``at``."""
    length = _length(source, at + 4, 4)
    if length != UNDEFINED:
        if at + 8 + length > stop:
            raise DamagedError("an item reaches beyond its sequence")
        return at + 8, at + 8 + length, at + 8 + length
    inside = at + 8
    while inside + 8 <= stop:
        element = _read(source, inside, stop, {})
        if element.tag == ITEM_END:
            return at + 8, inside, inside + 8
        inside = element.after
    raise DamagedError("an item does not end")


def _converted(source: _Source, element: _Element, target: Encoding) -> bytes:
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


def _items(source: _Source, element: _Element, target: Encoding) -> Iterator[bytes]:
    at = element.value
    while at < element.end:
        if _tag(source, at) != ITEM:
            raise DamagedError("a sequence holds something else than items")
        start, end, at = _item(source, at, element.end)
        inner = list(_elements(source, start, end))
        signed = source.signed
        for one in inner:
            if one.tag == PIXEL_REPRESENTATION and one.end - one.value == 2:
                signed = _length(source, one.value, 2) == 1
        inside = replace(source, signed=signed)
        if signed != source.signed:
            inner = list(_elements(inside, start, end))
        yield target.item(_converted(inside, one, target) for one in inner)


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


def _dictionary_vr(tag: int, creators: dict[int, str], signed: bool) -> str:
    if tag & 0xFFFF == 0:
        return "UL"
    if tag & 0x10000:
        if tag & 0xFFFF <= 0xFF:
            return "LO"
        return _private_vr(tag, creators.get(tag >> 16 << 16 | tag & 0xFF00, ""))
    vr = _standard_vr(tag)
    if vr.startswith("US or SS"):
        return "SS" if signed and vr == "US or SS" else "OW" if vr.endswith("OW") else "US"
    return vr.rpartition(" ")[2]


@cache
def _standard_vr(tag: int) -> str:
    from pydicom.datadict import dictionary_VR
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


@cache
def _private_vr(tag: int, creator: str) -> str:
    from pydicom.datadict import private_dictionary_VR
    try:
        vr = private_dictionary_VR(tag, creator) if creator else "UN"
    except KeyError:
        return "UN"
    return vr if vr in ALL_VRS and vr != "SQ" else "UN"
