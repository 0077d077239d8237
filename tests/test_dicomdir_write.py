"""Directories that we make: complete, conforming, read alike by programs that are not ours."""

from __future__ import annotations

import random
import shutil
import subprocess
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pydicom
import pytest
from carriers import tool
from pydicom.dataset import Dataset, FileDataset
from pydicom.fileset import FileSet as PydicomFileSet
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from mediasvc.dicom.framing import read_framing
from mediasvc.errors import DamagedError, MediasvcError, SettingsError, UnsupportedError
from mediasvc.media.directory.dicomdir import read_dicomdir
from mediasvc.media.directory.dicomdir_write import FileSet, Written, write_dicomdir
from mediasvc.media.directory.directory_entry import DirectoryEntry
from mediasvc.media.directory.directory_keys import read, scan
from mediasvc.span import Span
from mediasvc.standard.directory_records import RECORD_TYPES
from mediasvc.standard.sop_classes import RECORD_TYPE_OF
from samples.kinds import KINDS, code, item
from samples.people import NAMES
from samples.synthesis import instance, to_bytes

FILE_SET = FileSet("TEST", "1.2.826.0.1.3680043.10.1511.9")


def put(folder: Path, instances: Iterable[FileDataset]) -> list[Path]:
    """The instances as DICOM/I0000001 …"""
    paths = []
    (folder / "DICOM").mkdir(parents=True, exist_ok=True)
    for number, ds in enumerate(instances, 1):
        paths.append(folder / "DICOM" / f"I{number:07d}")
        paths[-1].write_bytes(to_bytes(ds))
    return paths


def entries(paths: Iterable[Path], key_set: str = "general-cd") -> Iterator[DirectoryEntry]:
    for path in paths:
        yield scan(path, ("DICOM", path.name), key_set)


def written(folder: Path, instances: Iterable[FileDataset], key_set: str = "general-cd",
            ) -> tuple[Written, Dataset]:
    paths = put(folder, instances)
    result = write_dicomdir(folder / "DICOMDIR", entries(paths, key_set), FILE_SET, key_set=key_set)
    return result, pydicom.dcmread(folder / "DICOMDIR")


def records(ds: Dataset, kind: str) -> list[Dataset]:
    return [r for r in ds.DirectoryRecordSequence if r.DirectoryRecordType == kind]


def every_kind() -> list[FileDataset]:
    return [instance(p, s, series, n, modality=kind)
            for p in (1, 2) for s in (1, 2)
            for series, kind in enumerate(KINDS, 1) for n in (1, 2)]


def test_every_kind_of_object_is_named_under_its_series(tmp_path: Path) -> None:
    instances = every_kind()
    result, _ = written(tmp_path, instances)
    directory = read_dicomdir(memoryview((tmp_path / "DICOMDIR").read_bytes()))
    assert not directory.findings
    assert not result.findings
    assert (directory.file_set_id, directory.file_set_uid) == (FILE_SET.id, FILE_SET.uid)
    assert result.bytes == (tmp_path / "DICOMDIR").stat().st_size
    assert result.records == len(directory.records)
    told = {r.sop_instance_uid: r for r in directory.references}
    for ds in instances:
        reference = told.pop(ds.SOPInstanceUID)
        assert (reference.patient_id, reference.study_instance_uid, reference.series_instance_uid,
                reference.sop_class_uid, reference.transfer_syntax_uid) == (
            ds.PatientID, ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPClassUID,
            ds.file_meta.TransferSyntaxUID)
    assert not told


def test_file_meta_says_what_the_file_is(tmp_path: Path) -> None:
    _, ds = written(tmp_path, [instance()])
    meta = ds.file_meta
    assert meta.MediaStorageSOPClassUID == "1.2.840.10008.1.3.10"
    assert meta.MediaStorageSOPInstanceUID == FILE_SET.uid
    assert meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert ds.FileSetConsistencyFlag == 0
    data = (tmp_path / "DICOMDIR").read_bytes()
    assert data[:128] == b"\0" * 128
    # The group length leads exactly to the data set.
    assert data[144 + meta.FileMetaInformationGroupLength:][:4] == b"\x04\0\x30\x11"


