"""Is this DICOMDIR right, offset by offset? (PS3.3 Annex F; runs in a sandbox child)

Walked strictly: nothing is repaired, unlike in `mediasvc.media.directory.dicomdir`.
"""

from __future__ import annotations

import io
import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from pydicom import dcmread

from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.walk import Limits
from mediasvc.errors import DamagedError
from mediasvc.media.checking.check_icon import ICON
from mediasvc.media.checking.check_meta import check_meta
from mediasvc.media.checking.check_records import (
    check_keys,
    check_types,
    check_unique,
    follow,
    limited,
    nest_by_order,
    trouble,
)
from mediasvc.media.checking.check_values import is_legal_value
from mediasvc.media.checking.checked_record import (
    DEPTH,
    Keys,
    Noted,
    number_value,
    raw_value,
    text_of,
)
from mediasvc.media.checking.directory_columns import Names, Records
from mediasvc.media.directory.plain_directory import (
    RECORDS,
    NotPlainError,
    every_record,
    plain_head,
    plain_records,
)
from mediasvc.model import Finding
from mediasvc.standard.directory_records import KEY_SETS
from mediasvc.standard.profiles import EXPLICIT_VR_LITTLE_ENDIAN
from mediasvc.standard.sop_classes import MEDIA_STORAGE_DIRECTORY
from mediasvc.step import step

FILE_ID = re.compile(r"[A-Z0-9_]{1,8}(\\[A-Z0-9_]{1,8}){0,7}")
FILE_SET_ID = re.compile(r"[A-Z0-9_ ]{0,16}")
PADDING = 0xFFFCFFFC
#: Elements of 300,000 records, four times over.
MOST_ELEMENTS = 40_000_000


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
    def from_json(cls, row: dict[str, Any], above: Keys | None = None) -> Expected:
        """``above``: the keys of the records above it, which its own go before."""
        keys = {**(above or {}), **keys_from_json(row["keys"])}
        return cls(**(row | {"parts": tuple(row["parts"]), "keys": keys}))


def keys_from_json(keys: dict[str, Any]) -> Keys:
    return {int(tag): (str(key[0]), int(key[1]), str(key[2])) for tag, key in keys.items()}


_EXPECTED = tuple(row.name for row in fields(Expected))
#: Takes one line of JSON; the answer is where it stands: its first byte and its length.
Spool = Callable[[str], tuple[int, int]]


@dataclass(slots=True)
class DirectoryCheck:
    """``missing_keys``: key set → findings about the keys that only it asks for. ``syntaxes``: how
    many files are said to be in each transfer syntax.

    ``spool`` takes what is said of each file (`Expected` as JSON, with its own keys only), because
    there may be hundreds of thousands.
    """

    spool: Spool
    file_set_id: str = ""
    file_set_uid: str = ""
    records: Records = field(default_factory=Records)
    findings: list[Finding] = field(default_factory=list)
    missing_keys: dict[str, list[Finding]] = field(default_factory=dict)
    syntaxes: Counter[str] = field(default_factory=Counter)
    illegal: list[tuple[int, str, str]] = field(default_factory=list)
    """Number and type of a record, tag of a value that it may not have."""
    file_ids: Names = field(default_factory=Names)
    """Components with ``\\`` between them, of each record that names a file."""
    _said: array[int] = field(default_factory=lambda: array("q"))
    """Three for each of `file_ids`: number of its record, first byte and length in the spool."""
    _inner: dict[int, Keys] = field(default_factory=dict)
    """Number of a record with others below it → its keys."""

    def note(self, noted: Noted) -> None:
        """Take one record in."""
        step()
        number = len(self.records)
        self.records.append(noted.record)
        self.illegal += [(number + 1, noted.record.type, tag) for tag in noted.illegal]
        if noted.record.level < DEPTH:
            self._inner[number] = noted.keys
        if noted.parts:
            said = Expected(noted.parts, noted.record.type, noted.record.sop_class_uid,
                            noted.sop_instance_uid, noted.transfer_syntax_uid, noted.keys)
            self.syntaxes[noted.transfer_syntax_uid] += 1
            self.file_ids.append("\\".join(noted.parts))
            self._said.extend((number, *self.spool(json.dumps(said.as_json()))))

    def places(self) -> Iterator[tuple[str, int, int, tuple[int, ...]]]:
        """For each of `file_ids`: first byte and length in the spool, and the numbers of the
        records above it, from the root down."""
        source = iter(self._said)
        for file_id, number, start, length in zip(self.file_ids, source, source, source,
                                                  strict=True):
            yield file_id, start, length, self._above(number)

    def keys_of(self, above: tuple[int, ...]) -> Keys:
        """Of the records of these numbers, the lower ones first to be heard."""
        keys: Keys = {}
        for number in above:
            keys.update(self._inner.get(number, {}))
        return keys

    def _above(self, number: int) -> tuple[int, ...]:
        """From the root down to the record above."""
        chain: list[int] = []
        while (number := self.records.parents[number]) >= 0 and len(chain) < DEPTH:
            chain.append(number)
        return tuple(chain[::-1])


