"""A new DICOMDIR, in one pass over the instances and one over their records (PS3.3 F, PS3.10 8.6).

The instances may come in any order: each patient, study and series gets one record where it is
first met. Cost is linear, memory does not grow with what the records hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from mediasvc.errors import SettingsError
from mediasvc.media.directory.directory_entry import DirectoryEntry
from mediasvc.media.directory.file_id import COMPONENTS, CONFORMING
from mediasvc.media.directory.record_bytes import RecordBytes
from mediasvc.media.directory.record_spool import ROOT, Places, RecordSpool
from mediasvc.media.directory.sequence_bytes import EXPLICIT
from mediasvc.media.page.words import Many
from mediasvc.model import Finding
from mediasvc.standard.directory_records import RECORD_TYPES
from mediasvc.standard.encodings import EXPLICIT_VR_LITTLE_ENDIAN
from mediasvc.standard.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediasvc.standard.sop_classes import MEDIA_STORAGE_DIRECTORY

STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E


@dataclass(frozen=True, slots=True)
class FileSet:
    """What a DICOMDIR says of itself. ``id``: at most 16 characters (R10-2), also the volume's
    name; ``uid`` stays the same when the file-set is written anew (R10-1); ``descriptor``: File ID
    of a readme, whose character set is ``descriptor_character_set`` (RF-1)."""

    id: str
    uid: str
    descriptor: tuple[str, ...] = ()
    descriptor_character_set: str = "ISO_IR 100"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: length in bytes, number of records, and what had to be made up."""

    bytes: int
    records: int
    findings: tuple[Finding, ...]


def write_dicomdir(
    target: Path | int, entries: Iterable[DirectoryEntry], file_set: FileSet,
    *, key_set: str = "none", scratch: Path | None = None,
) -> Written:
    """Write the directory of ``entries`` to a path or an open descriptor (which stays open).

    ``key_set``: as the entries were read, a name of `directory_records.KEY_SETS`. ``scratch`` is
    where records wait until all are known. Raises SettingsError for a name that a file-set cannot
    have, BudgetError beyond 4 GiB.
    """
    _check(file_set)
    with closing(RecordSpool(scratch)) as spool:
        grouping = _Grouping(spool, RecordBytes(key_set))
        for entry in entries:
            grouping.add(entry)
        places = spool.place(len(_head(file_set, Places(0, 0, 0), 0)))
        with open(target, "wb", buffering=1 << 20, closefd=not isinstance(target, int)) as out:
            start = len(_head(file_set, places, 0))
            out.write(_head(file_set, places, places.end - start))
            spool.write(out)
        return Written(places.end, len(spool), tuple(grouping.findings()))


@dataclass(slots=True)
class _Branch:
    """A record that has others below it."""

    number: int
    above: int
    below: int = 0


@dataclass(slots=True)
class _Grouping:
    """Finds the record under which an instance belongs, or makes it."""

    spool: RecordSpool
    encoder: RecordBytes
    patients: dict[bytes, _Branch] = field(default_factory=dict)
    studies: dict[bytes, _Branch] = field(default_factory=dict)
    series: dict[bytes, _Branch] = field(default_factory=dict)
    roots: int = 0
    astray: int = 0

    def add(self, entry: DirectoryEntry) -> None:
        if RECORD_TYPES[entry.record_type].level == 0:
            self.roots += 1
            self.spool.add(ROOT, self.encoder.leaf(entry, self.roots))
            return
        series = self.series.get(entry.values[SERIES_INSTANCE_UID]) or self._series(entry)
        self.astray += not self._agrees(entry, series)
        series.below += 1
        self.spool.add(series.number, self.encoder.leaf(entry, series.below))

    def _agrees(self, entry: DirectoryEntry, series: _Branch) -> bool:
        study = self.studies.get(entry.values[STUDY_INSTANCE_UID])
        patient = self.patients.get(self.encoder.patient_id(entry))
        return (study is not None and patient is not None
                and series.above == study.number and study.above == patient.number)

    def _series(self, entry: DirectoryEntry) -> _Branch:
        study = self.studies.get(entry.values[STUDY_INSTANCE_UID])
        if study is None:
            patient = self.patients.get(self.encoder.patient_id(entry)) or self._patient(entry)
            study = self._branch(self.studies, STUDY_INSTANCE_UID, "STUDY", patient, entry)
        return self._branch(self.series, SERIES_INSTANCE_UID, "SERIES", study, entry)

    def _patient(self, entry: DirectoryEntry) -> _Branch:
        self.roots += 1
        number = self.spool.add(ROOT, self.encoder.inner("PATIENT", entry, self.roots))
        return self.patients.setdefault(
            self.encoder.patient_id(entry), _Branch(number, ROOT))

    def _branch(
        self, known: dict[bytes, _Branch], tag: int, record_type: str, above: _Branch,
        entry: DirectoryEntry,
    ) -> _Branch:
        above.below += 1
        record = self.encoder.inner(record_type, entry, above.below)
        branch = _Branch(self.spool.add(above.number, record), above.number)
        return known.setdefault(entry.values[tag], branch)

    def findings(self) -> Iterable[Finding]:
        yield from self.encoder.findings()
        if self.astray:
            yield Finding(
                "warning", "directory-levels-contradict", "",
                f"{Many(self.astray):instance names|instances name} a series of another study, or "
                f"a study of another patient; the directory lists {Many(self.astray):=it|them} "
                "where the series or study was first met",
                "PS3.3 F.5.2, F.5.3")


def _check(file_set: FileSet) -> None:
    if len(file_set.id) > 16 or not all(
            CONFORMING.fullmatch(c) or c == " " for c in file_set.id):
        raise SettingsError(f"{file_set.id!r} cannot be a File-set ID.",
                            "At most 16 characters of A-Z, 0-9, _ and space.")
    if len(file_set.descriptor) > COMPONENTS or not all(
            CONFORMING.fullmatch(part) for part in file_set.descriptor):
        raise SettingsError("The descriptor file of a file-set needs a File ID.",
                            "Parts of at most 8 characters of A-Z, 0-9 and _.")


def _head(file_set: FileSet, places: Places, length: int) -> bytes:
    """Everything before the first record; its length does not depend on the other values."""
    element = EXPLICIT.element
    parts = [element(0x00041130, "CS", file_set.id.encode())]
    if file_set.descriptor:
        parts += (
            element(0x00041141, "CS", "\\".join(file_set.descriptor).encode()),
            element(0x00041142, "CS", file_set.descriptor_character_set.encode()))
    parts += (
        element(0x00041200, "UL", places.first.to_bytes(4, "little")),
        element(0x00041202, "UL", places.last.to_bytes(4, "little")),
        element(0x00041212, "US", b"\0\0"),
        EXPLICIT.tag(0x00041220) + b"SQ\0\0" + length.to_bytes(4, "little"))
    return b"\0" * 128 + b"DICM" + _meta(file_set.uid) + b"".join(parts)


def _meta(file_set_uid: str) -> bytes:
    element = EXPLICIT.element
    group = b"".join((
        element(0x00020001, "OB", b"\0\1"),
        element(0x00020002, "UI", MEDIA_STORAGE_DIRECTORY.encode()),
        element(0x00020003, "UI", file_set_uid.encode()),
        element(0x00020010, "UI", EXPLICIT_VR_LITTLE_ENDIAN.encode()),
        element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode()),
        element(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode())))
    return element(0x00020000, "UL", len(group).to_bytes(4, "little")) + group