def test_pydicom_walks_our_directory(tmp_path: Path) -> None:
    instances = every_kind()
    written(tmp_path, instances)
    found = {i.SOPInstanceUID: i for i in PydicomFileSet(tmp_path / "DICOMDIR")}
    assert set(found) == {ds.SOPInstanceUID for ds in instances}
    assert all(Path(i.path).is_file() for i in found.values())


@pytest.mark.parametrize("key_set", ["none", "general-cd", "extended"])
def test_validators_find_no_error(tmp_path: Path, key_set: str) -> None:
    written(tmp_path, every_kind(), key_set)
    for command in (["dciodvfy", "-new"], ["dcdirdmp"], ["dcmdump", "-q"]):
        done = subprocess.run([tool(command[0]), *command[1:], "DICOMDIR"], cwd=tmp_path,
                              capture_output=True, text=True, check=False)
        assert "Error" not in done.stdout + done.stderr, done.stderr[:2000]


PROFILES = {"general-cd": "-Pgp", "extended": "-Pdv"}


def key_of(record: Dataset) -> tuple[str, object]:
    kind = record.DirectoryRecordType
    names = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID"}
    value = record[names.get(kind, "ReferencedFileID")].value
    return kind, value if isinstance(value, str) else tuple(value)


@pytest.mark.parametrize("key_set", PROFILES)
def test_dcmmkdir_makes_the_same_records(tmp_path: Path, key_set: str) -> None:
    _, ours = written(tmp_path, every_kind(), key_set)
    subprocess.run([tool("dcmmkdir"), "-W", "-nb", PROFILES[key_set], "+r", "+D", "THEIRS",
                    "DICOM"], cwd=tmp_path, check=True, capture_output=True)
    theirs = pydicom.dcmread(tmp_path / "THEIRS")
    mine = {key_of(r): r for r in ours.DirectoryRecordSequence}
    other = {key_of(r): r for r in theirs.DirectoryRecordSequence}
    assert mine.keys() == other.keys()
    links = (0x00041400, 0x00041420)
    for key, record in mine.items():
        a = {e.tag: e.value for e in record if e.tag not in links}
        b = {e.tag: e.value for e in other[key] if e.tag not in links}
        # dcmmkdir copies the character set even where all text is ASCII.
        b.pop(0x00080005, None)
        a.pop(0x00080005, None)
        assert a == b, key


def test_order_of_the_files_makes_no_second_record(tmp_path: Path) -> None:
    instances = every_kind()
    random.Random(7).shuffle(instances)
    result, ds = written(tmp_path, instances)
    assert Counter(r.DirectoryRecordType for r in ds.DirectoryRecordSequence)["STUDY"] == 4
    assert not result.findings
    directory = read_dicomdir(memoryview((tmp_path / "DICOMDIR").read_bytes()))
    assert not directory.findings
    assert len(directory.references) == len(instances)
    kinds = [r.type for r in directory.records]
    # Depth first: every record stands behind the one above it.
    assert all(r.parent < at for at, r in enumerate(directory.records))
    assert kinds[:4] == ["PATIENT", "STUDY", "SERIES", kinds[3]]


def test_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    paths = put(tmp_path, [instance(1, 1, 1, n, StudyID=None, PatientID="") for n in (1, 2)])
    for name in ("A", "B"):
        write_dicomdir(tmp_path / name, entries(paths), FILE_SET, key_set="general-cd")
    assert (tmp_path / "A").read_bytes() == (tmp_path / "B").read_bytes()


def test_directory_without_files_is_possible(tmp_path: Path) -> None:
    result = write_dicomdir(tmp_path / "DICOMDIR", [], FILE_SET)
    assert result.records == 0
    assert not pydicom.dcmread(tmp_path / "DICOMDIR").DirectoryRecordSequence


def test_open_descriptor_is_written_and_stays_open(tmp_path: Path) -> None:
    paths = put(tmp_path, [instance()])
    with (tmp_path / "DICOMDIR").open("wb") as out:
        result = write_dicomdir(out.fileno(), entries(paths), FILE_SET)
        assert out.seek(0, 2) == result.bytes


