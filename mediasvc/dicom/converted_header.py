"""The top level of a multi-frame object that was converted from classic ones (PS3.3 A.70 to A.72,
A.8.3 to A.8.5; PS3.4 C.3.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mediasvc.dicom.census import LOSSY, LOSSY_METHOD, Census
from mediasvc.dicom.classic_header import EXPLICIT, text_of, value_of
from mediasvc.dicom.frame_character import IMAGE_TYPE, of_all
from mediasvc.dicom.functional_groups import (
    BODY_PART,
    LATERALITY,
    code,
    reference,
    sequence,
)
from mediasvc.standard import legacy_converted as table
from mediasvc.standard.implementation import IMPLEMENTATION_VERSION_NAME
from mediasvc.standard.lossy_labels import METHODS

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
SERIES_INSTANCE_UID, FRAME_OF_REFERENCE_UID = 0x0020000E, 0x00200052
PAGE_NUMBERS, FRAME_INCREMENT_POINTER = 0x00182001, 0x00280009
CONTRIBUTING_EQUIPMENT = 0x0018A001

Known = Mapping[str, tuple[str, str, str]]
"""SOP Instance UID → its class, study and series."""


@dataclass(frozen=True, slots=True)
class Identity:
    """UIDs of the new object; ``frame_of_reference`` is used where the source has none."""

    sop_instance_uid: str
    series_instance_uid: str
    instance_number: int
    frame_of_reference: str


def top_level(census: Census, identity: Identity, known: Known, transfer_syntax_uid: str,
              ) -> dict[int, bytes]:
    """tag → element of everything but functional groups and pixel data.

    ``known``: where instances that the sources refer to belong; those that nobody knows are in no
    evidence.
    """
    shared = census.shared_elements()
    conversion = census.conversion
    top = {tag: shared[tag] for tag in conversion.top_level if tag in shared
           and (value_of(shared[tag]) or tag not in table.NOT_EMPTY)}
    for tag in conversion.empty:
        top.setdefault(tag, _text(tag, _VRS[tag], ""))
    top |= _identity(census, identity)
    if conversion.kind == "enhanced":
        top |= _enhanced(census, top, identity)
    else:
        top |= _capture(census, top)
    if not text_of(top, BODY_PART):  # whether it is one of a pair, nobody said
        top.setdefault(LATERALITY, _text(LATERALITY, "CS", ""))
    if census.lossy[0] >= 0:
        top |= census.lossy[1] | {LOSSY: _text(LOSSY, "CS", "01")}
        if method := METHODS.get(transfer_syntax_uid):
            top.setdefault(LOSSY_METHOD, _text(LOSSY_METHOD, "CS", method))
    top[CONTRIBUTING_EQUIPMENT] = with_equipment(
        shared.get(CONTRIBUTING_EQUIPMENT), table.TO_ENHANCED)
    return top | _references(census, text_of(shared, 0x0020000D), known)


def with_equipment(known: bytes | None, description: str) -> bytes:
    """Contributing Equipment Sequence with our item behind those that are there (PS3.4 C.3.5)."""
    own = {0x00080070: _text(0x00080070, "LO", IMPLEMENTATION_VERSION_NAME),
           0x0018A003: _text(0x0018A003, "ST", description),
           0x0040A170: code(0x0040A170, table.CONVERTER)}
    made = sequence(CONTRIBUTING_EQUIPMENT, own)
    return made if known is None else EXPLICIT.element(
        CONTRIBUTING_EQUIPMENT, "SQ", known[12:] + made[12:])


_VRS = {0x00100010: "PN", 0x00100020: "LO", 0x00100030: "DA", 0x00100040: "CS", 0x00080020: "DA",
        0x00080030: "TM", 0x00080050: "SH", 0x00080090: "PN", 0x00200010: "SH", 0x00200011: "IS",
        0x00080070: "LO"}


def _text(tag: int, vr: str, text: str) -> bytes:
    return EXPLICIT.element(tag, vr, text.encode("latin-1"))


def _identity(census: Census, identity: Identity) -> dict[int, bytes]:
    """Series Date and Time are the earliest of the sources, if they have one."""
    texts = {
        SOP_CLASS_UID: ("UI", census.conversion.enhanced),
        SOP_INSTANCE_UID: ("UI", identity.sop_instance_uid),
        SERIES_INSTANCE_UID: ("UI", identity.series_instance_uid),
        0x00200013: ("IS", str(identity.instance_number)),
        0x00280008: ("IS", str(census.count)),
    }
    for dates, start in (((0x00080021, 0x00080031), census.series_start),
                         ((0x00080023, 0x00080033), census.content_start)):
        date, _, time = start.partition(" ")
        if date or dates[0] == 0x00080023:
            texts |= {dates[0]: ("DA", date), dates[1]: ("TM", time)}
    return {tag: _text(tag, vr, text) for tag, (vr, text) in texts.items()}


def _enhanced(census: Census, top: dict[int, bytes], identity: Identity) -> dict[int, bytes]:
    made = of_all(census.characters).elements(IMAGE_TYPE)
    made[0x20500020] = _text(0x20500020, "CS", "IDENTITY")
    if not text_of(top, FRAME_OF_REFERENCE_UID):
        made[FRAME_OF_REFERENCE_UID] = _text(
            FRAME_OF_REFERENCE_UID, "UI", identity.frame_of_reference)
    if 0x00201040 not in top:
        made[0x00201040] = _text(0x00201040, "LO", "")
    if 0x00400555 not in top:
        made[0x00400555] = sequence(0x00400555)
    if census.conversion.classic == table.PET.classic and 0x00189004 not in top:
        made[0x00189004] = _text(0x00189004, "CS", "PRODUCT")
    return made


def _capture(census: Census, top: dict[int, bytes]) -> dict[int, bytes]:
    """SC Multi-frame Image and Vector (C.8.6.3, C.8.6.4): every source is a page."""
    pages = "\\".join(str(number) for number in range(1, census.count + 1))
    made = {}
    if census.count > 1:
        made = {PAGE_NUMBERS: _text(PAGE_NUMBERS, "IS", pages),
                FRAME_INCREMENT_POINTER: EXPLICIT.element(
                    FRAME_INCREMENT_POINTER, "AT", EXPLICIT.tag(PAGE_NUMBERS))}
    wanted = {0x00280301: ("CS", "YES"), 0x00080064: ("CS", "WSD"), 0x00200020: ("CS", "")}
    if census.conversion.enhanced != table.CAPTURE_COLOUR.enhanced:
        made |= {0x20500020: _text(0x20500020, "CS", "IDENTITY"),
                 0x00281052: _text(0x00281052, "DS", "0"),
                 0x00281053: _text(0x00281053, "DS", "1"),
                 0x00281054: _text(0x00281054, "LO", "US")}
    return made | {tag: _text(tag, vr, text) for tag, (vr, text) in wanted.items()
                   if tag not in top}


def _references(census: Census, study: str, known: Known) -> dict[int, bytes]:
    """The evidence of the frames' references (C.8.13.2, C.8.15.2, C.8.22.3) and Common Instance
    Reference (C.12.2). The sources of the conversion are of another view and count as none."""
    places: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
    made: dict[int, bytes] = {}
    for kind, tag in (("image", table.REFERENCED_EVIDENCE), ("source", table.SOURCE_EVIDENCE)):
        found: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
        for uid in census.referred[kind]:
            if uid in known:
                sop_class, *place = known[uid]
                found.setdefault((place[0], place[1]), {})[sop_class, uid] = None
        if found:
            made[tag] = _by_study(tag, found)
        for where, references in found.items():
            places.setdefault(where, {}).update(references)
    own = {place: listed for place, listed in places.items() if place[0] == study}
    if own:
        made[0x00081115] = _by_series(0x0008114A, own)
    others = {place: listed for place, listed in places.items() if place[0] != study}
    if others:
        made[0x00081200] = _by_study(0x00081200, others, 0x0008114A)
    return made


_Places = Mapping[tuple[str, str], Iterable[tuple[str, str]]]


def _by_study(tag: int, places: _Places, inner: int = 0x00081199) -> bytes:
    studies = dict.fromkeys(study for study, _ in places)
    return sequence(tag, *({
        0x0020000D: _text(0x0020000D, "UI", study),
        0x00081115: _by_series(inner, {place: listed for place, listed in places.items()
                                       if place[0] == study})} for study in studies))


def _by_series(inner: int, places: _Places) -> bytes:
    return sequence(0x00081115, *({
        SERIES_INSTANCE_UID: _text(SERIES_INSTANCE_UID, "UI", series),
        inner: sequence(inner, *(reference(*one) for one in listed))}
        for (_, series), listed in places.items()))
