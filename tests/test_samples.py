"""The samples themselves: valid, the same every time, and as damaged as they claim."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pydicom
import pytest
from pydicom.fileset import FileSet
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from samples.kinds import KINDS
from samples.patient_disc import write_index, write_patient_disc
from samples.people import NAMES
from samples.synthesis import instance, study, to_bytes, uid, write_disc
from tests.carriers import tool


def errors(file: Path) -> list[str]:
    done = subprocess.run([tool("dciodvfy"), str(file)], capture_output=True, text=True,
                          timeout=60, check=False, encoding="latin-1")
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_sample_is_valid_dicom(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "one.dcm"
    file.write_bytes(to_bytes(instance(modality=kind)))
    assert errors(file) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_is_the_same_every_time(kind: str) -> None:
    assert to_bytes(instance(2, 3, 4, 5, modality=kind)) == to_bytes(
        instance(2, 3, 4, 5, modality=kind))


def test_the_four_numbers_can_be_seen_in_the_identifiers() -> None:
    ds = instance(2, 3, 4, 5)
    assert (ds.PatientID, ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID) == (
        "P0002", uid(2, 3), uid(2, 3, 4), uid(2, 3, 4, 5))


@pytest.mark.parametrize("charset", NAMES)
def test_a_name_in_its_character_set_comes_back(charset: str) -> None:
    read = pydicom.dcmread(io.BytesIO(to_bytes(instance(charset=charset))))
    assert str(read.PatientName) == NAMES[charset]


@pytest.mark.parametrize("syntax", [
    ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless,
    JPEGLSLossless], ids=lambda uid: uid.name)
@pytest.mark.parametrize("kind", ["CT", "US", "MR"])
def test_pixels_do_not_depend_on_the_transfer_syntax(kind: str, syntax: str) -> None:
    here = pydicom.dcmread(io.BytesIO(to_bytes(instance(modality=kind, transfer_syntax=syntax))))
    plain = pydicom.dcmread(io.BytesIO(to_bytes(instance(modality=kind))))
    assert here.file_meta.TransferSyntaxUID == syntax
    assert (here.pixel_array == plain.pixel_array).all()


def test_a_keyword_replaces_and_none_removes() -> None:
    ds = instance(StudyID=None, PatientID="X")
    assert "StudyID" not in ds
    assert ds.PatientID == "X"


def test_the_dicomdir_of_a_sample_disc_is_read_by_others(tmp_path: Path) -> None:
    made = [*study(1, count=3), instance(1, 2, modality="SR"), *study(2, modality="MR", count=2)]
    write_disc(tmp_path / "disc", made)
    read = FileSet(tmp_path / "disc" / "DICOMDIR")
    assert sorted(item.SOPInstanceUID for item in read) == sorted(ds.SOPInstanceUID for ds in made)
    assert all(item.load().SOPInstanceUID == item.SOPInstanceUID for item in read)
    assert errors(tmp_path / "disc" / "DICOMDIR") == []


def test_the_dicomdir_names_what_is_missing(tmp_path: Path) -> None:
    paths = write_disc(tmp_path / "disc", study(count=4), missing={1}, lower_case=True)
    assert [path.exists() for path in paths] == [True, False, True, True]
    assert (tmp_path / "disc" / "dicomdir").exists()


def test_the_patient_disc_is_as_damaged_as_it_says(tmp_path: Path) -> None:
    write_patient_disc(tmp_path / "disc")
    files = [path for path in (tmp_path / "disc" / "DICOM").rglob("*") if path.is_file()]
    assert len(files) == 27
    assert (tmp_path / "disc" / "AUTORUN.INF").exists()
    short = [path for path in files if not _complete(path)]
    assert len(short) == 1


def _complete(path: Path) -> bool:
    try:
        ds = pydicom.dcmread(path)
        return "PixelData" not in ds or ds.pixel_array is not None
    except (ValueError, EOFError):
        return False


def test_the_index_of_the_quickstart_has_the_columns_of_load(tmp_path: Path) -> None:
    write_index(tmp_path / "index.csv")
    head = (tmp_path / "index.csv").read_text().splitlines()[0]
    assert head.startswith("patient_id,issuer,name,birth_date,sex")
