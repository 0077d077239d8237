"""Reports and photos beside the images of a disc are filed with the patient of its images."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pydicom
import pytest

from samples.synthesis import person, study, write_disc
from tests import wrap_things as things
from tests.carriers import as_xorriso_iso, as_zip, write_index
from tests.conftest import Program

TEXT = b"Befund:\nKein Befund.\n"


@pytest.fixture
def known(cli: Program, tmp_path: Path) -> Program:
    people = [(f"P{number:04d}", person(number)) for number in (1, 2)]
    file = write_index(tmp_path / "index.csv", people, issuer="CLINIC")
    assert cli("patients", "load", file).code == 0
    return cli


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    folder = tmp_path / "disc"
    write_disc(folder, study(1, 1, count=2, IssuerOfPatientID="CLINIC"))
    (folder / "REPORT").mkdir()
    (folder / "VIEWER").mkdir()
    things.written(folder / "REPORT", "REPORT.PDF", things.PDF)
    things.written(folder / "REPORT", "WOUND.JPG", things.jpeg())
    things.written(folder / "REPORT", "NOTE.TXT", TEXT)
    things.written(folder / "VIEWER", "LOGO.PNG", b"x")
    things.written(folder, "README.TXT", b"about this disc")
    return folder


def offered(cli: Program, package: str) -> dict[str, Any]:
    return {row["label"]: row["attached"] for row in cli("queue", "show", package).of("offered")}


def ingest(cli: Program, path: Path) -> str:
    [row] = cli("ingest", path).of("package")
    return str(row["package"])


def test_a_report_and_a_photo_are_filed_with_the_patient(known: Program, disc: Path) -> None:
    package = ingest(known, disc)
    labels = ["REPORT/REPORT.PDF", "REPORT/WOUND.JPG", "REPORT/NOTE.TXT"]
    assert offered(known, package) == dict.fromkeys(sorted(labels))
    done = known("queue", "attach", package, *labels, "--by", "clerk")
    assert done.code == 0 and done.summary["state"] == "done", done.stderr
    [images] = known("studies", "list").of("study")
    assert images["instances"] == 5 and images["patient_id"] == "P0001"
    lines = {line["label"]: line for line in known("manifest", package).of("file")}
    line = lines["REPORT/REPORT.PDF"]
    assert (line["filed_with"], line["stored"], line["role"]) == (2, True, "non_dicom")
    [stored] = [one for one in known("studies", "files", images["study_instance_uid"]).of("file")
                if one["sop_instance_uid"] == line["sop_instance_uid"]]
    made = pydicom.dcmread(stored["path"])
    assert made.EncapsulatedDocument[:made.EncapsulatedDocumentLength] == things.PDF
    assert (made.PatientID, made.IssuerOfPatientID) == ("P0001", "CLINIC")
    assert offered(known, package) == dict.fromkeys(sorted(labels), 2)
    again = known("queue", "attach", package, labels[0])
    assert again.code == 2 and "with package 2" in again.stderr


@pytest.mark.parametrize("carrier", [as_zip, as_xorriso_iso])
def test_it_comes_out_of_every_container(known: Program, disc: Path, tmp_path: Path,
                                         carrier: Any) -> None:
    package = ingest(known, carrier(disc, tmp_path / "carried"))
    label = next(label for label in offered(known, package) if label.endswith("PDF"))
    assert known("queue", "attach", package, label).code == 0


def test_undo_takes_it_back_alone_or_with_its_package(known: Program, disc: Path) -> None:
    package = ingest(known, disc)
    known("queue", "attach", package, "REPORT/REPORT.PDF")
    known("queue", "attach", package, "REPORT/WOUND.JPG")
    assert known("studies", "undo", "2").code == 0
    assert offered(known, package)["REPORT/REPORT.PDF"] is None
    assert known("studies", "list").of("study")[0]["instances"] == 3
    assert known("studies", "undo", package).summary["instances"] == 3
    assert known("studies", "list").of("study") == []
    states = {row["package"]: row["state"] for row in known("queue", "list", "--all").of("package")}
    assert states == {"1": "waiting", "2": "discarded", "3": "discarded"}


def test_it_waits_for_the_patient_to_be_decided(cli: Program, disc: Path) -> None:
    package = ingest(cli, disc)
    done = cli("queue", "attach", package, "REPORT/REPORT.PDF")
    assert done.code == 2 and "No patient" in done.stderr
    assert cli("queue", "decide", package, "--new", "--by", "me").code == 0
    assert cli("queue", "attach", package, "REPORT/REPORT.PDF", "--by", "me").code == 0


def test_what_is_not_what_the_manifest_says_is_refused(known: Program, disc: Path) -> None:
    package = ingest(known, disc)
    (disc / "REPORT/REPORT.PDF").write_bytes(things.PDF.replace(b"Catalog", b"CATALOG"))
    done = known("queue", "attach", package, "REPORT/REPORT.PDF", "REPORT/WOUND.JPG")
    assert done.code == 1 and len(done.of("wrapped")) == 1
    assert "manifest" in done.of("refused")[0]["reason"]
    shutil.rmtree(disc)
    gone = known("queue", "attach", package, "REPORT/REPORT.PDF")
    assert gone.code == 3 and "not there any more" in gone.stderr


def test_only_what_is_beside_the_images_can_be_attached(known: Program, disc: Path) -> None:
    package = ingest(known, disc)
    image = known("manifest", package).of("file")[1]["label"]
    assert known("queue", "attach", package, image).code == 3
    assert known("queue", "attach", package, "NO/SUCH.PDF").code == 3


def test_several_patients_or_studies_must_be_told_apart(known: Program, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    images = [one for number in (1, 2) for one in study(1, number, IssuerOfPatientID="CLINIC")]
    write_disc(folder, images)
    things.written(folder, "A.PDF", things.PDF)
    package = ingest(known, folder)
    done = known("queue", "attach", package, "A.PDF")
    assert done.code == 3 and "--study" in done.stderr
    uid = images[-1].StudyInstanceUID
    assert known("queue", "attach", package, "A.PDF", "--study", uid, "--group", "1").code == 0


def test_a_program_folder_is_not_offered(known: Program, disc: Path) -> None:
    things.written(disc / "REPORT", "START.EXE", b"MZ" + bytes(50))
    assert offered(known, ingest(known, disc)) == {}