def test_readme_is_named_with_its_character_set(tmp_path: Path) -> None:
    file_set = FileSet("", "1.2.3", ("IHE_PDI", "README"), "ISO_IR 192")
    write_dicomdir(tmp_path / "DICOMDIR", entries(put(tmp_path, [instance()])), file_set)
    ds = pydicom.dcmread(tmp_path / "DICOMDIR")
    assert ds.FileSetDescriptorFileID == ["IHE_PDI", "README"]
    assert ds.SpecificCharacterSetOfFileSetDescriptorFile == "ISO_IR 192"
    assert len(read_dicomdir(memoryview((tmp_path / "DICOMDIR").read_bytes())).references) == 1


@pytest.mark.parametrize("file_set", [
    FileSet("X" * 17, "1.2.3"), FileSet("lower", "1.2.3"), FileSet("A-B", "1.2.3"),
    FileSet("A", "1.2.3", ("README.TXT",))])
def test_names_that_no_file_set_may_have_are_refused(tmp_path: Path, file_set: FileSet) -> None:
    with pytest.raises(SettingsError):
        write_dicomdir(tmp_path / "DICOMDIR", [], file_set)


@pytest.mark.parametrize("file_id", [("dicom", "I1"), ("A" * 9,), ("..", "I1"), (), ("Ä",)])
def test_file_that_no_file_set_may_name_is_refused(
        tmp_path: Path, file_id: tuple[str, ...]) -> None:
    [path] = put(tmp_path, [instance()])
    with pytest.raises(ValueError, match="File ID"):
        write_dicomdir(tmp_path / "DICOMDIR", [scan(path, file_id)], FILE_SET)


# What is missing in the instance

def test_missing_keys_are_invented_in_the_directory_only(tmp_path: Path) -> None:
    missing = ("StudyDate", "StudyTime", "StudyID", "SeriesNumber", "InstanceNumber")
    instances = [instance(1, 1, 1, n, ContentDate="", **dict.fromkeys(missing))
                 for n in (1, 2, 3)]
    before = [to_bytes(ds) for ds in instances]
    result, ds = written(tmp_path, instances)
    [study], [series] = records(ds, "STUDY"), records(ds, "SERIES")
    assert (study.StudyDate, study.StudyTime, study.StudyID) == ("19000101", "000000", "1")
    assert series.SeriesNumber == 1
    assert [r.InstanceNumber for r in records(ds, "IMAGE")] == [1, 2, 3]
    assert {f.code for f in result.findings} == {"key-invented"}
    assert all(f.severity == "info" and "D.3.3.1" in f.rule for f in result.findings)
    assert {f.text.split(" invented ")[1].split(",")[0] for f in result.findings} == {
        "Study Date", "Study Time", "Study ID", "Series Number", "Instance Number"}
    assert [p.read_bytes() for p in sorted((tmp_path / "DICOM").iterdir())] == before


def test_missing_study_date_is_taken_from_the_images(tmp_path: Path) -> None:
    _, ds = written(tmp_path, [instance(StudyDate=None, AcquisitionDate="20240506")])
    assert records(ds, "STUDY")[0].StudyDate == "20240506"


def test_missing_patient_id_keeps_one_person_together_and_two_apart(tmp_path: Path) -> None:
    instances = [instance(p, s, PatientID=None) for p in (1, 2) for s in (1, 2)]
    result, ds = written(tmp_path, instances)
    patients = records(ds, "PATIENT")
    assert len(patients) == 2
    assert len({r.PatientID for r in patients}) == 2
    assert all(r.PatientID.startswith("NOID") for r in patients)
    assert "2 PATIENT records" in result.findings[0].text


def test_nameless_patients_without_id_are_not_put_together(tmp_path: Path) -> None:
    instances = [instance(p, 1, PatientID="", PatientName="") for p in (1, 2)]
    _, ds = written(tmp_path, instances)
    assert len(records(ds, "PATIENT")) == 2


