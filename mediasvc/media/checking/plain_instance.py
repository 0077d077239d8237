"""An instance in which nothing is odd, judged from its framing alone (runs in a sandbox child).

pydicom needs a millisecond for what the framing walk sees in a tenth of it. So the walk may say
that an instance is in order, where its bytes leave no doubt; whoever is not plain, and a share of
those who are, are judged by pydicom (`check_instance`). Nothing here finds fault with anything.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mediasvc.dicom.framing import Framing
from mediasvc.media.checking.check_directory import Expected
from mediasvc.media.checking.check_meta import meta_elements, meta_trouble
from mediasvc.media.checking.checked_record import conditional_keys
from mediasvc.media.checking.image_facts import image_facts
from mediasvc.standard.encodings import encoding_of
from mediasvc.standard.photometric import PHOTOMETRIC

#: One of so many plain instances is shown to pydicom all the same.
SHARE = 10
PREAMBLE = bytes(128)
SPECIFIC_CHARACTER_SET, PATIENT_ID, SERIES = 0x00080005, 0x00100020, 0x0020000E
ROWS, COLUMNS, ALLOCATED, STORED, HIGH = 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102
PHOTOMETRIC_INTERPRETATION = 0x00280004
VRS = {PATIENT_ID: b"LO", PHOTOMETRIC_INTERPRETATION: b"CS",
       **dict.fromkeys((ROWS, COLUMNS, ALLOCATED, STORED, HIGH), b"US")}
PADDING = b" \0"
#: ASCII that some character sets see other signs in, or that parts values.
DOUBTFUL = frozenset(b"\\~\x1b")
#: VRs whose values are told without a character set, or are looked into.
BINARY = frozenset({"US", "UL", "SS", "SL", "FL", "FD", "SQ"})

Raw = Callable[[int], bytes]
#: SOP class, transfer syntax and series: instances that one device wrote in one way.
Kind = tuple[str, str, bytes]


@dataclass(frozen=True, slots=True)
class Plain:
    """What is known of an instance in which nothing is wrong."""

    kind: Kind
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    patient_id: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Witness:
    """Whom pydicom is asked about: the first of every kind, one of `SHARE` of the others, and all
    of a kind of which it once thought otherwise."""

    _seen: set[Kind] = field(default_factory=set)
    _distrusted: set[Kind] = field(default_factory=set)

    def is_asked(self, plain: Plain) -> bool:
        if plain.kind not in self._seen:
            self._seen.add(plain.kind)
            return True
        return (plain.kind in self._distrusted
                or zlib.crc32(plain.sop_instance_uid.encode()) % SHARE == 0)

    def disagrees(self, plain: Plain) -> None:
        self._distrusted.add(plain.kind)


def plain_instance(framing: Framing, expected: Expected | None, key_set: str,
                   keywords: Collection[str]) -> Plain | None:
    """None for whatever is not entirely certain; ``framing`` is of a file that screening let in."""
    if (framing.odd or framing.verdict or framing.kind != "part10" or framing.deflated
            or framing.big_endian or framing.head[:128] != PREAMBLE
            or not _typed(framing.elements["tag"].tobytes(), framing.elements["vr"].tobytes())):
        return None
    meta = _meta(framing)
    raw = _values(framing)
    if meta is None or raw(0x00080016).strip(PADDING) != meta[0] or (
            raw(0x00080018).strip(PADDING) != meta[1]):
        return None
    sop_class, sop_instance, syntax = (uid.decode("ascii", "replace") for uid in meta)
    if expected is not None and not (
            (expected.sop_class_uid, expected.sop_instance_uid, expected.transfer_syntax_uid)
            == (sop_class, sop_instance, syntax) and _agrees(raw, expected, key_set)):
        return None
    patient_id = _patient_id(raw(PATIENT_ID))
    if patient_id is None or not _pixels_are_said(raw):
        return None
    facts = _facts(framing, tuple(keywords)) if keywords else {}
    if facts is None:
        return None
    return Plain((sop_class, syntax, raw(SERIES)), sop_class, sop_instance, syntax, patient_id,
                 facts)


@lru_cache(maxsize=64)
def _typed(tags: bytes, vrs: bytes) -> bool:
    """Whether what is looked at here has the VR that it should, or none is said; of the tags (u4)
    and VRs (2 bytes) of all elements, which the instances of a series share."""
    return all(vrs[2 * place:2 * place + 2] in (VRS[tag], b"\0\0")
               for place, tag in enumerate(np.frombuffer(tags, "<u4").tolist()) if tag in VRS)


def _values(framing: Framing) -> Raw:
    """A value's bytes as they stand, none for what is absent."""
    body, index = framing.body, framing.index
    values: list[int] = framing.elements["value"].tolist()
    lengths: list[int] = framing.elements["length"].tolist()

    def raw(tag: int) -> bytes:
        place = index.get(tag)
        if place is None:
            return b""
        start = values[place]
        return bytes(body[start:start + lengths[place]])

    return raw


