"""Is this DICOMDIR right, offset by offset? (PS3.3 Annex F; runs in a sandbox child)

Read with pydicom, item by item, and walked strictly: nothing is repaired, unlike in
`mediasvc.media.dicomdir`.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_sequence_item

from mediasvc.dicom.framing import read_framing
from mediasvc.errors import DamagedError
from mediasvc.media.check_meta import check_meta
from mediasvc.media.check_records import (
    check_keys,
    check_types,
    check_unique,
    follow,
    limited,
    nest_by_order,
    trouble,
)
from mediasvc.media.check_values import illegal_values
from mediasvc.media.checked_record import (
    DEPTH,
    DirectoryRecord,
    Keys,
    keys_in,
    number_value,
    raw_value,
    record_of,
    text_of,
)
from mediasvc.model import Finding
from mediasvc.standard.directory_records import KEY_SETS
from mediasvc.standard.profiles import EXPLICIT_VR_LITTLE_ENDIAN
from mediasvc.standard.sop_classes import MEDIA_STORAGE_DIRECTORY

COMPONENT = re.compile(r"[A-Z0-9_]{1,8}")
FILE_SET_ID = re.compile(r"[A-Z0-9_ ]{0,16}")
RECORDS, PADDING = 0x00041220, 0xFFFCFFFC


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
        """The values themselves: there are many of these, and `asdict` would copy every key."""
        return {name: getattr(self, name) for name in _EXPECTED}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Expected:
        keys = {int(tag): (str(key[0]), int(key[1]), str(key[2]))
                for tag, key in row["keys"].items()}
        return cls(**(row | {"parts": tuple(row["parts"]), "keys": keys}))


_EXPECTED = tuple(row.name for row in fields(Expected))


@dataclass(slots=True)
class DirectoryCheck:
    """``missing_keys``: key set → findings about the keys that only it asks for. ``syntaxes``: how
    many files are said to be in each transfer syntax."""

    file_set_id: str = ""
    file_set_uid: str = ""
    records: list[DirectoryRecord] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    missing_keys: dict[str, list[Finding]] = field(default_factory=dict)
    syntaxes: Counter[str] = field(default_factory=Counter)
    illegal: list[tuple[int, str, str]] = field(default_factory=list)
    """Number and type of a record, tag of a value that it may not have."""
    _said: dict[int, str] = field(default_factory=dict)
    """Number of a record that names a file → its `Expected` as JSON, with its own keys only."""
    _inner: dict[int, Keys] = field(default_factory=dict)
    """Number of a record with others below it → its keys."""

    def note(self, item: Dataset) -> None:
        """Take one record in; the item itself is not kept."""
        number, record = len(self.records), record_of(item)
        self.records.append(record)
        self.illegal += [(number + 1, record.type, tag) for tag in illegal_values(item)]
        keys = keys_in(item, record.level)
        if record.level < DEPTH:
            self._inner[number] = keys
        if raw := raw_value(item, 0x00041500):
            said = Expected(
                tuple(part.strip() for part in raw.decode("latin-1").split("\\")), record.type,
                record.sop_class_uid, text_of(raw_value(item, 0x00041511)),
                text_of(raw_value(item, 0x00041512)), keys)
            self.syntaxes[said.transfer_syntax_uid] += 1
            self._said[number] = json.dumps(said.as_json())

    def expected(self) -> Iterator[Expected]:
        """What each file should be, with the keys of all records above it."""
        for number, said in self._said.items():
            row = Expected.from_json(json.loads(said))
            keys: Keys = {}
            for parent in self._above(number):
                keys.update(self._inner.get(parent, {}))
            yield Expected(row.parts, row.record_type, row.sop_class_uid, row.sop_instance_uid,
                           row.transfer_syntax_uid, {**keys, **row.keys})

    def _above(self, number: int) -> list[int]:
        """From the root down to the record above."""
        chain: list[int] = []
        while (number := self.records[number].parent) >= 0 and len(chain) < DEPTH:
            chain.append(number)
        return chain[::-1]

    def file_ids(self) -> Iterator[tuple[str, ...]]:
        return (tuple(json.loads(said)["parts"]) for said in self._said.values())


def check_directory(view: memoryview) -> DirectoryCheck:
    """Everything that can be said of a DICOMDIR without the files. Raises DamagedError when its
    bytes cannot be read as one."""
    found = DirectoryCheck()
    found.findings += check_meta(view)
    found.findings += [trouble("R10-1b", finding.text) for finding in read_framing(view).findings
                       if finding.severity == "error"]
    try:
        data = dcmread(io.BytesIO(view))
        for item in _items(data):
            found.note(item)
    except Exception as error:
        raise DamagedError("DICOMDIR cannot be read to its end") from error
    found.findings += _head(data, found)
    broken = list(follow(data, found.records))
    found.findings += broken
    if broken:
        nest_by_order(found.records)
    for check in (check_types(found.records), check_unique(found.records),
                  check_keys(found.records, "none"), _file_ids(found), _illegal(found),
                  _behind(view)):
        found.findings += limited(check)
    found.missing_keys = {name: list(limited(check_keys(found.records, name)))
                          for name in KEY_SETS if name != "none"}
    return found


def _illegal(found: DirectoryCheck) -> Iterator[Finding]:
    for number, kind, tag in found.illegal:
        yield trouble("RF-12", f"record {number} ({kind}) has a value in {tag} that its Value "
                               "Representation does not allow")


def _behind(view: memoryview) -> Iterator[Finding]:
    """Data Set Trailing Padding is all that may follow on the records (R10-6)."""
    framing = read_framing(view)
    rows = [row for row in framing.elements if int(row["tag"]) > RECORDS]
    if any(int(row["tag"]) != PADDING for row in rows) or framing.end < len(view):
        yield trouble("R10-6", "something lies behind the last record")


def _items(data: Any) -> Iterator[Dataset]:
    """The records one by one, so that only one is in memory."""
    element = data.get_item(RECORDS)
    if element is None:
        return
    if not isinstance(element.value, bytes):
        yield from element.value
        return
    stream = io.BytesIO(element.value)
    implicit, little = data.original_encoding
    while stream.tell() < len(element.value):
        item = read_sequence_item(stream, bool(implicit), bool(little), "iso8859",
                                  offset=element.value_tell)
        if item is None:
            return
        yield item


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
    if not found.records:
        yield trouble("R11-3", "it has no records")


def _file_ids(found: DirectoryCheck) -> Iterator[Finding]:
    seen = Counter(map("\\".join, found.file_ids()))  # texts: a large disc has many of them
    for name, count in seen.items():
        parts = name.split("\\")
        if not 1 <= len(parts) <= 8 or not all(map(COMPONENT.fullmatch, parts)):
            yield trouble("R10-3", "not a File ID that PS3.10 allows", "/".join(parts))
        if count > 1:
            yield trouble("R11-3b", f"named by {count} records", "/".join(parts))