@pytest.mark.parametrize("kind", ["SR", "KO", "DOC", "RTDOSE", "ECG"])
def test_document_without_any_key_still_gets_a_conforming_record(
        tmp_path: Path, kind: str) -> None:
    bare = instance(modality=kind)
    leaf = RECORD_TYPES[RECORD_TYPE_OF[bare.SOPClassUID]]
    for key in leaf.keys:
        if key.tag in bare:
            del bare[key.tag]
    result, _ = written(tmp_path, [bare])
    assert result.findings
    done = subprocess.run([tool("dciodvfy"), "-new", "DICOMDIR"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert "Error" not in done.stdout + done.stderr, done.stderr


def test_instance_without_identifying_uids_is_refused(tmp_path: Path) -> None:
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        [path] = put(tmp_path, [instance(**{keyword: None})])
        with pytest.raises(DamagedError):
            scan(path, ("I1",))


def test_unknown_sop_class_is_refused(tmp_path: Path) -> None:
    ds = instance()
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.3.4"
    with pytest.raises(UnsupportedError):
        scan(put(tmp_path, [ds])[0], ("I1",))


def test_study_under_two_patients_is_listed_once_and_reported(tmp_path: Path) -> None:
    result, ds = written(tmp_path, [instance(1, 1, 1, 1), instance(1, 1, 2, 1, PatientID="P2")])
    assert len(records(ds, "PATIENT")) == len(records(ds, "STUDY")) == 1
    assert len(records(ds, "IMAGE")) == 2
    assert {f.code for f in result.findings} == {"directory-levels-contradict"}


# Keys of the profiles

def multi_frame(**groups: Dataset) -> FileDataset:
    ds = instance(modality="CINE", frames=2)
    ds.SharedFunctionalGroupsSequence = Sequence([item(**{
        keyword: Sequence([value]) for keyword, value in groups.items()})])
    return ds


def test_extended_keys_are_taken_from_the_shared_functional_groups(tmp_path: Path) -> None:
    ds = multi_frame(
        PlanePositionSequence=item(ImagePositionPatient=[1, 2, 3]),
        PlaneOrientationSequence=item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        PixelMeasuresSequence=item(PixelSpacing=[0.5, 0.5]),
        ReferencedImageSequence=item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2",
                                     ReferencedSOPInstanceUID="1.2.3"))
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        if keyword in ds:
            delattr(ds, keyword)
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        ds.file_meta.TransferSyntaxUID = syntax
        _, directory = written(tmp_path, [ds], "extended")
        [record] = records(directory, "IMAGE")
        assert record.ImagePositionPatient == [1, 2, 3]
        assert record.ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
        assert record.PixelSpacing == [0.5, 0.5]
        assert record.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3"
        assert record.NumberOfFrames == 2


def test_extended_keys_stand_where_the_profile_asks_for_them(tmp_path: Path) -> None:
    ds = instance(InstitutionAddress="Street 1", PerformingPhysicianName="Doctor^D",
                  LossyImageCompressionRatio="12", FrameOfReferenceUID="1.2.3.9")
    _, directory = written(tmp_path, [ds], "extended")
    [patient], [series] = records(directory, "PATIENT"), records(directory, "SERIES")
    [image] = records(directory, "IMAGE")
    assert (patient.PatientBirthDate, patient.PatientSex) == (ds.PatientBirthDate, ds.PatientSex)
    assert series.InstitutionAddress == "Street 1"
    assert series.PerformingPhysicianName == "Doctor^D"
    assert (image.Rows, image.Columns) == (16, 16)
    assert image.LossyImageCompressionRatio == 12
    assert image.FrameOfReferenceUID == "1.2.3.9"
    assert image.ImageType == ds.ImageType


def test_rows_that_look_like_padding_are_kept(tmp_path: Path) -> None:
    _, directory = written(tmp_path, [instance(rows=32, columns=512)], "extended")
    [image] = records(directory, "IMAGE")
    assert (image.Rows, image.Columns) == (32, 512)


def test_only_concept_modifiers_of_a_report_are_repeated(tmp_path: Path) -> None:
    ds = instance(modality="SR", VerificationFlag="VERIFIED")
    ds.ContentSequence.append(item(
        RelationshipType="HAS CONCEPT MOD", ValueType="CODE",
        ConceptNameCodeSequence=code("121049", "DCM", "Language"),
        ConceptCodeSequence=code("de", "RFC5646", "Größe")))
    ds.VerifyingObserverSequence = Sequence([
        item(VerificationDateTime="20240101120000"), item(VerificationDateTime="20240301120000")])
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        ds.file_meta.TransferSyntaxUID = syntax
        _, directory = written(tmp_path, [ds])
        [record] = records(directory, "SR DOCUMENT")
        [modifier] = record.ContentSequence
        assert modifier.ConceptCodeSequence[0].CodeMeaning == "Größe"
        assert record.SpecificCharacterSet == ds.SpecificCharacterSet
        assert record.VerificationDateTime == "20240301120000"
        assert record.ConceptNameCodeSequence == ds.ConceptNameCodeSequence


# Text

@pytest.mark.parametrize("charset", NAMES)
def test_names_keep_their_bytes_and_character_set(tmp_path: Path, charset: str) -> None:
    ds = instance(charset=charset)
    _, directory = written(tmp_path, [ds])
    [patient], [series] = records(directory, "PATIENT"), records(directory, "SERIES")
    assert str(patient.PatientName) == str(ds.PatientName)
    assert ("SpecificCharacterSet" in patient) == bool(charset)
    assert "SpecificCharacterSet" not in series
    [reference] = read_dicomdir(memoryview((tmp_path / "DICOMDIR").read_bytes())).references
    assert reference.patient_name == NAMES[charset]
    assert not reference.uncertain_text


def test_text_of_an_undeclared_character_set_is_reported(tmp_path: Path) -> None:
    ds = instance(charset="ISO_IR 100")
    [path] = put(tmp_path, [ds])
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b" " * 10))
    result = write_dicomdir(tmp_path / "DICOMDIR", entries([path]), FILE_SET, key_set="general-cd")
    assert {f.code for f in result.findings} == {"key-character-set"}


