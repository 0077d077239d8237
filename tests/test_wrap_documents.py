"""Texts, 3D models and clinical documents become instances, and come back as they were."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediasvc.dicom.screening import screen
from mediasvc.errors import MediasvcError
from mediasvc.work.wrapping.unwrap_text import text_of
from tests import wrap_things as things
from tests.carriers import tool
from tests.conftest import Program
from tests.test_wrap_pictures import wrapped

REPORT, OBJ, MTL, CDA = things.REPORT, things.OBJ, things.MTL, things.CDA
CASES = {"text": REPORT.encode(), "windows text": REPORT.replace("\n", "\r\n").encode("cp1252"),
         "model": OBJ, "material": MTL, "clinical document": CDA}


def texts(made: pydicom.Dataset) -> list[tuple[str, str]]:
    """(meaning of the concept, text) of every item, in order."""
    found = []
    for item in made.ContentSequence:
        if item.ValueType == "TEXT":
            found.append((item.ConceptNameCodeSequence[0].CodeMeaning, item.TextValue))
        elif item.ValueType == "CONTAINER":
            found.append((item.ConceptNameCodeSequence[0].CodeMeaning, ""))
            found += texts(item)
    return found


def test_a_report_becomes_sections(tmp_path: Path) -> None:
    made = wrapped(tmp_path, "a.txt", REPORT.encode())
    assert made.SOPClassUID.name == "Basic Text SR Storage" and made.Modality == "SR"
    assert (made.CompletionFlag, made.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert (made.ContentDate, made.ContentTime) == ("20260105", "101500")
    language = made.ContentSequence[0]
    assert language.ConceptCodeSequence[0].CodeValue == "de"
    assert texts(made) == [
        ("Comment", "CT des Thorax"), ("Findings", ""),
        ("Equivalent Meaning of Concept Name", "Befund:"),
        ("Finding", "Die Lunge ist frei, kein Erguss und keine Raumforderung.\r\n"
                    "Der Herzschatten ist nicht vergrößert."),
        ("Impressions", ""), ("Equivalent Meaning of Concept Name", "Beurteilung:"),
        ("Impression", "Kein Nachweis einer Pneumonie.")]


def test_a_person_may_say_that_a_text_is_not_complete(tmp_path: Path) -> None:
    made = wrapped(tmp_path, "a.txt", b"first page of two\n", CompletionFlag="PARTIAL")
    assert made.CompletionFlag == "PARTIAL"


@pytest.mark.parametrize("data", [
    REPORT.encode(), REPORT.encode("cp1252"), b"\xef\xbb\xbfa\r\n\r\nb",
    "\ufeffä\n\nb".encode("utf-16-le"), b"  indented\n\n\n\n", b"a\rb\nc\r\n d  ",
    b"\n\n x\f\ny\t\n", "NBSP\u00a0\u2028 end".encode(),
    b"BEFUND: \nBEURTEILUNG:\n", b"# Title\ntext\n"])
def test_a_text_comes_back_byte_for_byte(tmp_path: Path, data: bytes) -> None:
    wrapped(tmp_path, "a.txt", data)
    assert text_of(memoryview((tmp_path / "a.txt.dcm").read_bytes())) == data


@settings(max_examples=150, deadline=2000,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(st.sampled_from(["Befund:", "a b", "ä", " ", "\t", "\n", "\r\n", "\r", "\f",
                                      "TITLE", "x:", "# y", "\u3000", "\\", "^="]), max_size=30))
def test_every_text_comes_back_or_is_refused(tmp_path: Path, text: list[str]) -> None:
    data = "".join(text).encode()
    (tmp_path / "a.txt.dcm").unlink(missing_ok=True)
    try:
        wrapped(tmp_path, "a.txt", data)
    except MediasvcError:
        assert not data.strip()
        return
    assert text_of(memoryview((tmp_path / "a.txt.dcm").read_bytes())) == data


def test_a_text_that_was_changed_since_does_not_come_back(cli: Program, tmp_path: Path) -> None:
    made = wrapped(tmp_path, "a.txt", b"no tumour\n\nseen\n")
    made.ContentSequence[-1].TextValue = "hidden"
    made.save_as(tmp_path / "b.dcm")
    done = cli("unwrap", tmp_path / "b.dcm", tmp_path / "b.txt")
    assert done.code == 2 and "changed" in done.stderr and not (tmp_path / "b.txt").exists()


def test_a_text_without_a_day_is_refused_by_name(cli: Program, tmp_path: Path) -> None:
    path = things.written(tmp_path, "a.txt", b"A note.\n")
    side = things.identity(tmp_path, StudyDate="", StudyTime="")
    assert "which day" in cli("wrap", path, "--identity", side).of("refused")[0]["reason"]


@pytest.mark.parametrize(("data", "words"), [
    (b"<html><body>x</body></html>", "HTML"), (b"{\\rtf1 x}", "RTF"), (b"\n \n", "empty"),
    (b"a\x07b", "none of"), (b"plain \x81 text of eight bits that is no Latin", "none of"),
    (b"mtllib a.mtl\nv 1 2\n", "not complete"),
    (b"v 1 2 3\nf 1 1\n", "not complete"), (OBJ + b"csh rm\n", "'csh rm'"),
    (MTL + b"map_Kd wood grain.jpg\n", "texture wood grain.jpg"),
    (CDA[:-20], "no whole XML"), (CDA.replace(b"UTF-8", b"UTFW8"), "no whole XML"),
    (CDA.replace(b"UTF-8", b"idna"), "no whole XML"),
    (b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + CDA[39:], "DTD"),
    (CDA.replace(b"urn:hl7-org:v3", b"urn:other"), "no HL7"),
])
def test_what_cannot_be_wrapped_is_refused_by_name(cli: Program, tmp_path: Path, data: bytes,
                                                   words: str) -> None:
    path = things.written(tmp_path, "a", data)
    refused = cli("wrap", path, "--identity", things.identity(tmp_path)).of("refused")
    assert words in refused[0]["reason"]


def test_a_clinical_document_says_what_it_is(tmp_path: Path) -> None:
    made = wrapped(tmp_path, "a.xml", CDA)
    assert made.SOPClassUID.name == "Encapsulated CDA Storage"
    assert made.EncapsulatedDocument[:made.EncapsulatedDocumentLength] == CDA
    assert (made.MIMETypeOfEncapsulatedDocument, made.DocumentTitle) == ("text/XML", "Thorax, ä")
    assert made.HL7InstanceIdentifier == "2.16.840.1.113883.19.5^c266"
    assert made.ConceptNameCodeSequence[0].CodeValue == "11528-7"
    assert (made.AcquisitionDateTime, made.ListOfMIMETypes) == (
        "20260105101500+0100", "application/pdf")


@pytest.mark.parametrize("case", CASES)
def test_a_validator_finds_no_error(tmp_path: Path, case: str) -> None:
    """dciodvfy of 2022 does not know models of A.85.2 and A.85.3: those are shown as A.85.1."""
    made = wrapped(tmp_path, "a", CASES[case])
    if case in ("model", "material"):
        made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.104.3"
        made.MIMETypeOfEncapsulatedDocument = "model/stl"
        if case == "material":
            made.FrameOfReferenceUID, made.PositionReferenceIndicator = "1.2.3", ""
        made.save_as(tmp_path / "a.dcm")
    done = subprocess.run([tool("dciodvfy"), str(tmp_path / "a.dcm")], capture_output=True,
                          text=True, timeout=60, check=False, encoding="latin-1")
    said = (done.stdout + done.stderr).splitlines()
    assert [line for line in said if line.startswith("Error")] == []


@pytest.mark.parametrize("case", CASES)
def test_dcmtk_and_the_import_desk_have_nothing_to_say(tmp_path: Path, case: str) -> None:
    wrapped(tmp_path, "a", CASES[case])
    seen = screen(memoryview((tmp_path / "a.dcm").read_bytes()))
    assert (seen.role, seen.findings) == ("instance", ())
    program = "dsrdump" if "text" in case else "dcmdump"
    done = subprocess.run([tool(program), str(tmp_path / "a.dcm")], capture_output=True,
                          text=True, timeout=60, check=False, encoding="utf-8")
    told = [line for line in done.stderr.splitlines() if "ISO_IR 192" not in line]
    assert done.returncode == 0 and not told
    assert program == "dcmdump" or "Kein Nachweis" in done.stdout


@pytest.mark.parametrize("case", CASES)
def test_unwrapped_it_is_the_same(cli: Program, tmp_path: Path, case: str) -> None:
    wrapped(tmp_path, "a", CASES[case])
    assert cli("unwrap", tmp_path / "a.dcm", tmp_path / "b").code == 0
    assert (tmp_path / "b").read_bytes() == CASES[case]
