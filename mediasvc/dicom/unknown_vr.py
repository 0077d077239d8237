"""Elements that somebody sent as UN although the standard knows them (PS3.5 6.2.2).

Others cannot find a patient, a frame or a key in such a data set. Where the value is one of the VR
that its tag has, that VR is said instead; the value keeps its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mediasvc.dicom.compose import SHORT_LIMIT, Encoding
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.nested import Element, Source, dictionary_vr
from mediasvc.dicom.reencode import PIXEL_REPRESENTATION, converted
from mediasvc.dicom.splice import Change
from mediasvc.errors import DamagedError
from mediasvc.standard.header_attributes import HEADER_ATTRIBUTES
from mediasvc.standard.legal_values import PLAIN
from mediasvc.standard.value_representations import LONG_VRS

#: Group 0008 is the first of a data set.
FIRST = 0x00080001
EXPLICIT = Encoding(implicit=False, big_endian=False)
#: What must be readable: without these an instance is not found, not shown, or not listed.
NEEDED = frozenset(attribute.tag for attribute in HEADER_ATTRIBUTES) | {
    0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00200011, 0x00200013}
_WIDTHS = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "AT": 4, "OW": 2, "OF": 4, "OD": 8}
_FREE = frozenset({"LT", "UT", "UC", "UR", "ST", "OB", "AE", "AS"})


def hides_something(framing: Framing) -> bool:
    """Whether an element that others must find is sent as UN."""
    if framing.implicit or framing.big_endian:
        return False
    return any(framing.vr(tag) == "UN" for tag in NEEDED)


def resolved(framing: Framing) -> Iterator[Change]:
    """One change for each top-level element that gets its VR back."""
    signed = (framing.value(PIXEL_REPRESENTATION) or b"\0\0")[:1] == b"\1"
    for row in framing.elements:
        tag = int(row["tag"])
        if bytes(row["vr"]) != b"UN" or tag >> 16 & 1 or tag < FIRST or bool(row["undefined"]):
            continue
        vr = dictionary_vr(tag, {}, signed)
        start = int(row["value"])
        value = bytes(framing.body[start:start + int(row["length"])])
        if vr == "SQ":
            if (items := _sequence(tag, value, signed)) is not None:
                yield Change(tag, items)
        elif vr != "UN" and _fits(vr, value):
            yield Change(tag, EXPLICIT.element(tag, vr, value))


def _sequence(tag: int, value: bytes, signed: bool) -> bytes | None:
    """The items of an unknown sequence are Implicit VR Little Endian; None where they are not."""
    source = Source(memoryview(value), implicit=True, big_endian=False, signed=signed)
    try:
        return converted(source, Element(tag, "SQ", 0, len(value), len(value), False), EXPLICIT)
    except (DamagedError, struct.error):
        return None


def _fits(vr: str, value: bytes) -> bool:
    if vr in _WIDTHS:
        return len(value) % _WIDTHS[vr] == 0
    if len(value) > SHORT_LIMIT and vr not in LONG_VRS:
        return False
    if vr in ("LO", "SH", "PN") or vr in _FREE:
        return b"\0" not in value.rstrip(b"\0")
    pattern = PLAIN.get(vr)
    return pattern is not None and bool(pattern.fullmatch(value.rstrip(b" \0")))

