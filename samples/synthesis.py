"""One instance of any kind, every attribute a visible function of four numbers.

Made with pydicom alone, so that tests have an oracle that shares no code with mediasvc.
"""

from __future__ import annotations

import io
from typing import Any

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from samples.disc import write_disc
from samples.kinds import KINDS, Place
from samples.people import NAMES, Person, person

__all__ = [
    "KINDS",
    "NAMES",
    "ROOT",
    "Person",
    "instance",
    "person",
    "study",
    "to_bytes",
    "uid",
    "write_disc",
]

ROOT = "1.2.826.0.1.3680043.10.1511"
NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian,
          DeflatedExplicitVRLittleEndian}


def uid(*numbers: int) -> str:
    """``uid(1, 2)`` is the Study Instance UID of patient 1, study 2; four numbers an instance."""
    return ".".join((ROOT, *map(str, numbers)))


def instance(patient: int = 1, study: int = 1, series: int = 1, instance: int = 1, *,
             modality: str = "CT", rows: int = 16, columns: int = 16, frames: int = 0,
             transfer_syntax: str = ExplicitVRLittleEndian, charset: str | None = None,
             **keywords: Any) -> FileDataset:
    """A data set with file meta, ready for `to_bytes`.

    ``modality`` is a key of `samples.kinds.KINDS` (``CINE`` is a multi-frame ultrasound loop, 4
    frames unless ``frames`` says more). ``charset`` picks a name that needs this character set.
    ``keywords`` are DICOM keywords that replace what the numbers gave; None removes one.
    ``transfer_syntax`` may be any that pydicom's installed encoders write.
    """
    kind = KINDS[modality]
    ds = FileDataset("", {}, preamble=b"\0" * 128)
    _patient(ds, person(patient, charset))
    _study(ds, patient, study)
    _series(ds, patient, study, series, kind.modality)
    ds.SOPClassUID = kind.sop_class_uid
    ds.SOPInstanceUID = uid(patient, study, series, instance)
    ds.InstanceNumber = str(instance)
    ds.ContentDate, ds.ContentTime = ds.StudyDate, f"1200{instance % 60:02d}"
    seed = ((patient * 31 + study) * 31 + series) * 1009 + instance
    count = frames or (4 if modality in ("CINE", "RTDOSE") else 1)
    kind.fill(ds, Place(rows, columns, count, seed, instance))
    _replace(ds, keywords)
    ds.file_meta = _meta(ds)
    _encode(ds, transfer_syntax)
    return ds


def study(patient: int = 1, study: int = 1, *, modality: str = "CT", series: int = 1,
          count: int = 3, **keywords: Any) -> list[FileDataset]:
    """One series of ``count`` instances."""
    return [instance(patient, study, series, number, modality=modality, **keywords)
            for number in range(1, count + 1)]


def to_bytes(ds: Dataset) -> bytes:
    """A Part 10 file: preamble, meta, data set in the transfer syntax that the meta names."""
    stream = io.BytesIO()
    dcmwrite(stream, ds, enforce_file_format=True)
    return stream.getvalue()


def _patient(ds: Dataset, someone: Person) -> None:
    ds.SpecificCharacterSet = someone.specific_character_set.split("\\")
    ds.PatientName = someone.patient_name
    ds.PatientID = someone.patient_id
    ds.PatientBirthDate = someone.patient_birth_date
    ds.PatientSex = someone.patient_sex


def _study(ds: Dataset, patient: int, study: int) -> None:
    ds.StudyInstanceUID = uid(patient, study)
    ds.StudyDate = f"2024{1 + patient % 12:02d}{1 + study % 28:02d}"
    ds.StudyTime = f"10{study % 60:02d}00"
    ds.StudyID = f"S{patient}-{study}"
    ds.AccessionNumber = f"A{patient:04d}{study:03d}"
    ds.ReferringPhysicianName = "Referrer^Rita"
    ds.StudyDescription = f"Study {study} of patient {patient}"


def _series(ds: Dataset, patient: int, study: int, series: int, modality: str) -> None:
    ds.SeriesInstanceUID = uid(patient, study, series)
    ds.Modality = modality
    ds.SeriesNumber = str(series)
    ds.SeriesDescription = f"Series {series} {modality}"
    ds.BodyPartExamined = "ABDOMEN"
    ds.Manufacturer = "Sampleworks"
    ds.ManufacturerModelName = "Phantom 1"
    ds.DeviceSerialNumber = "1"
    ds.SoftwareVersions = "1.0"
    ds.InstitutionName = "Sample Hospital"


def _replace(ds: Dataset, keywords: dict[str, Any]) -> None:
    for keyword, value in keywords.items():
        if value is not None:
            setattr(ds, keyword, value)
        elif keyword in ds:
            delattr(ds, keyword)


def _meta(ds: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = f"{ROOT}.0.1"
    meta.ImplementationVersionName = "SAMPLES_1"
    meta.SourceApplicationEntityTitle = "SAMPLES"
    return meta


def _encode(ds: FileDataset, transfer_syntax: str) -> None:
    if transfer_syntax not in NATIVE:
        ds.compress(transfer_syntax, generate_instance_uid=False)
        return
    if transfer_syntax == ExplicitVRBigEndian and ds.get("BitsAllocated") == 16:
        data = bytearray(ds.PixelData)
        data[0::2], data[1::2] = data[1::2], data[0::2]
        ds.PixelData = bytes(data)
    ds.file_meta.TransferSyntaxUID = transfer_syntax
