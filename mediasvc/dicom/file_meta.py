"""The preamble and the File Meta Information of a Part 10 file (PS3.10 7.1, 7.5)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from mediasvc.dicom.findings import error, warning
from mediasvc.model import Finding
from mediasvc.standard.preambles import LENGTH, Preamble, classify
from mediasvc.standard.value_representations import LONG_VRS, SHORT_VRS

PREFIX = b"DICM"
GROUP_LENGTH, MEDIA_STORAGE_SOP_CLASS_UID = 0x00020000, 0x00020002
MEDIA_STORAGE_SOP_INSTANCE_UID, TRANSFER_SYNTAX_UID = 0x00020003, 0x00020010

#: More than twice what PS3.10 defines.
_MOST_ELEMENTS = 64
#: Group, element, VR and a short VR's length (PS3.5 7.1.2).
_HEADER = struct.Struct("<HH2sH")


class MetaElement(NamedTuple):
    """Byte positions in the file as received; ``vr`` is empty where the file does not say it."""

    start: int
    value: int
    length: int
    vr: str


@dataclass(frozen=True, slots=True)
class FileMeta:
    """``start`` to ``end``: all elements of group 0002. ``complete`` is False when they are cut."""

    start: int
    end: int
    elements: dict[int, MetaElement]
    complete: bool
    findings: tuple[Finding, ...]

    def uid(self, view: memoryview, tag: int) -> str:
        """The value as text without padding, ``""`` when absent."""
        place = self.elements.get(tag)
        if place is None:
            return ""
        return uid_text(bytes(view[place.value:place.value + min(place.length, 256)]))


def uid_text(raw: bytes) -> str:
    """The bytes of a UID as text without padding; what is no UID stays visible as such."""
    return raw.strip(b" \0").decode("latin-1")


def has_prefix(view: memoryview) -> bool:
    return len(view) >= LENGTH + 4 and view[LENGTH:LENGTH + 4] == PREFIX


def read_preamble(view: memoryview) -> tuple[Preamble, tuple[Finding, ...]]:
    """(kind, findings) of the first 128 bytes (PS3.10 7.5)."""
    kind, words = classify(bytes(view[:LENGTH]))
    if kind in ("executable", "archive"):
        return kind, (error("hostile-preamble", f"The file is at the same time {words}",
                            "PS3.10 7.5, P12"),)
    if kind in ("text", "other"):
        return kind, (warning("preamble-not-empty", "The first 128 bytes should be empty and hold "
                              f"{words}", "PS3.10 7.5, P12"),)
    return kind, ()


def read_meta(view: memoryview, start: int) -> FileMeta:
    """The elements of group 0002 from ``start`` up to another group; Explicit VR Little Endian,
    but for single elements that have no VR."""
    elements: dict[int, MetaElement] = {}
    findings: list[Finding] = []
    at, end, complete = start, len(view), True
    while end - at >= 8:
        group, number, raw, length = _HEADER.unpack_from(view, at)
        if group != 2:
            break
        vr = raw.decode("latin-1")
        if vr in SHORT_VRS and at + 8 + length <= end:
            place: MetaElement | None = MetaElement(at, at + 8, length, vr)
        else:
            place = _element(view, at, vr, length)
        if place is None or len(elements) >= _MOST_ELEMENTS:
            complete = False
            break
        tag = group << 16 | number
        if tag not in elements:
            elements[tag] = place
        else:
            findings.append(error("meta-tag-twice", "An element stands in the file header twice",
                                  "P07"))
        if not place.vr:
            findings.append(warning("meta-without-vr", "The file header is not written as the "
                                    "standard asks", "R10-8"))
        at = place.value + place.length
    if not complete or at == len(view):
        complete = False
        findings.append(error("meta-damaged", "The file header is damaged or cut short", "P03"))
    findings += _group_length(view, elements, at)
    return FileMeta(start, at, elements, complete, tuple(dict.fromkeys(findings)))


def _element(view: memoryview, at: int, vr: str, length: int) -> MetaElement | None:
    """The element at ``at``, or None when it does not lie inside the file. ``vr`` and ``length``
    are what stands there if it has a short VR."""
    value = at + 8
    if vr in SHORT_VRS:
        pass
    elif vr in LONG_VRS:
        if len(view) - at < 12:
            return None
        value, length = at + 12, int.from_bytes(view[at + 8:at + 12], "little")
    elif vr.isalpha() and vr.isupper():
        return None
    else:
        vr, length = "", int.from_bytes(view[at + 4:at + 8], "little")
    if length > len(view) - value:
        return None
    return MetaElement(at, value, length, vr)


def _group_length(view: memoryview, elements: dict[int, MetaElement], end: int) -> list[Finding]:
    place = elements.get(GROUP_LENGTH)
    if place is None or place.length != 4:
        return [warning("meta-group-length-missing", "The file header does not say its length",
                        "R10-8")]
    claimed = int.from_bytes(view[place.value:place.value + 4], "little")
    if place.value + 4 + claimed != end:
        return [warning("meta-group-length-wrong", "The file header has another length than it "
                        "says", "R10-8")]
    return []