def _meta(framing: Framing) -> tuple[bytes, bytes, bytes] | None:
    """SOP class, SOP instance and transfer syntax of file meta that are whole."""
    elements = meta_elements(framing.head)
    if meta_trouble(elements) or max(end for _, end in elements.values()) != framing.meta_end:
        return None
    head = bytes(framing.body[framing.dataset_start:framing.dataset_start + 6])
    syntax = elements[0x0010][0].strip(PADDING)
    vr = head[4:6]
    implicit = encoding_of(syntax.decode("ascii", "replace")).implicit
    if len(head) < 6 or (vr.isalpha() and vr.isupper()) == implicit:
        return None
    return elements[0x0002][0].strip(PADDING), elements[0x0003][0].strip(PADDING), syntax


def _agrees(raw: Raw, expected: Expected, key_set: str) -> bool:
    """Whether every key is what the file says, byte for byte, and none is left out."""
    keys = expected.keys
    for tag, (said, _, _) in keys.items():
        held = raw(tag).strip(PADDING)
        if held and held != said.encode("latin-1").strip(PADDING):
            return False
    return not any(tag not in keys and raw(tag).strip(PADDING)
                   for tag in conditional_keys(expected.record_type, key_set))


@lru_cache(maxsize=1024)
def _patient_id(value: bytes) -> str | None:
    """As pydicom would tell it; None where a character set might matter."""
    if not value.isascii() or not DOUBTFUL.isdisjoint(value):
        return None
    element = convert_raw_data_element(
        RawDataElement(Tag(PATIENT_ID), "LO", len(value), value, 0, False, True))
    return str(element.value or "")


def _pixels_are_said(raw: Raw) -> bool:
    """Whether the attributes of the pixels fit each other (PS3.5 8.1.1), or are not there."""
    values = [raw(tag) for tag in (ROWS, COLUMNS, ALLOCATED, STORED)]
    if not all(values):
        return True
    values.append(raw(HIGH))
    if not all(len(value) == 2 for value in values):
        return False
    rows, columns, allocated, stored, high = (int.from_bytes(value, "little") for value in values)
    if not (rows and columns and allocated and stored):
        return True
    name = raw(PHOTOMETRIC_INTERPRETATION).rstrip(b" ").decode("latin-1")
    return stored <= allocated and high == stored - 1 and name in PHOTOMETRIC


def _facts(framing: Framing, keywords: tuple[str, ...]) -> dict[str, Any] | None:
    """`image_facts` of the few elements that they need; None where one is not simply framed."""
    data = Dataset()
    for tag in _tags(keywords):
        row = framing.find(tag)
        if row is None:
            continue
        if row["undefined"]:
            return None
        value, vr = framing.value(tag) or b"", framing.vr(tag)
        if not value.isascii() and vr not in BINARY:
            return None
        data[tag] = RawDataElement(
            Tag(tag), vr or None, len(value), value, 0, framing.implicit, True)
    return image_facts(data, keywords)


@lru_cache(maxsize=64)
def _tags(keywords: tuple[str, ...]) -> tuple[int, ...]:
    tags = {tag_for_keyword(keyword.partition("/")[0]) for keyword in keywords}
    return (SPECIFIC_CHARACTER_SET, *sorted(tag for tag in tags if tag is not None))