def check_directory(view: memoryview, spool: Spool = lambda line: (0, len(line)),
                    ) -> DirectoryCheck:
    """Everything that can be said of a DICOMDIR without the files. Raises DamagedError when its
    bytes cannot be read as one."""
    framing = read_framing(view, limits=Limits(total=MOST_ELEMENTS))
    try:
        data, found = _read(view, framing, spool)
    except Exception as error:
        raise DamagedError("DICOMDIR cannot be read to its end") from error
    found.findings += check_meta(view)
    found.findings += [trouble("R10-1b", finding.text) for finding in framing.findings
                       if finding.severity == "error"]
    found.findings += _head(data, found)
    broken = list(follow(data, found.records))
    found.findings += broken
    if broken:
        nest_by_order(found.records)
    for check in (limited(check_types(found.records)), limited(check_unique(found.records)),
                  check_keys(found.records, "none"), limited(_file_ids(found)),
                  limited(_illegal(found)), _behind(view, framing)):
        found.findings += check
    found.missing_keys = {name: list(check_keys(found.records, name))
                          for name in KEY_SETS if name != "none"}
    return found


def _read(view: memoryview, framing: Framing, spool: Spool) -> tuple[Any, DirectoryCheck]:
    """The head, a Dataset, and all records: plainly, and where that cannot be, by pydicom."""
    found = DirectoryCheck(spool)
    try:
        for record in plain_records(view, framing):
            found.note(record)
        return plain_head(view, framing), found
    except NotPlainError:
        found, data = DirectoryCheck(spool), dcmread(io.BytesIO(view))
        for record in every_record(data):
            found.note(record)
        return data, found


def _illegal(found: DirectoryCheck) -> Iterator[Finding]:
    for number, kind, tag in found.illegal:
        if tag == ICON:
            yield trouble("RF-13", f"the icon of record {number} ({kind}) has other pixels than "
                                   "its rows and columns ask for")
            continue
        yield trouble("RF-12", f"record {number} ({kind}) has a value in {tag} that its Value "
                               "Representation does not allow")


def _behind(view: memoryview, framing: Framing) -> Iterator[Finding]:
    """Data Set Trailing Padding is all that may follow on the records (R10-6)."""
    tags = [tag for tag in framing.index if tag > RECORDS]
    if any(tag != PADDING for tag in tags) or framing.end < len(view):
        yield trouble("R10-6", "something lies behind the last record")


def _head(data: Any, found: DirectoryCheck) -> Iterator[Finding]:
    meta = data.file_meta
    found.file_set_uid = str(meta.get("MediaStorageSOPInstanceUID", ""))
    found.file_set_id = text_of(raw_value(data, 0x00041130))
    if meta.get("MediaStorageSOPClassUID") != MEDIA_STORAGE_DIRECTORY:
        yield trouble("R10-1b", "its SOP class is not Media Storage Directory")
    if meta.get("TransferSyntaxUID") != EXPLICIT_VR_LITTLE_ENDIAN:
        yield trouble("R10-1b", "its transfer syntax is not Explicit VR Little Endian")
    if not is_legal_value("UI", found.file_set_uid.encode()) or not found.file_set_uid:
        yield trouble("R10-1b", "its File-set UID is no UID")
    if not FILE_SET_ID.fullmatch(found.file_set_id):
        yield trouble("R10-2", "the File-set ID is longer or has other characters than allowed")
    if number_value(data, 0x00041212) != 0:
        yield trouble("RF-1", "it says of itself that it is inconsistent")
    if not found.records:
        yield trouble("R11-3", "it has no records")


def _file_ids(found: DirectoryCheck) -> Iterator[Finding]:
    twice, told = found.file_ids.twice(), set[str]()
    for name in found.file_ids:
        legal, count = FILE_ID.fullmatch(name), twice[name]
        if (legal and not count) or name in told:
            continue
        told.add(name)
        parts = name.split("\\")
        if not legal:
            yield trouble("R10-3", "not a File ID that PS3.10 allows", "/".join(parts))
        if count:
            yield trouble("R11-3b", f"named by {count} records", "/".join(parts))