def test_dates_of_the_time_before_dicom_are_written_as_today(tmp_path: Path) -> None:
    [path] = put(tmp_path, [instance(StudyTime="112000.1")])
    data = path.read_bytes()
    date = pydicom.dcmread(path).StudyDate
    old = f"{date[:4]}.{date[4:6]}.{date[6:]}".encode()
    at = data.index(b"\x08\0\x20\0DA\x08\0")
    path.write_bytes(data[:at + 6] + b"\x0a\0" + old + data[at + 16:])
    write_dicomdir(tmp_path / "DICOMDIR", entries([path]), FILE_SET)
    [study] = records(pydicom.dcmread(tmp_path / "DICOMDIR"), "STUDY")
    assert (study.StudyDate, study.StudyTime) == (date, "112000.1")


# Reading the keys

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian]


def _rewritten(ds: FileDataset, syntax: str) -> FileDataset:
    ds.file_meta.TransferSyntaxUID = syntax
    return ds


@pytest.mark.parametrize("key_set", ["none", "extended"])
@pytest.mark.parametrize("kind", KINDS)
def test_keys_are_the_same_in_every_transfer_syntax(
        tmp_path: Path, kind: str, key_set: str) -> None:
    found = []
    for syntax in SYNTAXES:
        ds = instance(modality=kind, transfer_syntax=syntax)
        [path] = put(tmp_path, [ds])
        entry = scan(path, ("I1",), key_set)
        assert entry.transfer_syntax_uid == syntax
        found.append((entry.values, entry.character_set, entry.record_type))
        with Span.of_file(path).view() as view:
            assert read(read_framing(view), ("I1",), key_set) == entry
    lengths = [{tag for tag, value in values.items() if value} for values, *_ in found]
    assert lengths[1:] == lengths[:-1]
    plain = [{tag: value for tag, value in values.items() if len(value) < 64}
             for values, *_ in found]
    assert plain[1:] == plain[:-1]


def test_encapsulated_file_is_named_with_its_syntax(tmp_path: Path) -> None:
    _, directory = written(tmp_path, [instance(transfer_syntax=RLELossless)])
    assert records(directory, "IMAGE")[0].ReferencedTransferSyntaxUIDInFile == RLELossless


