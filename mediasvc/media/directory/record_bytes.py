"""One directory record as bytes: its keys in Explicit VR Little Endian (PS3.3 F.3.2.2, F.5).

A Type 1 key that the instance lacks is invented here, in the record only (PS3.11 D.3.3.1), always
the same for the same input, and counted so that it can be reported.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from mediasvc.dicom.compose import SHORT_LIMIT
from mediasvc.media.directory.directory_entry import DirectoryEntry
from mediasvc.media.directory.file_id import CONFORMING_PATH
from mediasvc.media.directory.legal_items import legal_items
from mediasvc.media.directory.legal_value import is_legal, legal, legal_uid
from mediasvc.media.directory.record_text import ASCII, Repertoire, declared, repertoire
from mediasvc.media.directory.sequence_bytes import (
    EXPLICIT,
    foreign_texts,
    has_foreign_text,
    is_ascii,
)
from mediasvc.media.page.words import Many
from mediasvc.model import Finding
from mediasvc.standard.directory_records import ICON, KEY_NAMES, RECORD_TYPES, Key, keys_of
from mediasvc.standard.legal_values import is_uid
from mediasvc.standard.value_representations import CHARSET_VRS

PATIENT_NAME = 0x00100010
PATIENT_ID = 0x00100020
BIRTH_DATE = 0x00100030
SEX = 0x00100040
STUDY_DATE = 0x00080020
STUDY_INSTANCE_UID = 0x0020000D
#: Document title, procedure type.
CODES = frozenset({0x0040A043, 0x00760020})
FILE_ID = EXPLICIT.tag(0x00041500) + b"CS"
SOP_INSTANCE_UID = EXPLICIT.tag(0x00041511) + b"UI"
#: Dates of the instance that come nearest to the one that is missing.
OTHER_DATES = (0x00080020, 0x00080021, 0x00080022, 0x00080023)
#: Numbers that count within the record above: Study ID, Series and Instance Number.
COUNTED = frozenset({0x00200010, 0x00200011, 0x00200013})
#: What is said where a defined term is wanted and nothing is known.
TERMS: dict[int, bytes] = {
    0x00080060: b"OT", 0x0040A491: b"PARTIAL", 0x0040A493: b"UNVERIFIED",
    0x00420012: b"application/octet-stream", 0x00080008: b"DERIVED\\SECONDARY",
}
BY_VR: dict[str, bytes] = {
    "DA": b"19000101", "TM": b"000000", "DT": b"19000101000000", "IS": b"0", "US": b"\0\0",
    "UL": b"\0\0\0\0",
}


class Row(NamedTuple):
    """A key ready to be written: ``head`` is tag and VR, ``wide`` a 32-bit length."""

    tag: int
    vr: str
    type: str
    head: bytes
    wide: bool
    pad: bytes


@lru_cache(maxsize=128)
def _rows(record_type: str, key_set: str) -> tuple[Row, ...]:
    return tuple(_row(key) for key in keys_of(record_type, key_set))


def _row(key: Key) -> Row:
    wide = key.vr == "SQ"
    head = EXPLICIT.tag(key.tag) + key.vr.encode() + (b"\0\0" if wide else b"")
    return Row(key.tag, key.vr, key.type, head, wide, b"\0" if key.vr == "UI" else b" ")


@lru_cache(maxsize=4096)
def _is_legal(tag: int, vr: str, value: bytes) -> bool:
    """For most values all that there is to say; few of them differ from record to record."""
    return vr != "SQ" and len(value) <= SHORT_LIMIT and is_legal(tag, vr, value)


@lru_cache(maxsize=128)
def _type_element(record_type: str) -> bytes:
    return EXPLICIT.element(0x00041430, "CS", record_type.encode())


@lru_cache(maxsize=256)
def _uid_element(tag: int, uid: str) -> bytes:
    return EXPLICIT.element(tag, "UI", uid.encode("ascii"))


class RecordBytes:
    """Makes the records of one DICOMDIR; `findings` tells afterwards what was invented, and
    what could not stay as the instances have it."""

    def __init__(self, key_set: str) -> None:
        self.key_set = key_set
        self.invented: Counter[tuple[str, int]] = Counter()
        self.mended: Counter[tuple[str, int]] = Counter()
        self.undeclared: Counter[str] = Counter()

    def inner(self, record_type: str, entry: DirectoryEntry, number: int) -> bytes:
        """A PATIENT, STUDY or SERIES record, without the elements for its place."""
        return _type_element(record_type) + self._keys(record_type, entry, number)

    def leaf(self, entry: DirectoryEntry, number: int) -> bytes:
        """The record that names the file; ``number`` counts within the record above, from 1.

        Raises ValueError for a File ID that no file-set may have (PS3.10 8.2).
        """
        file_id = "\\".join(entry.file_id).encode("ascii", "replace")
        if not CONFORMING_PATH.fullmatch(file_id):
            raise ValueError("a directory can only name files whose File ID conforms (R10-3)")
        file_id += b" " * (len(file_id) & 1)
        sop_instance_uid = entry.sop_instance_uid.encode("ascii")
        if not is_uid(sop_instance_uid):
            self.mended[entry.record_type, 0x00080018] += 1
            sop_instance_uid = legal_uid(sop_instance_uid)
        sop_instance_uid += b"\0" * (len(sop_instance_uid) & 1)
        return b"".join((
            _type_element(entry.record_type),
            FILE_ID, len(file_id).to_bytes(2, "little"), file_id,
            _uid_element(0x00041510, entry.sop_class_uid),
            SOP_INSTANCE_UID, len(sop_instance_uid).to_bytes(2, "little"), sop_instance_uid,
            _uid_element(0x00041512, entry.transfer_syntax_uid),
            self._keys(entry.record_type, entry, number)))

    def patient_id(self, entry: DirectoryEntry) -> bytes:
        """What identifies the patient in the directory (unique over its PATIENT records, F.5.1)."""
        value = entry.values.get(PATIENT_ID, b"")
        if value and not is_legal(PATIENT_ID, "LO", value):
            value = legal(PATIENT_ID, "LO", value, repertoire((value,), entry.character_set))
        return value or _made_up_patient_id(entry)

    def _keys(self, record_type: str, entry: DirectoryEntry, number: int) -> bytes:
        rows = _rows(record_type, self.key_set)
        text = self._repertoire(record_type, entry, rows)
        parts = [b""]
        foreign = False
        for tag, vr, kind, head, wide, pad in rows:
            value = entry.values.get(tag, b"")
            if value:
                value = self._legal(record_type, tag, vr, value, text)
            if not value:
                if kind == "1C":
                    continue
                if kind == "1":
                    self.invented[record_type, tag] += 1
                    value = _invent(tag, vr, entry, number)
            if len(value) & 1:
                value += pad
            foreign = foreign or (has_foreign_text(value) if wide
                                  else vr in CHARSET_VRS and not is_ascii(value))
            parts += (head, len(value).to_bytes(4 if wide else 2, "little"), value)
        if foreign and text.written_as:
            parts[0] = EXPLICIT.element(0x00080005, "CS", text.written_as)
        return b"".join(parts)

    def _repertoire(self, record_type: str, entry: DirectoryEntry, rows: tuple[Row, ...],
                    ) -> Repertoire:
        """Character set of the record; most have ASCII only."""
        texts: list[bytes] = []
        for row in rows:
            value = entry.values.get(row.tag, b"")
            if not value or is_ascii(value):
                continue
            if row.vr in CHARSET_VRS:
                texts.append(value)
            elif row.wide and row.tag != ICON.tag:
                texts += foreign_texts(value)
        if not texts:
            return ASCII
        if not declared(entry.character_set):
            self.undeclared[record_type] += len(texts)
        return repertoire(texts, entry.character_set)

    def _legal(self, record_type: str, tag: int, vr: str, value: bytes, text: Repertoire) -> bytes:
        """What the record says instead of a value that no record may have (PS3.5 6.2)."""
        if tag == ICON.tag or (text is ASCII and _is_legal(tag, vr, value)):
            return value
        if vr == "SQ":
            made = legal_items(value, text)
        else:
            # no key is as long as that: damage, or not what its tag says
            made = legal(tag, vr, value, text) if len(value) <= SHORT_LIMIT else b""
        if made != value and text.read_as == text.written_as:
            self.mended[record_type, tag] += 1
        return made

    def findings(self) -> Iterator[Finding]:
        """One finding for each kind of invented key, and for text of an undeclared repertoire."""
        for (record_type, tag), count in sorted(self.invented.items()):
            yield Finding(
                "info", "key-invented", "",
                f"{Many(count):{record_type} record|{record_type} records} of the directory "
                f"{Many(count):=has|have} an invented "
                f"{KEY_NAMES[tag]}, because the instances have none",
                f"PS3.11 D.3.3.1, PS3.3 {RECORD_TYPES[record_type].clause}")
        for (record_type, tag), count in sorted(self.mended.items()):
            yield Finding(
                "info", "key-mended", "",
                f"{Many(count):{record_type} record|{record_type} records} of the directory "
                f"{Many(count):=says|say} {_name(tag)} in another form than the instances, or "
                f"{Many(count):=leaves|leave} it out, because no record may have it as it is there",
                "PS3.5 6.2")
        for record_type, count in sorted((+self.undeclared).items()):
            yield Finding(
                "warning", "key-character-set", "",
                f"{Many(count):text|texts} in {record_type} records of the directory "
                f"{Many(count):=is|are} in a character set that the instances do not declare; "
                "UTF-8 or Latin 1 was taken for it", "RF-2")


def _invent(tag: int, vr: str, entry: DirectoryEntry, number: int) -> bytes:
    if tag == PATIENT_ID:
        return _made_up_patient_id(entry)
    if tag in COUNTED:
        return b"%d" % number
    if vr == "DA":
        known = (entry.values.get(other) for other in OTHER_DATES)
        legals = (legal(tag, vr, value) for value in known if value)
        return next(filter(None, legals), BY_VR[vr])
    if vr == "SQ":
        return _unknown_code() if tag in CODES else EXPLICIT.item(())
    return TERMS.get(tag) or BY_VR.get(vr, b"UNKNOWN")


def _made_up_patient_id(entry: DirectoryEntry) -> bytes:
    """The same for all studies of one person, as far as the instances tell (FIELD 5.2)."""
    values = entry.values
    who = [values.get(tag, b"") for tag in (PATIENT_NAME, BIRTH_DATE, SEX)]
    if not who[0].strip(b" ^="):
        who = [values.get(STUDY_INSTANCE_UID, b"")]
    return b"NOID" + hashlib.sha256(b"\0".join(who)).hexdigest()[:12].upper().encode()


@lru_cache(maxsize=1)
def _unknown_code() -> bytes:
    element = EXPLICIT.element
    return EXPLICIT.item((
        element(0x00080100, "SH", b"UNKNOWN"), element(0x00080102, "SH", b"99MEDIASVC"),
        element(0x00080104, "LO", b"Unknown")))


@lru_cache(maxsize=256)
def _name(tag: int) -> str:
    """What people call a key."""
    from pydicom.datadict import dictionary_description

    return KEY_NAMES.get(tag) or dictionary_description(tag)
