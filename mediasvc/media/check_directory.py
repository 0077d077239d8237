"""Is this DICOMDIR right, offset by offset? (PS3.3 Annex F; runs in a sandbox child)

Read with pydicom and walked strictly: nothing is repaired, unlike in `mediasvc.media.dicomdir`.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from pydicom import dcmread

from mediasvc.dicom.framing import read_framing
from mediasvc.errors import DamagedError
from mediasvc.media.check_meta import check_meta
from mediasvc.media.check_records import (
    DirectoryRecord,
    check_keys,
    check_types,
    check_unique,
    follow,
    limited,
    nest_by_order,
    number_value,
    raw_value,
    record_of,
    text_of,
    trouble,
)
from mediasvc.model import Finding
from mediasvc.standard.directory_records import KEY_SETS, RECORD_TYPES
from mediasvc.standard.profiles import EXPLICIT_VR_LITTLE_ENDIAN
from mediasvc.standard.sop_classes import MEDIA_STORAGE_DIRECTORY

COMPONENT = re.compile(r"[A-Z0-9_]{1,8}")
FILE_SET_ID = re.compile(r"[A-Z0-9_ ]{0,16}")
CHARACTER_SET = 0x00080005
DEPTH = 3
#: tag → (value bytes as latin-1, level of its record, Specific Character Set of its record)
Keys = dict[int, tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class Expected:
    """What DICOMDIR says of one file; values in ``keys`` are stripped of padding."""

    parts: tuple[str, ...]
    record_type: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    keys: Keys

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Expected:
        keys = {int(tag): (str(key[0]), int(key[1]), str(key[2]))
                for tag, key in row["keys"].items()}
        return cls(**(row | {"parts": tuple(row["parts"]), "keys": keys}))


@dataclass(slots=True)
class DirectoryCheck:
    """``missing_keys``: key set → findings about the keys that only it asks for."""

    file_set_id: str = ""
    file_set_uid: str = ""
    records: int = 0
    expected: list[Expected] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    missing_keys: dict[str, list[Finding]] = field(default_factory=dict)


def check_directory(view: memoryview) -> DirectoryCheck:
    """Everything that can be said of a DICOMDIR without the files. Raises DamagedError when its
    bytes cannot be read as one."""
    found = DirectoryCheck()
    found.findings += check_meta(view)
    found.findings += [trouble("R10-1b", finding.text) for finding in read_framing(view).findings
                       if finding.severity == "error"]
    try:
        data = dcmread(io.BytesIO(view))
        records = [record_of(item) for item in data.get("DirectoryRecordSequence") or []]
    except Exception as error:
        raise DamagedError("DICOMDIR cannot be read to its end") from error
    found.records = len(records)
    found.findings += _head(data, found)
    broken = list(follow(data, records))
    found.findings += broken
    if broken:
        nest_by_order(records)
    found.findings += limited(check_types(records))
    found.findings += limited(check_unique(records))
    found.findings += limited(check_keys(records, "none"))
    found.missing_keys = {name: list(limited(check_keys(records, name, only_extra=True)))
                          for name in KEY_SETS if name != "none"}
    found.expected = list(_expected(records))
    found.findings += limited(_file_ids(found.expected))
    return found


def _head(data: Any, found: DirectoryCheck) -> Iterator[Finding]:
    meta = data.file_meta
    found.file_set_uid = str(meta.get("MediaStorageSOPInstanceUID", ""))
    found.file_set_id = text_of(raw_value(data, 0x00041130))
    if meta.get("MediaStorageSOPClassUID") != MEDIA_STORAGE_DIRECTORY:
        yield trouble("R10-1b", "its SOP class is not Media Storage Directory")
    if meta.get("TransferSyntaxUID") != EXPLICIT_VR_LITTLE_ENDIAN:
        yield trouble("R10-1b", "its transfer syntax is not Explicit VR Little Endian")
    if not FILE_SET_ID.fullmatch(found.file_set_id):
        yield trouble("R10-2", "the File-set ID is longer or has other characters than allowed")
    if number_value(data, 0x00041212) != 0:
        yield trouble("RF-1", "it says of itself that it is inconsistent")
    if not data.get("DirectoryRecordSequence"):
        yield trouble("R11-3", "it has no records")


def _expected(records: list[DirectoryRecord]) -> Iterator[Expected]:
    branches: dict[int, Keys] = {}
    for record in records:
        if raw := raw_value(record.data, 0x00041500):
            parts = tuple(part.strip() for part in raw.decode("latin-1").split("\\"))
            sop_class, instance, syntax = (text_of(raw_value(record.data, tag))
                                           for tag in (0x00041510, 0x00041511, 0x00041512))
            yield Expected(parts, record.type, sop_class, instance, syntax,
                           {**_above(records, record.parent, branches), **_own_keys(record)})


def _above(records: list[DirectoryRecord], number: int, known: dict[int, Keys]) -> Keys:
    """The keys of a record and of all above it; ``known`` keeps them for its next leaf."""
    if number < 0:
        return {}
    if number not in known:
        chain = [number]
        while (parent := records[chain[-1]].parent) >= 0 and len(chain) < DEPTH:
            chain.append(parent)
        known[number] = {}
        for place in reversed(chain):
            known[number].update(_own_keys(records[place]))
    return known[number]


def _own_keys(record: DirectoryRecord) -> Keys:
    """Without sequences and what has no value."""
    level = RECORD_TYPES[record.type].level if record.type in RECORD_TYPES else DEPTH
    charset = text_of(raw_value(record.data, CHARACTER_SET))
    keys: Keys = {}
    for tag, element in record.data.items():
        if element.VR == "SQ" or tag.group in (2, 4) or tag == CHARACTER_SET:
            continue
        if isinstance(element.value, bytes) and (value := element.value.rstrip(b" \0")):
            keys[int(tag)] = (value.decode("latin-1"), level, charset)
    return keys


def _file_ids(expected: list[Expected]) -> Iterator[Finding]:
    seen = Counter(row.parts for row in expected)
    for row in expected:
        if not 1 <= len(row.parts) <= 8 or not all(map(COMPONENT.fullmatch, row.parts)):
            yield trouble("R10-3", "not a File ID that PS3.10 allows", "/".join(row.parts))
    for parts, count in seen.items():
        if count > 1:
            yield trouble("R11-3b", f"named by {count} records", "/".join(parts))
