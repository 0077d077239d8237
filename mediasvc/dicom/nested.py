"""Elements on any level of a data set, as they stand: tag, VR, and where the value lies
(PS3.5 7.1, 7.5).

VRs that an implicit source does not say come from the dictionary; what no dictionary knows is UN
(PS3.5 6.2.2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from mediasvc.dicom.compose import ITEM
from mediasvc.errors import DamagedError
from mediasvc.standard.value_representations import ALL_VRS, LONG_VRS

UNDEFINED = 0xFFFFFFFF
ITEM_END, SEQUENCE_END = 0xFFFEE00D, 0xFFFEE0DD
LENGTH_TO_END = 0x00080001


@dataclass(frozen=True, slots=True)
class Source:
    """How the bytes are written, and what nested elements need to know of those around them."""

    body: memoryview
    implicit: bool
    big_endian: bool
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """``value`` to ``end`` are the value without delimiter; ``after`` is the next element."""

    tag: int
    vr: str
    value: int
    end: int
    after: int
    undefined: bool


def elements(source: Source, at: int, stop: int) -> Iterator[Element]:
    """Those between two places, but no group lengths and no padding. Raises DamagedError when they
    do not hold together (the walker has looked before)."""
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


def tag_at(source: Source, at: int) -> int:
    group, number = struct.unpack_from(">HH" if source.big_endian else "<HH", source.body, at)
    return int(group << 16 | number)


def length_at(source: Source, at: int, size: int) -> int:
    return int.from_bytes(source.body[at:at + size], "big" if source.big_endian else "little")


def _read(source: Source, at: int, stop: int, creators: dict[int, str]) -> Element:
    if at + 8 > stop:
        raise DamagedError("the data set ends inside an element")
    tag = tag_at(source, at)
    if tag >> 16 == 0xFFFE:
        return Element(tag, "", at + 8, at + 8, at + 8, False)
    if source.implicit:
        vr, value, length = dictionary_vr(tag, creators, source.signed), at + 8, length_at(
            source, at + 4, 4)
    else:
        vr = bytes(source.body[at + 4:at + 6]).decode("latin-1")
        short = vr in ALL_VRS - LONG_VRS
        value = at + 8 if short else at + 12
        length = length_at(source, at + 6, 2) if short else length_at(source, at + 8, 4)
    if length == UNDEFINED:
        inner = inside(source, vr)
        end, after = _delimited(inner, value, stop)
        return Element(tag, vr, value, end, after, True)
    if value + length > stop:
        raise DamagedError("the data set ends inside an element")
    return Element(tag, vr, value, value + length, value + length, False)


def inside(source: Source, vr: str) -> Source:
    """How a sequence's items are written: those of UN always Implicit Little Endian (6.2.2)."""
    return replace(source, implicit=True, big_endian=False) if vr == "UN" else source


def _delimited(source: Source, at: int, stop: int) -> tuple[int, int]:
    """(start of the sequence delimiter, end of it) for a value of undefined length."""
    while at + 8 <= stop:
        tag = tag_at(source, at)
        if tag == SEQUENCE_END:
            return at, at + 8
        if tag != ITEM:
            break
        at = item_at(source, at, stop)[2]
    raise DamagedError("a sequence does not end")


def item_at(source: Source, at: int, stop: int) -> tuple[int, int, int]:
    """(first byte, last byte, next item) of the item at ``at``."""
    length = length_at(source, at + 4, 4)
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


def dictionary_vr(tag: int, creators: dict[int, str], signed: bool) -> str:
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
