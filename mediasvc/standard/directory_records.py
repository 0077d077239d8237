"""Directory Record Types and their keys (PS3.3 Annex F.4 and F.5, PS3.11 Annexes D and H).

A row says which elements a record has beside the file-set elements of group 0004; `Key.type` is
the Type of PS3.5 7.4. Specific Character Set (1C everywhere) and the icon (3) are not repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KeyType = Literal["1", "1C", "2"]


@dataclass(frozen=True, slots=True)
class Key:
    """One element of a record: where it comes from is the same tag of the instance."""

    tag: int
    vr: str
    type: KeyType


@dataclass(frozen=True, slots=True)
class RecordType:
    """``level``: 0 directly below the root, 1 study, 2 series, 3 leaf (Table F.4-1)."""

    level: int
    clause: str
    keys: tuple[Key, ...] = ()


INSTANCE_NUMBER = Key(0x00200013, "IS", "1")
CONTENT_DATE = Key(0x00080023, "DA", "1")
CONTENT_TIME = Key(0x00080033, "TM", "1")
CONCEPT_NAME = Key(0x0040A043, "SQ", "1")
CONTENT_SEQUENCE = Key(0x0040A730, "SQ", "1C")
MANUFACTURER = Key(0x00080070, "LO", "1")
ROWS = Key(0x00280010, "US", "1")
COLUMNS = Key(0x00280011, "US", "1")
CONTENT = (INSTANCE_NUMBER, CONTENT_DATE, CONTENT_TIME)
#: Table 10-12, Content Identification Macro.
CONTENT_LABEL = Key(0x00700080, "CS", "1")
CONTENT_DESCRIPTION = Key(0x00700081, "LO", "2")
CONTENT_CREATOR = Key(0x00700084, "PN", "2")
IDENTIFICATION = (INSTANCE_NUMBER, CONTENT_LABEL, CONTENT_DESCRIPTION, CONTENT_CREATOR)
IDENTIFIED_CONTENT = (CONTENT_DATE, CONTENT_TIME, *IDENTIFICATION)

RECORD_TYPES: dict[str, RecordType] = {
    "PATIENT": RecordType(0, "F.5.1", (
        Key(0x00100010, "PN", "2"), Key(0x00100020, "LO", "1"))),
    "STUDY": RecordType(1, "F.5.2", (
        Key(0x00080020, "DA", "1"), Key(0x00080030, "TM", "1"), Key(0x00080050, "SH", "2"),
        Key(0x00081030, "LO", "2"), Key(0x0020000D, "UI", "1"), Key(0x00200010, "SH", "1"))),
    "SERIES": RecordType(2, "F.5.3", (
        Key(0x00080060, "CS", "1"), Key(0x0020000E, "UI", "1"), Key(0x00200011, "IS", "1"))),
    "IMAGE": RecordType(3, "F.5.4", (INSTANCE_NUMBER,)),
    "RT DOSE": RecordType(3, "F.5.19", (INSTANCE_NUMBER, Key(0x3004000A, "CS", "1"))),
    "RT STRUCTURE SET": RecordType(3, "F.5.20", (
        INSTANCE_NUMBER, Key(0x30060002, "SH", "1"), Key(0x30060008, "DA", "2"),
        Key(0x30060009, "TM", "2"))),
    "RT PLAN": RecordType(3, "F.5.21", (
        INSTANCE_NUMBER, Key(0x300A0002, "SH", "1"), Key(0x300A0006, "DA", "2"),
        Key(0x300A0007, "TM", "2"))),
    "RT TREAT RECORD": RecordType(3, "F.5.22", (
        INSTANCE_NUMBER, Key(0x30080250, "DA", "2"), Key(0x30080251, "TM", "2"))),
    "PRESENTATION": RecordType(3, "F.5.23", (
        Key(0x00081115, "SQ", "1C"), *IDENTIFICATION, Key(0x00700082, "DA", "1"),
        Key(0x00700083, "TM", "1"), Key(0x00700402, "SQ", "1C"))),
    "WAVEFORM": RecordType(3, "F.5.24", CONTENT),
    "SR DOCUMENT": RecordType(3, "F.5.25", (
        *CONTENT, Key(0x0040A030, "DT", "1C"), CONCEPT_NAME, Key(0x0040A491, "CS", "1"),
        Key(0x0040A493, "CS", "1"), CONTENT_SEQUENCE)),
    "KEY OBJECT DOC": RecordType(3, "F.5.26", (*CONTENT, CONCEPT_NAME, CONTENT_SEQUENCE)),
    "SPECTROSCOPY": RecordType(3, "F.5.27", (
        *CONTENT, Key(0x00080008, "CS", "1"), Key(0x00089092, "SQ", "1C"),
        Key(0x00280008, "IS", "1"), ROWS, COLUMNS, Key(0x00289001, "UL", "1"),
        Key(0x00289002, "UL", "1"))),
    "RAW DATA": RecordType(3, "F.5.28", (
        CONTENT_DATE, CONTENT_TIME, Key(0x00200013, "IS", "2"))),
    "REGISTRATION": RecordType(3, "F.5.29", IDENTIFIED_CONTENT),
    "FIDUCIAL": RecordType(3, "F.5.30", IDENTIFIED_CONTENT),
    "HANGING PROTOCOL": RecordType(0, "F.5.31", (
        Key(0x00720002, "SH", "1"), Key(0x00720004, "LO", "1"), Key(0x00720006, "CS", "1"),
        Key(0x00720008, "LO", "1"), Key(0x0072000A, "DT", "1"), Key(0x0072000C, "SQ", "1"),
        Key(0x0072000E, "SQ", "2"), Key(0x00720014, "US", "1"))),
    "ENCAP DOC": RecordType(3, "F.5.32", (
        INSTANCE_NUMBER, Key(0x00080023, "DA", "2"), Key(0x00080033, "TM", "2"),
        Key(0x0040A043, "SQ", "2"), Key(0x0040E001, "ST", "1C"), Key(0x00420010, "ST", "2"),
        Key(0x00420012, "LO", "1"))),
    "VALUE MAP": RecordType(3, "F.5.34", IDENTIFIED_CONTENT),
    "STEREOMETRIC": RecordType(3, "F.5.35"),
    "PALETTE": RecordType(0, "F.5.36", (CONTENT_LABEL, CONTENT_DESCRIPTION)),
    "IMPLANT": RecordType(0, "F.5.37", (
        MANUFACTURER, Key(0x00221095, "LO", "1"), Key(0x00221097, "LO", "1"),
        Key(0x00686210, "LO", "1C"))),
    "IMPLANT ASSY": RecordType(0, "F.5.38", (
        MANUFACTURER, Key(0x00760001, "LO", "1"), Key(0x00760020, "SQ", "1"))),
    "IMPLANT GROUP": RecordType(0, "F.5.39", (
        Key(0x00780001, "LO", "1"), Key(0x00780020, "LO", "1"))),
    "PLAN": RecordType(3, "F.5.40"),
    "MEASUREMENT": RecordType(3, "F.5.41", IDENTIFIED_CONTENT),
    "SURFACE": RecordType(3, "F.5.42", IDENTIFIED_CONTENT),
    "SURFACE SCAN": RecordType(3, "F.5.43", (CONTENT_DATE, CONTENT_TIME)),
    "TRACT": RecordType(3, "F.5.44", IDENTIFIED_CONTENT),
    "ASSESSMENT": RecordType(3, "F.5.45", (
        Key(0x00080012, "DA", "1"), Key(0x00080013, "TM", "2"), INSTANCE_NUMBER)),
    "RADIOTHERAPY": RecordType(3, "F.5.46", (
        INSTANCE_NUMBER, CONTENT_DESCRIPTION, CONTENT_CREATOR, Key(0x30100033, "SH", "1C"),
        Key(0x30100034, "LO", "1C"))),
    "ANNOTATION": RecordType(3, "F.5.47", IDENTIFIED_CONTENT),
    # Retired (PS3.3-2004), met on old media: only their place in the tree matters to a reader.
    "TOPIC": RecordType(0, "PS3.3-2004"),
    "VISIT": RecordType(2, "PS3.3-2004"),
    "RESULTS": RecordType(2, "PS3.3-2004"),
    "STUDY COMPONENT": RecordType(2, "PS3.3-2004"),
    "INTERPRETATION": RecordType(3, "PS3.3-2004"),
    "OVERLAY": RecordType(3, "PS3.3-2004"),
    "CURVE": RecordType(3, "PS3.3-2004"),
    "MODALITY LUT": RecordType(3, "PS3.3-2004"),
    "VOI LUT": RecordType(3, "PS3.3-2004"),
    "STORED PRINT": RecordType(3, "PS3.3-2004"),
    "HL7 STRUC DOC": RecordType(1, "PS3.3-2018b"),
}

#: Retired multi-referenced file record: no place in the tree, others point at it (F.6.2).
MULTI_REFERENCED = "MRDR"
PRIVATE = "PRIVATE"

IMAGE_TYPE = Key(0x00080008, "CS", "1C")
REFERENCED_IMAGES = Key(0x00081140, "SQ", "1C")

#: Keys that every general profile asks for beside F.5 (Table D.3-2).
GENERAL_CD: dict[str, tuple[Key, ...]] = {"IMAGE": (IMAGE_TYPE, REFERENCED_IMAGES)}

#: Table H.3-2 (DVD, USB, flash and BD with JPEG, JPEG 2000 or video).
EXTENDED: dict[str, tuple[Key, ...]] = {
    "PATIENT": (Key(0x00100030, "DA", "1C"), Key(0x00100040, "CS", "1C")),
    "SERIES": (
        Key(0x00080080, "LO", "1C"), Key(0x00080081, "ST", "1C"), Key(0x00081050, "PN", "1C")),
    "IMAGE": (
        IMAGE_TYPE,
        Key(0x0008002A, "DT", "1C"),
        REFERENCED_IMAGES,
        Key(0x00181800, "CS", "1C"),
        Key(0x00200032, "DS", "1C"),
        Key(0x00200037, "DS", "1C"),
        Key(0x00200052, "UI", "1C"),
        Key(0x00200200, "UI", "1C"),
        Key(0x00280008, "IS", "1C"),
        ROWS,
        COLUMNS,
        Key(0x00280030, "DS", "1C"),
        Key(0x00282112, "DS", "1C"),
        Key(0x00500004, "CS", "1C")),
}
EXTENDED["SPECTROSCOPY"] = tuple(
    key for key in EXTENDED["IMAGE"] if key.tag not in (0x00282112, 0x00500004))

#: Table I.3-2: as H.3-2, without what says where an image lies in the patient.
MPEG2: dict[str, tuple[Key, ...]] = {
    **EXTENDED, "IMAGE": (IMAGE_TYPE, ROWS, COLUMNS, Key(0x00282112, "DS", "1C"))}

#: Table E.3-2 (CT and MR).
CTMR: dict[str, tuple[Key, ...]] = {"IMAGE": (
    REFERENCED_IMAGES, Key(0x00200032, "DS", "1C"), Key(0x00200037, "DS", "1C"),
    Key(0x00200052, "UI", "1C"), ROWS, COLUMNS, Key(0x00280030, "DS", "1C"))}

ICON = Key(0x00880200, "SQ", "1")
#: Tables A.3-2 and B.3-2 (X-ray angiography), which want an icon of every image.
XABC: dict[str, tuple[Key, ...]] = {
    "PATIENT": (Key(0x00100030, "DA", "2"), Key(0x00100040, "CS", "2")),
    "SERIES": (Key(0x00080080, "LO", "2"), Key(0x00080081, "ST", "2"), Key(0x00081050, "PN", "2")),
    "IMAGE": (Key(0x00080008, "CS", "1"), REFERENCED_IMAGES, Key(0x00500004, "CS", "2"), ICON),
}
XA1K: dict[str, tuple[Key, ...]] = {**XABC, "IMAGE": (
    IMAGE_TYPE, REFERENCED_IMAGES, Key(0x00282112, "DS", "1C"), Key(0x00500004, "CS", "2"), ICON)}

#: Behind the name of a key set.
WITH_ICONS = "+icons"

#: What a profile may name as its key set.
KEY_SETS: dict[str, dict[str, tuple[Key, ...]]] = {
    "none": {}, "general-cd": GENERAL_CD, "extended": EXTENDED, "mpeg2": MPEG2, "ctmr": CTMR,
    "xabc": XABC, "xa1k": XA1K}

#: A document says when it was verified in each item of Verifying Observer Sequence; the record
#: takes the latest (F.5.25, C.17.2).
VERIFICATION_TIME = 0x0040A030
VERIFYING_OBSERVERS = 0x0040A073

#: Where a multi-frame image says it once for all frames: the macro of the Shared Functional
#: Groups Sequence (5200,9229) whose only item holds the key (PS3.3 C.7.6.16.2, H.3-2).
SHARED_GROUPS = 0x52009229
FUNCTIONAL_GROUPS: dict[int, int] = {
    0x00200032: 0x00209113,
    0x00200037: 0x00209116,
    0x00280030: 0x00289110,
    0x00081140: 0x00081140,
}


#: What people call the keys that must not be empty (PS3.6).
KEY_NAMES: dict[int, str] = {
    0x00080008: "Image Type",
    0x00080012: "Instance Creation Date",
    0x00080020: "Study Date",
    0x00080023: "Content Date",
    0x00080030: "Study Time",
    0x00080033: "Content Time",
    0x00080060: "Modality",
    0x00080070: "Manufacturer",
    0x00100020: "Patient ID",
    0x0020000D: "Study Instance UID",
    0x0020000E: "Series Instance UID",
    0x00200010: "Study ID",
    0x00200011: "Series Number",
    0x00200013: "Instance Number",
    0x00221095: "Implant Name",
    0x00221097: "Implant Part Number",
    0x00280008: "Number of Frames",
    0x00280010: "Rows",
    0x00280011: "Columns",
    0x00289001: "Data Point Rows",
    0x00289002: "Data Point Columns",
    0x0040A043: "Concept Name Code Sequence",
    0x0040A491: "Completion Flag",
    0x0040A493: "Verification Flag",
    0x00420012: "MIME Type of Encapsulated Document",
    0x00700080: "Content Label",
    0x00700082: "Presentation Creation Date",
    0x00700083: "Presentation Creation Time",
    0x00720002: "Hanging Protocol Name",
    0x00720004: "Hanging Protocol Description",
    0x00720006: "Hanging Protocol Level",
    0x00720008: "Hanging Protocol Creator",
    0x0072000A: "Hanging Protocol Creation DateTime",
    0x0072000C: "Hanging Protocol Definition Sequence",
    0x00720014: "Number of Priors Referenced",
    0x00760001: "Implant Assembly Template Name",
    0x00760020: "Procedure Type Code Sequence",
    0x00780001: "Implant Template Group Name",
    0x00780020: "Implant Template Group Issuer",
    0x3004000A: "Dose Summation Type",
    0x30060002: "Structure Set Label",
    0x300A0002: "RT Plan Label",
}

#: Sequences that are no keys themselves but hold some.
SOURCES = frozenset({SHARED_GROUPS, VERIFYING_OBSERVERS})

#: Value Representations that are numbers, not text: their bytes are never stripped.
NUMBER_VRS = frozenset({"US", "UL"})

#: tag → VR of everything that a record may repeat.
KEY_VRS: dict[int, str] = {
    key.tag: key.vr
    for table in (*KEY_SETS.values(), {name: kind.keys for name, kind in RECORD_TYPES.items()})
    for keys in table.values() for key in keys}


def keys_of(record_type: str, key_set: str = "none") -> tuple[Key, ...]:
    """The keys of a record in a profile's key set, in tag order, each once (the stricter type).

    ``key_set`` with `WITH_ICONS` behind it: images may have an icon too.
    """
    found: dict[int, Key] = {}
    name, icons = key_set.removesuffix(WITH_ICONS), key_set.endswith(WITH_ICONS)
    more = KEY_SETS[name].get(record_type, ())
    if icons and record_type == "IMAGE":
        more = (*more, Key(ICON.tag, "SQ", "1C"))
    for key in (*RECORD_TYPES[record_type].keys, *more):
        if key.tag not in found or key.type == "1":
            found[key.tag] = key
    return tuple(found[tag] for tag in sorted(found))
