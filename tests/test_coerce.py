"""What an importer writes into an instance, judged by pydicom (STANDARD 2.9)."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from mediasvc.span import Span
from mediasvc.work.placing.coercion_order import Order
from mediasvc.work.placing.filing import file_items, preview_items
from samples.synthesis import instance, to_bytes

ORDER = Order(
    patient_id="L0001", issuer="LOCAL", patient_name="Local^Name", patient_birth_date="19310202",
    patient_sex="F", foreign_issuer="source:clinic", source="clinic", institution="Our Hospital",
    station_name="DESK1", software="mediasvc test", at="20261121120000.000000+0000")


def filed(tmp_path: Any, ds: Dataset, order: Order = ORDER) -> tuple[Dataset, dict[str, Any]]:
    source, target = tmp_path / "received", tmp_path / "object"
    source.write_bytes(to_bytes(ds))
    span = Span.of_file(source)
    [row] = file_items([{"span": span.as_json(), "sha256": span.sha256(), "temp": str(target)}],
                       order.as_json())
    assert "error" not in row, row
    return pydicom.dcmread(io.BytesIO(target.read_bytes())), row


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian,
                                    ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_local_identity_is_written_and_the_received_one_is_kept(tmp_path: Any, syntax: str) -> None:
    sent = instance(transfer_syntax=syntax, IssuerOfPatientID="CLINIC", AccessionNumber="F-77")
    got, _ = filed(tmp_path, sent)
    assert (got.PatientID, got.IssuerOfPatientID) == ("L0001", "LOCAL")
    assert got.PatientName == "Local^Name"
    assert got.AccessionNumber == ""
    [original] = got.OriginalAttributesSequence
    assert original.ReasonForTheAttributeModification == "COERCE"
    assert original.ModifyingSystem == "DESK1"
    assert original.SourceOfPreviousValues == "clinic"
    [before] = original.ModifiedAttributesSequence
    assert (before.PatientID, before.IssuerOfPatientID) == ("P0001", "CLINIC")
    assert (before.PatientName, before.AccessionNumber) == (sent.PatientName, "F-77")
    assert "PatientSex" not in before  # it did not change
    assert {(one.PatientID, one.IssuerOfPatientID) for one in got.OtherPatientIDsSequence} == {
        ("P0001", "CLINIC"), ("L0001", "LOCAL")}


def test_import_is_stamped_as_an_import(tmp_path: Any) -> None:
    got, _ = filed(tmp_path, instance())
    assert got.InstanceOriginStatus == "IMPORTED"
    assert got["InstanceCoercionDateTime"].value == ORDER.at
    [equipment] = got.ContributingEquipmentSequence
    [purpose] = equipment.PurposeOfReferenceCodeSequence
    assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("MEDIM", "DCM")
    assert (equipment.InstitutionName, equipment.StationName) == ("Our Hospital", "DESK1")


def test_uids_and_all_other_elements_stay_byte_for_byte(tmp_path: Any) -> None:
    sent = instance(modality="MR")
    got, _ = filed(tmp_path, sent)
    touched = {0x00080015, 0x00080050, 0x00100010, 0x00100020, 0x00100021, 0x00101002, 0x0018A001,
               0x04000561, 0x04000600}
    assert {e.tag for e in sent} - touched <= {e.tag for e in got}
    for element in sent:
        if element.tag not in touched:
            assert got[element.tag] == element


def test_foreign_id_without_issuer_gets_that_of_its_source(tmp_path: Any) -> None:
    got, _ = filed(tmp_path, instance())
    assert ("P0001", "source:clinic") in {(one.PatientID, one.IssuerOfPatientID)
                                          for one in got.OtherPatientIDsSequence}


def test_images_that_follow_one_another_keep_their_own_originals(tmp_path: Any) -> None:
    sent = [instance(patient=1, PatientWeight="70"), instance(patient=1, AccessionNumber="A1"),
            instance(patient=1, PatientName="Other^Name"), instance(patient=2), instance(patient=1)]
    for number, one in enumerate(sent):
        folder = tmp_path / str(number)
        folder.mkdir()
        got, _ = filed(folder, one)
        [before] = got.OriginalAttributesSequence[0].ModifiedAttributesSequence
        assert (before.PatientID, before.PatientName) == (one.PatientID, one.PatientName)
        assert before.get("AccessionNumber", "") == one.get("AccessionNumber", "")
        assert got.PatientName == "Local^Name"


def test_earlier_originals_and_equipment_are_appended_to(tmp_path: Any) -> None:
    earlier = Dataset()
    earlier.ModifiedAttributesSequence = [Dataset()]
    earlier.AttributeModificationDateTime = "20200101"
    earlier.ModifyingSystem = "OLD"
    earlier.SourceOfPreviousValues = ""
    earlier.ReasonForTheAttributeModification = "CORRECT"
    scanner = Dataset()
    scanner.Manufacturer = "Scanner"
    got, _ = filed(tmp_path, instance(OriginalAttributesSequence=[earlier],
                                      ContributingEquipmentSequence=[scanner]))
    assert [one.ModifyingSystem for one in got.OriginalAttributesSequence] == ["OLD", "DESK1"]
    makers = [one.Manufacturer for one in got.ContributingEquipmentSequence]
    assert makers == ["Scanner", "mediasvc"]


def test_foreign_admission_does_not_survive(tmp_path: Any) -> None:
    got, _ = filed(tmp_path, instance(AdmissionID="ADM-1"))
    assert got.AdmissionID == ""
    assert got.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].AdmissionID == "ADM-1"


def test_unknown_local_demographics_leave_the_received_ones(tmp_path: Any) -> None:
    sent = instance()
    got, _ = filed(tmp_path, sent, replace(ORDER, patient_name="", patient_birth_date="",
                                           patient_sex=""))
    assert (got.PatientName, got.PatientBirthDate) == (sent.PatientName, sent.PatientBirthDate)


@pytest.mark.parametrize("charset", [None, "ISO_IR 100", "ISO_IR 192", "GB18030"])
def test_local_name_in_another_script_is_readable(tmp_path: Any, charset: str | None) -> None:
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    keywords = {"SpecificCharacterSet": charset} if charset else {}
    got, _ = filed(tmp_path, instance(**keywords), replace(ORDER, patient_name=name))
    assert str(got.PatientName) == name


def test_accented_received_text_survives_a_local_name_in_another_script(tmp_path: Any) -> None:
    sent = instance(charset="ISO_IR 100", StudyDescription="Schädel nativ")
    got, row = filed(tmp_path, sent, replace(ORDER, patient_name="Люкceмбypг"))
    assert str(got.PatientName) == "Люкceмбypг"
    assert got.StudyDescription == "Schädel nativ"
    assert row["restore"] == "object"  # its text was rewritten, so the received file is kept whole


def test_received_name_that_nobody_can_decode_is_kept_in_its_own_bytes(tmp_path: Any) -> None:
    sent = instance(SpecificCharacterSet="ISO_IR 192")
    raw = to_bytes(sent).replace(b"Specimen", b"Sp\xffcimen")
    source, target = tmp_path / "received", tmp_path / "object"
    source.write_bytes(raw)
    span = Span.of_file(source)
    [row] = file_items([{"span": span.as_json(), "sha256": span.sha256(), "temp": str(target)}],
                       ORDER.as_json())
    assert "error" not in row
    assert b"Sp\xffcimen" in target.read_bytes()


def test_file_that_changed_since_it_was_screened_is_not_filed(tmp_path: Any) -> None:
    source, target = tmp_path / "received", tmp_path / "object"
    source.write_bytes(to_bytes(instance()))
    [row] = file_items([{"span": Span.of_file(source).as_json(), "sha256": "0" * 64,
                         "temp": str(target)}], ORDER.as_json())
    assert row["error"] == "DamagedError"
    assert not target.exists()


def test_preview_says_exactly_what_filing_does(tmp_path: Any) -> None:
    source = tmp_path / "received"
    source.write_bytes(to_bytes(instance(IssuerOfPatientID="CLINIC")))
    [table] = preview_items([{"span": Span.of_file(source).as_json()}], ORDER.as_json())
    rows = {row["attribute"]: (row["old"], row["new"]) for row in table}
    assert rows["PatientID"] == ("P0001", "L0001")
    assert rows["IssuerOfPatientID"] == ("CLINIC", "LOCAL")
    assert "PatientBirthDate" not in rows
