"""The disc faults that import desks know (VA Appendix C): each ends right and says so in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import FileDataset

from samples.synthesis import instance, person, study, uid, write_disc
from tests.carriers import write_index
from tests.conftest import Program, Result
from tests.test_import_report import words

ISSUER = "CLINIC"
STATES = ("archived", "duplicate", "quarantined", "held", "rejected")
J2K_LOSSLESS = "1.2.840.10008.1.2.4.90"
MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4"


@pytest.fixture
def desk(cli: Program, tmp_path: Path) -> Program:
    """Persons 1 and 2 are in the index under the IDs that their discs carry, so a rule links."""
    file = write_index(tmp_path / "index.csv", [(f"P{n:04d}", person(n)) for n in (1, 2)],
                       issuer=ISSUER)
    assert cli("patients", "load", file).code == 0
    return cli


def images(patient: int = 1, exam: int = 1, count: int = 3, **keywords: Any) -> list[FileDataset]:
    return study(patient, exam, count=count, **{"IssuerOfPatientID": ISSUER, **keywords})


def bring(cli: Program, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """(the package, finding code → text); every instance is counted once."""
    done: Result = cli("ingest", folder)
    [package] = done.of("package")
    assert package["instances"] == sum(package[state] for state in STATES)
    return package, {row["code"]: row["text"] for row in done.of("finding")}


def edit_directory(folder: Path, change: Callable[[Any], None]) -> None:
    path = folder / "DICOMDIR"
    ds = pydicom.dcmread(path)
    for record in ds.DirectoryRecordSequence:
        change(record)
    ds.save_as(path)


def test_blank_media(desk: Program, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    package, said = bring(desk, tmp_path / "d")
    assert (package["state"], package["instances"]) == ("failed", 0)
    assert said["nothing-dicom"] == "There is no DICOM image or report in this package."


def test_broken_directory(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", images())
    path = tmp_path / "d" / "DICOMDIR"
    path.write_bytes(path.read_bytes()[:len(path.read_bytes()) // 2])
    package, said = bring(desk, tmp_path / "d")
    assert (package["state"], package["archived"]) == ("done", 3)
    assert "the last ones are lost" in said["directory-truncated"]
    desk("report", "import", package["package"], "--html", tmp_path / "r.html")
    page = words(tmp_path / "r.html")
    assert "It cannot be said that all of it is here" in page
    assert "Nothing is missing" not in page


def test_no_dicomdir(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", images(), dicomdir=False)
    package, said = bring(desk, tmp_path / "d")
    assert (package["state"], package["archived"]) == ("done", 3)
    assert said["no-dicomdir"] == ("There is no DICOMDIR; the files were found by their content.")


def test_forward_slashes_in_file_ids(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", images())
    path = tmp_path / "d" / "DICOMDIR"
    path.write_bytes(path.read_bytes().replace(b"DICOM\\PT000001\\ST000001\\SE000001\\",
                                               b"DICOM/PT000001/ST000001/SE000001/"))
    package, said = bring(desk, tmp_path / "d")
    assert (package["state"], package["archived"], package["missing"]) == ("done", 3, 0)
    assert "with slashes instead of separate parts" in said["file-id-slash"]


def test_wrong_referenced_sop_class_uid(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", images())

    def wrong(record: Any) -> None:
        if record.DirectoryRecordType == "IMAGE":
            record.ReferencedSOPClassUIDInFile = MR_STORAGE

    edit_directory(tmp_path / "d", wrong)
    package, said = bring(desk, tmp_path / "d")
    assert (package["state"], package["archived"]) == ("done", 3)
    assert "say a different SOP Class UID" in said["directory-sop-class-uid-differs"]
    assert f"said Referenced SOP Class UID {MR_STORAGE}" in said["directory-repair"]


def test_missing_referenced_transfer_syntax_uid(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", images())

    def without(record: Any) -> None:
        if record.DirectoryRecordType == "IMAGE":
            record.ReferencedTransferSyntaxUIDInFile = ""

    edit_directory(tmp_path / "d", without)
    package, said = bring(desk, tmp_path / "d")
    assert (package["state"], package["archived"]) == ("done", 3)
    assert "said no Referenced Transfer Syntax UID" in said["directory-repair"]


def test_modality_missing_in_series(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", images())

    def without(record: Any) -> None:
        if record.DirectoryRecordType == "SERIES":
            record.Modality = ""

    edit_directory(tmp_path / "d", without)
    package, said = bring(desk, tmp_path / "d")
    assert (package["state"], package["archived"]) == ("done", 3)
    assert said["directory-key-missing"] == "1 SERIES record has no Modality"


def test_unsupported_sop_class_is_kept_all_the_same(desk: Program, tmp_path: Path) -> None:
    odd = instance(1, 1, 2, IssuerOfPatientID=ISSUER, SOPClassUID="1.2.3.4.5")
    odd.file_meta.MediaStorageSOPClassUID = "1.2.3.4.5"
    write_disc(tmp_path / "d", [*images(), odd])
    package, _ = bring(desk, tmp_path / "d")
    assert (package["state"], package["archived"]) == ("done", 4)


def test_unknown_transfer_syntax_may_not_enter(desk: Program, tmp_path: Path) -> None:
    paths = write_disc(tmp_path / "d", images())
    data = paths[0].read_bytes()
    paths[0].write_bytes(data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.1\0", 1))
    package, said = bring(desk, tmp_path / "d")
    assert package["archived"] + package["quarantined"] == 3
    assert "transfer-syntax-unknown" in said


def test_several_exams_under_one_accession(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", [*images(exam=1, AccessionNumber="A1"),
                                *images(exam=2, AccessionNumber="A1")])
    package, _ = bring(desk, tmp_path / "d")
    assert (package["state"], package["archived"]) == ("done", 6)
    assert len(desk("studies", "list").of("study")) == 2


def test_only_jpeg_2000(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", images(transfer_syntax=J2K_LOSSLESS, rows=64, columns=64))
    package, _ = bring(desk, tmp_path / "d")
    assert (package["state"], package["archived"]) == ("done", 3)
    assert {row["transfer_syntax_uid"] for row in desk("studies", "files", uid(1, 1)).of("file")
            } == {J2K_LOSSLESS}


def test_truncated_images(desk: Program, tmp_path: Path) -> None:
    paths = write_disc(tmp_path / "d", images())
    paths[1].write_bytes(paths[1].read_bytes()[:-200])
    package, said = bring(desk, tmp_path / "d")
    assert (package["archived"], package["quarantined"]) == (2, 1)
    assert "length-beyond-end" in said
    assert desk("report", "missing", package["package"]).summary["refused"] == 1


def test_uid_that_another_patient_has(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "a", images())
    bring(desk, tmp_path / "a")
    stolen = images(patient=2)
    for one in stolen:
        one.StudyInstanceUID = uid(1, 1)
    write_disc(tmp_path / "b", stolen)
    package, _ = bring(desk, tmp_path / "b")
    assert (package["state"], package["held"], package["archived"]) == ("waiting", 3, 0)
    [group] = desk("queue", "show", package["package"]).of("group")
    assert "A study of this package is filed under another patient." in {
        wait["text"] for wait in group["waits"]}


def test_blank_headers(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", images(PatientID="", PatientName="", PatientBirthDate="",
                                      PatientSex="", IssuerOfPatientID=""), dicomdir=False)
    package, _ = bring(desk, tmp_path / "d")
    assert (package["state"], package["held"]) == ("waiting", 3)
    [group] = desk("queue", "show", package["package"]).of("group")
    assert [wait["text"] for wait in group["waits"]] == [
        "No patient of the index is certainly the same."]


def test_blank_headers_of_two_studies_may_be_of_two_people(desk: Program, tmp_path: Path) -> None:
    blank = {"PatientID": "", "PatientName": "", "PatientBirthDate": "", "PatientSex": "",
             "IssuerOfPatientID": ""}
    write_disc(tmp_path / "d", [*images(1, 1, **blank), *images(2, 1, **blank)], dicomdir=False)
    package, _ = bring(desk, tmp_path / "d")
    [group] = desk("queue", "show", package["package"]).of("group")
    assert "their 2 studies may be of several people" in " ".join(
        wait["text"] for wait in group["waits"])


def test_repeated_disc(desk: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", images())
    first, _ = bring(desk, tmp_path / "d")
    again, said = bring(desk, tmp_path / "d")
    assert (again["state"], again["duplicate"], again["archived"]) == ("duplicate", 3, 0)
    assert f"This disc is here already: package {first['package']}" in said["seen-before"]
