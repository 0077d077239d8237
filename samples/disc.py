"""A patient disc as a folder: DICOM/PT000001/ST000001/SE000001/IM000001 and a DICOMDIR.

A plain linear writer, free to place files where real discs have them and to leave some out.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite, write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

PATIENT_KEYS = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
STUDY_KEYS = ("StudyDate", "StudyTime", "StudyDescription", "StudyInstanceUID", "StudyID",
              "AccessionNumber")
SERIES_KEYS = ("Modality", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription")
#: SOP Class UID → record type and its keys (PS3.3 F.5); every other class is an IMAGE.
LEAVES: dict[str, tuple[str, tuple[str, ...]]] = {
    "1.2.840.10008.5.1.4.1.1.88.11": ("SR DOCUMENT", (
        "InstanceNumber", "CompletionFlag", "VerificationFlag", "ContentDate", "ContentTime",
        "ConceptNameCodeSequence")),
    "1.2.840.10008.5.1.4.1.1.88.59": ("KEY OBJECT DOC", (
        "InstanceNumber", "ContentDate", "ContentTime", "ConceptNameCodeSequence")),
    "1.2.840.10008.5.1.4.1.1.104.1": ("ENCAP DOC", (
        "InstanceNumber", "ContentDate", "ContentTime", "DocumentTitle",
        "MIMETypeOfEncapsulatedDocument", "ConceptNameCodeSequence")),
    "1.2.840.10008.5.1.4.1.1.11.1": ("PRESENTATION", (
        "InstanceNumber", "ContentLabel", "ContentDescription", "ContentCreatorName",
        "PresentationCreationDate", "PresentationCreationTime", "ReferencedSeriesSequence")),
    "1.2.840.10008.5.1.4.1.1.9.1.2": ("WAVEFORM", (
        "InstanceNumber", "ContentDate", "ContentTime")),
    "1.2.840.10008.5.1.4.1.1.481.2": ("RT DOSE", ("InstanceNumber", "DoseSummationType")),
}
IMAGE: tuple[str, tuple[str, ...]] = ("IMAGE", ("InstanceNumber", "Rows", "Columns", "ImageType"))


@dataclass
class Record:
    data: Dataset
    below: dict[str, Record] = field(default_factory=dict)
    offset: int = 0


def write_disc(folder: Path, instances: Iterable[FileDataset], *, dicomdir: bool = True,
               extras: Mapping[str, bytes] | None = None, missing: Collection[int] = (),
               lower_case: bool = False) -> list[Path]:
    """Write the instances, a DICOMDIR that names them all, and ``extras`` (path → bytes).

    ``missing`` are positions (from 0) that DICOMDIR names but the disc does not hold;
    ``lower_case`` writes the files' names in lower case, as some drives show them.
    Returns the path of every instance in order, missing ones too.
    """
    root: dict[str, Record] = {}
    paths = []
    for position, ds in enumerate(instances):
        file_id = _place(root, ds)
        path = folder.joinpath(*(part.lower() if lower_case else part for part in file_id))
        paths.append(path)
        if position not in missing:
            path.parent.mkdir(parents=True, exist_ok=True)
            dcmwrite(path, ds, enforce_file_format=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (extras or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    if dicomdir:
        (folder / ("dicomdir" if lower_case else "DICOMDIR")).write_bytes(_dicomdir(root))
    return paths


def _place(root: dict[str, Record], ds: FileDataset) -> list[str]:
    """Add the records of one instance; its File ID."""
    levels = (("PATIENT", "PT", ds.get("PatientID", ""), PATIENT_KEYS),
              ("STUDY", "ST", ds.StudyInstanceUID, STUDY_KEYS),
              ("SERIES", "SE", ds.SeriesInstanceUID, SERIES_KEYS))
    file_id, below = ["DICOM"], root
    for kind, prefix, key, keywords in levels:
        number = list(below).index(key) + 1 if key in below else len(below) + 1
        file_id.append(f"{prefix}{number:06d}")
        below = below.setdefault(key, Record(_record(kind, ds, keywords))).below
    file_id.append(f"IM{len(below) + 1:06d}")
    kind, keywords = LEAVES.get(ds.SOPClassUID, IMAGE)
    leaf = _record(kind, ds, keywords)
    leaf.ReferencedFileID = file_id
    leaf.ReferencedSOPClassUIDInFile = ds.SOPClassUID
    leaf.ReferencedSOPInstanceUIDInFile = ds.SOPInstanceUID
    leaf.ReferencedTransferSyntaxUIDInFile = ds.file_meta.TransferSyntaxUID
    below[f"{len(below) + 1}"] = Record(leaf)
    return file_id


def _record(kind: str, ds: Dataset, keywords: Iterable[str]) -> Dataset:
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = 0
    record.RecordInUseFlag = 0xFFFF
    record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.DirectoryRecordType = kind
    if "SpecificCharacterSet" in ds:
        record.SpecificCharacterSet = ds.SpecificCharacterSet
    for keyword in keywords:
        setattr(record, keyword, ds.get(keyword, "" if not keyword.endswith("Sequence") else []))
    return record


def _dicomdir(root: dict[str, Record]) -> bytes:
    records = list(_in_order(root))
    ds = FileDataset("", {}, preamble=b"\0" * 128)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.10.1511.0.2"
    ds.file_meta.ImplementationClassUID = "1.2.826.0.1.3680043.10.1511.0.1"
    ds.FileSetID = "SAMPLE"
    ds.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.FileSetConsistencyFlag = 0
    ds.DirectoryRecordSequence = Sequence()
    offset = len(_bytes(ds))
    for record in records:
        record.offset = offset
        offset += 8 + _length(record.data)
    _link(list(root.values()))
    if root:
        first, *_, last = [*root.values(), *root.values()]
        ds.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = first.offset
        ds.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = last.offset
    ds.DirectoryRecordSequence = Sequence([record.data for record in records])
    return _bytes(ds)


def _in_order(records: dict[str, Record]) -> Iterable[Record]:
    for record in records.values():
        yield record
        yield from _in_order(record.below)


def _link(siblings: list[Record]) -> None:
    for record, following in zip_longest(siblings, siblings[1:]):
        record.data.OffsetOfTheNextDirectoryRecord = following.offset if following else 0
        below = list(record.below.values())
        record.data.OffsetOfReferencedLowerLevelDirectoryEntity = below[0].offset if below else 0
        _link(below)


def _length(record: Dataset) -> int:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    return int(write_dataset(stream, record))


def _bytes(ds: Dataset) -> bytes:
    stream = io.BytesIO()
    dcmwrite(stream, ds, enforce_file_format=True)
    return stream.getvalue()
