"""One record of a DICOMDIR as it stands in the file, before its place in the tree is known."""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern

from mediasvc.dicom.compose import Encoding
from mediasvc.media.directory.dicomdir_head import text_value
from mediasvc.media.directory.element_walk import number
from mediasvc.media.directory.file_id import FileId, parse_file_id
from mediasvc.standard.directory_records import MULTI_REFERENCED, RECORD_TYPES

NEXT_RECORD = 0x00041400
IN_USE = 0x00041410
LOWER_RECORD = 0x00041420
RECORD_TYPE = 0x00041430
FILE_ID = 0x00041500
MRDR_OFFSET = 0x00041504
SOP_CLASS = 0x00041510
SOP_INSTANCE = 0x00041511
TRANSFER_SYNTAX = 0x00041512
CHARACTER_SET = 0x00080005
PATIENT_NAME = 0x00100010
PATIENT_ID = 0x00100020
STUDY_UID = 0x0020000D
SERIES_UID = 0x0020000E
IDENTITY = frozenset({CHARACTER_SET, PATIENT_NAME, PATIENT_ID, STUDY_UID, SERIES_UID})
#: The values looked at; of all other elements only that they have one.
KEPT = IDENTITY | {
    NEXT_RECORD, IN_USE, LOWER_RECORD, RECORD_TYPE, FILE_ID, MRDR_OFFSET, SOP_CLASS, SOP_INSTANCE,
    TRANSFER_SYNTAX}
#: None of them is longer; longer ones are damage.
VALUE_LIMIT = 16 << 10

NO_FILE = FileId(())
_NOTHING: dict[int, bytes] = {}


@dataclass(frozen=True, slots=True)
class Item:
    """One record. ``offset``: its item tag, from the first byte of the file (RF-9); ``end``: the
    byte after it. ``level`` as in `RecordType`, None where any is possible. ``identity``: raw
    values of patient, study, series and character set. ``tags``: every element with a value."""

    offset: int
    end: int
    type: str
    level: int | None
    next: int
    lower: int
    active: bool
    file_id: FileId
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    mrdr_offset: int
    identity: dict[int, bytes]
    tags: tuple[int, ...]

    @property
    def loose(self) -> bool:
        """Stands outside the tree on purpose; others point at it (F.6.2, retired)."""
        return self.type == MULTI_REFERENCED


def item_of(
    start: int, end: int, values: dict[int, bytes], tags: tuple[int, ...], encoding: Encoding
) -> Item:
    """The record from ``start`` to ``end`` with these raw values of `KEPT` elements."""
    get = values.get
    kind = intern(text_value(get(RECORD_TYPE, b"")).upper())
    known = RECORD_TYPES.get(kind)
    return Item(
        offset=start, end=end, type=kind, level=known.level if known else None,
        next=number(get(NEXT_RECORD, b""), encoding),
        lower=number(get(LOWER_RECORD, b""), encoding),
        active=get(IN_USE) != b"\0\0",
        file_id=parse_file_id(values[FILE_ID]) if FILE_ID in values else NO_FILE,
        sop_class_uid=intern(text_value(get(SOP_CLASS, b""))),
        sop_instance_uid=text_value(get(SOP_INSTANCE, b"")),
        transfer_syntax_uid=intern(text_value(get(TRANSFER_SYNTAX, b""))),
        mrdr_offset=number(get(MRDR_OFFSET, b""), encoding),
        identity={tag: values[tag] for tag in IDENTITY & values.keys()} or _NOTHING,
        tags=tags)