@pytest.mark.parametrize("size", [6_000, 30_000, 400_000])
def test_long_header_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    ds = instance(InstanceNumber="77")
    ds.add_new(0x00090010, "LO", "SAMPLES")
    ds.add_new(0x00091001, "OB", b"\1\2" * size)
    _, directory = written(tmp_path, [ds])
    assert records(directory, "IMAGE")[0].InstanceNumber == 77


def _swapped_elements(data: bytes) -> bytes:
    """Study Date before SOP Instance UID."""
    start, middle = data.index(b"\x08\0\x18\0UI"), data.index(b"\x08\0\x20\0DA")
    end = middle + 16
    return data[:start] + data[middle:end] + data[start:middle] + data[end:]


def _without_meta(data: bytes) -> bytes:
    return data[data.index(b"\x08\0\x05\0CS"):]


@pytest.mark.parametrize("change", [_swapped_elements, _without_meta])
def test_oddly_written_file_is_read_in_full(
        tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    [path] = put(tmp_path, [instance()])
    usual = scan(path, ("I1",))
    path.write_bytes(change(path.read_bytes()))
    assert scan(path, ("I1",)).values == usual.values


def test_link_is_not_followed(tmp_path: Path) -> None:
    [path] = put(tmp_path, [instance()])
    (tmp_path / "LINK").symlink_to(path)
    with pytest.raises(OSError, match="LINK"):
        scan(tmp_path / "LINK", ("I1",))


def test_every_storage_class_has_a_record_type() -> None:
    from pydicom._uid_dict import UID_dictionary

    without = ("Standalone", "Procedure Protocol", "Protocol Approval", "Inventory", "DICOS")
    for uid, (name, kind, _, _, _) in UID_dictionary.items():
        storage = kind == "SOP Class" and name.split(" - ")[0].endswith("Storage")
        if storage and uid.startswith("1.2.840.10008.5.1.4.1.1.") and not any(
                word in name for word in without):
            assert RECORD_TYPE_OF[uid] in RECORD_TYPES, name


def test_memory_does_not_grow_with_what_records_hold(tmp_path: Path) -> None:
    def peak(text: bytes) -> int:
        made = (DirectoryEntry(
            ("DICOM", f"I{n:07d}"), "IMAGE", "1.2.840.10008.5.1.4.1.1.2", f"1.2.{n}",
            ExplicitVRLittleEndian, {0x00100020: b"P", 0x0020000D: b"1.1",
                                     0x0020000E: b"1.2.%d" % (n // 100), 0x00080008: text})
            for n in range(4000))
        tracemalloc.start()
        write_dicomdir(tmp_path / "DICOMDIR", made, FILE_SET, key_set="general-cd")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(b"X")
    assert peak(b"X" * 4000) < peak(b"X") + 200_000


# Real files

def test_directories_of_real_objects_satisfy_the_validators(
        real_data: Path, tmp_path: Path) -> None:
    for name in ("media/covid_pdi", "media/clunie_charset", "series", "objects"):
        folder = tmp_path / name.replace("/", "_")
        (folder / "DICOM").mkdir(parents=True)
        made = []
        for number, path in enumerate(sorted(p for p in (real_data / name).rglob("*")
                                             if p.is_file()), 1):
            file_id = ("DICOM", f"I{number:07d}")
            try:
                made.append(scan(path, file_id, "general-cd"))
            except MediasvcError:
                continue
            with Span.of_file(path).view() as view:
                assert read(read_framing(view), file_id, "general-cd") == made[-1]
            shutil.copy(path, folder / "DICOM" / file_id[1])
        write_dicomdir(folder / "DICOMDIR", made, FILE_SET, key_set="general-cd")
        assert len(made) > 10
        assert len({i.path for i in PydicomFileSet(folder / "DICOMDIR")}) == len(made)
        for command in (["dciodvfy", "-new"], ["dcdirdmp"]):
            done = subprocess.run([tool(command[0]), *command[1:], "DICOMDIR"], cwd=folder,
                                  capture_output=True, check=False)
            said = (done.stdout + done.stderr).decode("latin-1").splitlines()
            errors = [line for line in said if "Error" in line]
            # UIDs and one text that are wrong in the instances themselves.
            assert not [line for line in errors if "root for UID" not in line
                        and "StudyDescription" not in line]
