"""A batch of files: tables, side-cars, models with their materials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydicom
import pytest

from tests import wrap_things as things
from tests.conftest import Program
from tests.test_wrap import CSV
from tests.wrap_things import MTL, OBJ

HEAD = ("file;patient_id;issuer;name;birth_date;sex;study_date;modality;InstanceNumber;"
        "DocumentTitle\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    things.written(tmp_path, "a.jpg", things.jpeg())
    things.written(tmp_path, "b.jpg", things.jpeg(things.photo(16, 16)))
    things.written(tmp_path, "c.pdf", things.PDF)
    return tmp_path


def table(folder: Path, *rows: str, head: str = HEAD) -> Path:
    return things.written(folder, "all.csv", (head + "\n".join(rows) + "\n").encode("utf-8-sig"))


def made(done: Any) -> dict[str, pydicom.Dataset]:
    return {Path(row["path"]).name: pydicom.dcmread(row["out"]) for row in done.of("wrapped")}


def test_a_table_says_whose_each_file_is(cli: Program, folder: Path) -> None:
    side = table(folder, "a.jpg;W1;LOCAL;Weiß^Ada;19700102;F;20260105;ES;7;",
                 "b.jpg;W1;LOCAL;Weiß^Ada;;;20260105;;;",
                 f"{folder}/c.pdf;W2;LOCAL;Rot^Eva;;;;;;Brief")
    found = made(cli("wrap", *sorted(folder.glob("?.*")), "--identity", side))
    assert [one.PatientID for one in found.values()] == ["W1", "W1", "W2"]
    assert (found["a.jpg"].Modality, found["a.jpg"].InstanceNumber) == ("ES", 7)
    assert (found["b.jpg"].Modality, found["c.pdf"].DocumentTitle) == ("XC", "Brief")
    assert found["a.jpg"].StudyInstanceUID == found["b.jpg"].StudyInstanceUID
    assert found["a.jpg"].StudyInstanceUID != found["c.pdf"].StudyInstanceUID


def test_each_patient_of_a_table_has_a_study_of_its_first_day(cli: Program, tmp_path: Path) -> None:
    days = {"a": "2026:02:03 04:05:06", "b": "2026:02:01 04:05:06", "c": "2026:03:01 04:05:06"}
    for name, taken in days.items():
        things.written(tmp_path, f"{name}.jpg", things.jpeg(None, things.exif(taken=taken)))
    side = table(tmp_path, "a.jpg,W1", "b.jpg,W1", "c.jpg,W2", head="file,patient_id\n")
    found = made(cli("wrap", *sorted(tmp_path.glob("*.jpg")), "--identity", side))
    assert [one.StudyDate for one in found.values()] == ["20260201", "20260201", "20260301"]


def test_a_file_without_a_row_costs_only_itself(cli: Program, folder: Path) -> None:
    done = cli("wrap", folder / "a.jpg", folder / "b.jpg", "--identity",
               table(folder, "a.jpg,W1", head="file,patient_id\n"))
    assert done.code == 1 and len(done.of("wrapped")) == 1
    assert "no row" in done.of("refused")[0]["reason"]


@pytest.mark.parametrize(("rows", "words"), [
    (["file,patient_id", "a.jpg,"], "line 2 of the table has no patient_id"),
    (["file,patient_id", "a.jpg,W1,x"], "line 2 of the table has 3 values"),
    (["file,patient_id", "a.jpg,W1", "a.jpg,W1"], "line 3 of the table names a file twice"),
    (["file,patient_id,name", "a.jpg,W1,A^B", "b.jpg,W1,C^D"], "lines 2 and 3"),
    (["patient_id", "W1"], "columns file and patient_id"),
    (["file,patient_id,Rows", "a.jpg,W1,5"], "Rows comes from the file"),
    (["file,patient_id,PatientHeight", "a.jpg,W1,5"], "Did you mean"),
    (["file,patient_id,birth_date", "a.jpg,W1,2.1.70"], "PatientBirthDate does not fit"),
    (['file,patient_id', 'a.jpg,"W1'], "is not CSV"),
])
def test_a_table_that_cannot_be_is_refused_with_its_line(cli: Program, folder: Path,
                                                         rows: list[str], words: str) -> None:
    path = things.written(folder, "all.csv", "\n".join(rows).encode())
    done = cli("wrap", folder / "a.jpg", "--identity", path)
    assert done.code == 3 and words in done.stderr


def test_a_side_car_is_enough(cli: Program, folder: Path) -> None:
    (folder / "a.jpg.json").write_text(json.dumps(things.IDENTITY | {"modality": "GM"}))
    assert made(cli("wrap", folder / "a.jpg"))["a.jpg"].Modality == "GM"
    done = cli("wrap", folder / "a.jpg", folder / "b.jpg")
    assert done.code == 3 and "side-car" in done.stderr


def test_a_side_car_adds_and_never_names_another_patient(cli: Program, folder: Path) -> None:
    (folder / "a.jpg.json").write_text('{"study_date": "20260301", "ImageComments": "left"}')
    (folder / "b.jpg.json").write_text('{"patient_id": "W2"}')
    done = cli("wrap", folder / "a.jpg", folder / "b.jpg", "--identity", things.identity(folder))
    found = made(done)["a.jpg"]
    assert (found.PatientID, found.StudyDate, found.ImageComments) == ("W1", "20260301", "left")
    assert "another patient" in done.of("refused")[0]["reason"]


def test_a_model_refers_to_its_materials(cli: Program, tmp_path: Path) -> None:
    paths = [things.written(tmp_path, "bone.obj", OBJ), things.written(tmp_path, "Bone.MTL", MTL)]
    found = made(cli("wrap", *paths, "--identity", things.identity(tmp_path)))
    model, material = found["bone.obj"], found["Bone.MTL"]
    reference = model.ReferencedInstanceSequence[0]
    assert reference.ReferencedSOPInstanceUID == material.SOPInstanceUID
    assert reference.RelativeURIReferenceWithinEncapsulatedDocument == "bone.mtl"
    assert model.ReferencedSeriesSequence[0].SeriesInstanceUID == material.SeriesInstanceUID
    assert model.StudyInstanceUID == material.StudyInstanceUID


def test_a_model_without_its_materials_says_so(cli: Program, tmp_path: Path) -> None:
    path = things.written(tmp_path, "bone.obj", OBJ)
    row = cli("wrap", path, "--identity", things.identity(tmp_path)).of("wrapped")[0]
    assert row["notes"] == ["its material library bone.mtl was not wrapped with it"]


def test_patients_of_a_table_are_filed_one_by_one(cli: Program, folder: Path) -> None:
    assert cli("patients", "load", things.written(folder, "p.csv", CSV.encode())).code == 0
    side = table(folder, "a.jpg;W1;LOCAL;Weiß^Ada;19700102;F;20260105;;;",
                 "b.jpg;W9;LOCAL;Grün^Ida;;;20260105;;;")
    done = cli("wrap", folder / "a.jpg", folder / "b.jpg", "--identity", side, "--file")
    assert done.code == 1 and done.summary["packages"] == ["1", "2"]
    assert [row["state"] for row in done.of("package")] == ["done", "waiting"]
    again = cli("wrap", folder / "a.jpg", folder / "b.jpg", "--identity", side, "--file")
    assert [row["state"] for row in again.of("package")] == ["duplicate", "duplicate"]
