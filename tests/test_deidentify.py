"""Instances leave without their patient: every level, every kind of value, consistently."""

from __future__ import annotations

import io
import zlib
from datetime import date

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from mediasvc.dicom.deidentify import Deidentified, deidentify
from mediasvc.dicom.deidentify_keys import Keys
from mediasvc.dicom.deidentify_text import known_words, name_words, without_words
from mediasvc.dicom.deidentify_values import shifted
from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.pieces import assemble
from mediasvc.errors import SettingsError, UnsupportedError
from mediasvc.standard.deidentification import CLEAN, RETAIN, Policy, table
from samples.synthesis import instance, to_bytes

KEYS = Keys(b"a secret of the tests, not of use")
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian, RLELossless]
BASIC = Policy()
CANARY = "Canaryname"


def through(ds: FileDataset, policy: Policy = BASIC, keys: Keys = KEYS, **more: object,
            ) -> FileDataset:
    return pydicom.dcmread(io.BytesIO(raw_through(ds, policy, keys, **more)[0]))


def raw_through(ds: FileDataset, policy: Policy = BASIC, keys: Keys = KEYS, **more: object,
                ) -> tuple[bytes, Deidentified]:
    raw = memoryview(to_bytes(ds))
    done = deidentify(raw, policy, keys, **more)  # type: ignore[arg-type]
    new = b"".join(assemble(raw, done.pieces))
    assert not read_framing(memoryview(new)).damaged
    return new, done


def talkative(**more: object) -> FileDataset:
    """A CT with its patient everywhere: nested, private, overlay, curve, odd VRs, preamble."""
    ds = instance(1, modality="CT", PatientName=f"{CANARY}^Walter", PatientID="CANARY-4711",
                  PatientBirthDate="19610813", **more)
    ds.preamble = CANARY.encode().ljust(128, b"\0")
    ds.PatientAddress, ds.PatientComments = f"{CANARY} road 1", f"call {CANARY}"
    ds.OtherPatientIDs = "CANARY-4711"
    ds.ImageComments = f"of {CANARY}"
    ds.SeriesDescription = f"Abdomen {CANARY} 3mm"
    ds.ContrastBolusAgent = CANARY
    ds.IssuerOfPatientID = "CANARYISSUER"
    ds.KVP = "120"
    inner = Dataset()
    inner.PatientID, inner.PerformingPhysicianName = "CANARY-4711", f"{CANARY}^Doc"
    inner.CodeMeaning = f"for {CANARY}"
    deeper = Dataset()
    deeper.ReferencedSOPClassUID = ds.SOPClassUID
    deeper.ReferencedSOPInstanceUID = ds.SOPInstanceUID
    deeper.PersonName = f"{CANARY}^Deep"
    inner.ReferencedImageSequence = Sequence([deeper])
    ds.ReferencedImageSequence = Sequence([deeper])
    ds.AnatomicRegionSequence = Sequence([inner])
    block = ds.private_block(0x0019, "CANARY CORP", create=True)
    block.add_new(0x01, "LO", CANARY)
    block.add_new(0x02, "SQ", Sequence([inner]))
    diffusion = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    diffusion.add_new(0x39, "IS", [1000, 8, 0, 0])
    diffusion.add_new(0x40, "LO", CANARY)
    ds.add_new(0x60000010, "US", 2)
    ds.add_new(0x60000011, "US", 2)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60003000, "OW", CANARY.encode().ljust(12, b"\0"))
    ds.add_new(0x60004000, "LT", CANARY)
    ds.add_new(0x50003000, "OW", CANARY.encode().ljust(12, b"\0"))
    ds.add_new(0x00091001, "LO", CANARY)  # private without a creator
    ds.IconImageSequence = Sequence([inner])
    ds.OriginalAttributesSequence = Sequence([inner])
    ds.ContributingEquipmentSequence = Sequence([inner])
    ds.file_meta.SourceApplicationEntityTitle = "CANARYAE"
    return ds


def forms(word: str) -> list[bytes]:
    return [form for text in (word, word.upper(), word.lower())
            for form in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"))]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("options", [
    (), ("dates", "device", "uids", "institution", "patient-characteristics", "safe-private",
         "descriptors", "graphics", "structured"), ("shifted-dates", "descriptors")])
def test_nothing_of_the_patient_is_left_in_any_byte(syntax: str, options: tuple[str, ...]) -> None:
    policy = Policy.of([o for o in options if o in RETAIN], [o for o in options if o in CLEAN])
    new, _ = raw_through(talkative(transfer_syntax=syntax), policy)
    if syntax == DeflatedExplicitVRLittleEndian:
        framing = read_framing(memoryview(new))
        new += zlib.decompress(new[framing.meta_end:], -15)
    for word in (CANARY, "4711", "Walter", "19610813", "CANARY"):
        for form in forms(word):
            assert form not in new, (word, syntax)
    if "uids" not in options:
        assert b"1.2.826.0.1.3680043.10.1511.1" not in new


def test_what_an_image_needs_stays_and_its_pixels_are_the_same() -> None:
    old = talkative()
    new = through(old)
    assert (new.pixel_array == old.pixel_array).all()
    assert new.KVP == old.KVP and new.Rows == old.Rows and new.Modality == "CT"
    assert new.PatientIdentityRemoved == "YES"
    assert new.LongitudinalTemporalInformationModified == "REMOVED"
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113100"]
    assert "SeriesDescription" not in new and new.StudyDate == "" and new.StudyID == ""
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID != old.SOPInstanceUID
    assert not any(new.preamble)


def test_references_lead_to_the_new_instances() -> None:
    new = through(talkative())
    assert new.ReferencedImageSequence[0].ReferencedSOPInstanceUID == new.SOPInstanceUID
    assert new.ReferencedImageSequence[0].ReferencedSOPClassUID == new.SOPClassUID
    for element in new.iterall():
        if element.VR == "UI":
            assert pydicom.uid.UID(str(element.value)).is_valid


def test_two_instances_of_a_patient_stay_together_and_another_key_parts_them() -> None:
    one, two = through(instance(1, 1, 1, 1)), through(instance(1, 1, 2, 1))
    assert one.PatientID == two.PatientID and one.StudyInstanceUID == two.StudyInstanceUID
    assert one.SeriesInstanceUID != two.SeriesInstanceUID
    other = through(instance(1), keys=Keys(b"another secret of sixteen bytes"))
    assert other.PatientID != one.PatientID
    assert other.StudyInstanceUID != one.StudyInstanceUID
    assert through(instance(1), subject="7@LOCAL").PatientID != one.PatientID


def test_shifted_dates_keep_their_distance() -> None:
    policy = Policy.of(["shifted-dates"])
    ds = instance(1, AcquisitionDateTime="20240301120000.5+0100", SeriesDate="20240228",
                  StudyDate="20240301", StudyTime="101112")
    new = through(ds, policy)
    gap = date.fromisoformat(str(new.StudyDate)) - date.fromisoformat(str(new.SeriesDate))
    assert gap.days == 2 and new.StudyDate != "20240301" and new.StudyTime == "101112"
    assert str(new.AcquisitionDateTime) == f"{new.StudyDate}120000.5+0100"
    assert new.PatientBirthDate == ""
    assert new.LongitudinalTemporalInformationModified == "MODIFIED"
    assert "113107" in [item.CodeValue for item in new.DeidentificationMethodCodeSequence]


def test_options_keep_what_they_name() -> None:
    ds = talkative(PatientAge="040Y", DeviceSerialNumber="SN 9", StationName="CT1")
    plain = through(ds)
    assert "PatientAge" not in plain and plain.get("DeviceSerialNumber", "") in ("", "REMOVED")
    kept = through(ds, Policy.of(["patient-characteristics", "device", "dates", "uids",
                                  "institution", "safe-private"], ["descriptors"]))
    assert kept.PatientAge == "040Y" and kept.DeviceSerialNumber == "SN 9"
    assert kept.StudyDate == ds.StudyDate and kept.SOPInstanceUID == ds.SOPInstanceUID
    assert kept.InstitutionName == "Sample Hospital"
    assert kept[0x00431039].value == [1000, 8, 0, 0] and 0x00431040 not in kept
    assert 0x00191001 not in kept and 0x00190010 not in kept
    assert kept.SeriesDescription == "Abdomen 3mm"
    assert kept.LongitudinalTemporalInformationModified == "UNMODIFIED"


def test_a_block_that_says_that_it_is_safe_is_kept() -> None:
    ds = instance(1)
    ds.private_block(0x0019, "SOMEBODY", create=True).add_new(0x05, "DS", "3.5")
    mark = Dataset()
    mark.PrivateGroupReference, mark.PrivateCreatorReference = 0x0019, "SOMEBODY"
    mark.BlockIdentifyingInformationStatus = "SAFE"
    ds.PrivateDataElementCharacteristicsSequence = Sequence([mark])
    assert through(ds, Policy.of(["safe-private"]))[0x00191005].value == 3.5
    assert 0x00191005 not in through(ds)


def test_an_overlay_hidden_in_the_pixels_goes() -> None:
    ds = instance(1, BitsStored=12, HighBit=11)
    pixels = ds.pixel_array & 0x0FFF
    hidden = pixels | (1 << 14)
    ds.PixelData = hidden.astype("<u2").tobytes()
    ds.add_new(0x60000010, "US", ds.Rows)
    ds.add_new(0x60000011, "US", ds.Columns)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 14)
    new = through(ds)
    assert new.PixelData == pixels.astype("<u2").tobytes()
    assert 0x60000010 not in new


@pytest.mark.parametrize(("ds", "policy"), [
    (instance(1, modality="SR"), Policy()),
    (instance(1, BurnedInAnnotation="YES"), Policy())])
def test_what_cannot_be_cleaned_is_refused(ds: FileDataset, policy: Policy) -> None:
    with pytest.raises(UnsupportedError):
        through(ds, policy)


def test_a_name_inside_the_pixel_stream_is_found() -> None:
    ds = instance(1, PatientName="Streamlined^Ann", rows=32, columns=32)
    ds.PixelData = b"Streamlined".ljust(len(ds.PixelData), b"\0")
    with pytest.raises(UnsupportedError, match="pixel data"):
        through(ds)


def test_ultrasound_is_listed_as_a_risk() -> None:
    _, done = raw_through(instance(1, modality="US"))
    assert [finding.code for finding in done.findings] == ["burned-in-risk"]


def test_a_report_keeps_codes_and_numbers_and_loses_its_text() -> None:
    ds = instance(1, modality="SR", PatientName=f"{CANARY}^Walter")
    text = Dataset()
    text.RelationshipType, text.ValueType = "CONTAINS", "TEXT"
    text.TextValue = f"{CANARY} has a liver lesion of 12 mm"
    person = Dataset()
    person.RelationshipType, person.ValueType = "HAS OBS CONTEXT", "PNAME"
    person.PersonName = f"{CANARY}^Doc"
    ds.ContentSequence = Sequence([text, person])
    plain = through(ds, Policy.of(clean=["structured"]))
    assert plain.ContentSequence[0].TextValue == "REMOVED"
    assert CANARY not in str(plain)
    cleaned = through(ds, Policy.of(clean=["structured", "descriptors"]))
    assert "liver" in cleaned.ContentSequence[0].TextValue
    assert CANARY not in str(cleaned)


def test_options_that_are_none_or_contradict_each_other_are_told() -> None:
    with pytest.raises(SettingsError):
        Policy.of(["everything"])
    with pytest.raises(SettingsError):
        Policy.of(["dates", "shifted-dates"])


def test_the_table_is_whole() -> None:
    rows = table()
    assert len(rows) == 621
    assert {action for row in rows.values() for action in row.basic.replace("*", "").split("/")
            } == set("DZXU")
    assert rows["PRIVATE"].basic == "X" and rows["00100010"].basic == "Z"


@given(st.text(max_size=200), st.sampled_from([*RETAIN, *CLEAN]))
@settings(max_examples=60, deadline=None)
def test_words_of_the_patient_never_survive_cleaning(text: str, option: str) -> None:
    sentence = f"{text} Zwetschke {text} PAT-00815 {option}"
    words = {"zwetschke", "pat-00815"}
    for new in (known_words(sentence, words), without_words(sentence, words)):
        assert "zwetschke" not in new.casefold().split() and "pat-00815" not in new.casefold()


@given(st.dates(min_value=date(1920, 1, 1)), st.integers(0, 3640))
def test_a_shifted_date_is_a_date(day: date, days: int) -> None:
    new = shifted(f"{day:%Y%m%d}".encode(), "DA", days)
    assert new is not None
    assert (day - date.fromisoformat(new.decode())).days == days
    assert shifted(b"not a date", "DA", days) is None


def test_a_patient_called_like_a_term_does_not_break_the_object() -> None:
    ds = instance(1, modality="SR", PatientName="Text^Container^Primary")
    new = through(ds, Policy.of(clean=["structured"]))
    assert new.ValueType == "CONTAINER" and new.Modality == "SR"
    ds = instance(1, PatientName="Primary^Abdomen", Manufacturer="Primary Systems")
    new = through(ds)
    assert list(new.ImageType) == list(ds.ImageType) and new.BodyPartExamined == "ABDOMEN"
    assert new.Manufacturer == "Systems"


def test_a_name_where_a_number_belongs_goes() -> None:
    ds = instance(1, transfer_syntax=ImplicitVRLittleEndian)
    raw = to_bytes(ds)
    at = raw.index(b"\x18\x00\x60\x00")
    assert raw[at + 8:at + 12].strip() == b"120"
    changed = memoryview(raw[:at + 8] + b"Ann " + raw[at + 12:])
    new = b"".join(assemble(changed, deidentify(changed, BASIC, KEYS).pieces))
    assert b"Ann " not in new and pydicom.dcmread(io.BytesIO(new)).KVP is None


def test_a_short_name_in_a_comment_of_a_compressed_frame_is_found() -> None:
    ds = instance(1, PatientName="Poe^Edgar", rows=64, columns=64,
                  transfer_syntax="1.2.840.10008.1.2.4.90")
    stream = bytearray(ds.PixelData)
    at = stream.index(b"\xff\x52")  # COD: a comment may stand before it
    comment = b"\xff\x64\x00\x10\x00\x01scan of Poe "
    first = stream.index(b"\xff\x4f") - 4
    length = int.from_bytes(stream[first:first + 4], "little") + len(comment)
    stream[at:at] = comment
    stream[first:first + 4] = length.to_bytes(4, "little")
    ds.PixelData = bytes(stream)
    with pytest.raises(UnsupportedError, match="pixel data"):
        through(ds)
    ds.PatientName = "Doe^John"
    through(ds)


def test_a_newborn_who_was_imaged_on_the_day_of_birth_goes_out_with_dates() -> None:
    ds = instance(1, PatientBirthDate="20240301", StudyDate="20240301",
                  Manufacturer="born 20240301")
    new = through(ds, Policy.of(["dates"]))
    assert new.StudyDate == "20240301" and new.PatientBirthDate == ""
    assert new.Manufacturer == "born"


def test_names_of_other_scripts_are_found_in_texts_that_stay() -> None:
    words = name_words(["Yamada^Tarou=山田^太郎=やまだ^たろう", "Müller^Jörg"])
    assert without_words("患者山田太郎様", words) == "患者様"
    assert without_words("scan of MUELLER and Muller, Joerg", words).split() == [
        "scan", "of", "and", ","]
    ds = instance(1, PatientName="Yamada^Tarou=山田^太郎", Manufacturer="山田製作所")
    ds.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    assert "山田" not in str(through(ds).Manufacturer)


@pytest.mark.parametrize(("said", "kept"), [
    ("CT head 123-456-789", "CT head"), ("knee 12/345 axial", "knee axial"),
    ("CT 030 123 456 chest", "CT chest"), ("MR 13-076 brain", "MR brain"),
    ("chest 45Y", "chest"), ("T1 3D 1.5 mm 512x512", "T1 3D 1.5 mm 512x512"),
    ("AX T2 FLAIR 3.0 5mm", "AX T2 FLAIR 3.0 5mm")])
def test_a_number_in_groups_is_no_description(said: str, kept: str) -> None:
    policy = Policy.of(clean=["descriptors"])
    ds = instance(1, PatientID="12/345", StudyDescription=said)
    assert str(through(ds, policy).get("StudyDescription", "")) == kept


def test_a_devices_own_dates_move_with_the_others() -> None:
    """Kept beside moved ones, they would tell how far these moved."""
    ds = instance(1, StudyDate="20240308", DateOfLastCalibration="20240301",
                  TimeOfLastCalibration="080000", DeviceSerialNumber="4711-A")
    new = through(ds, Policy.of(["shifted-dates", "device"]))
    day = date.fromisoformat(new.DateOfLastCalibration)
    assert (date.fromisoformat(new.StudyDate) - day).days == 7
    assert new.DateOfLastCalibration != "20240301" and new.TimeOfLastCalibration == "080000"
    assert new.DeviceSerialNumber == "4711-A"
    new = through(ds, Policy.of(["device"]))
    assert new.DateOfLastCalibration == "20240301" and not new.get("StudyDate")


def test_people_without_a_patient_id_are_not_one_person() -> None:
    def who(**said: object) -> str:
        ds = instance(**{"patient": 1, "PatientID": "", **said})  # type: ignore[arg-type]
        return str(through(ds).PatientID)

    assert who(study=1) == who(study=2) != who(study=1, PatientName="Other^Ann")
    nobody: dict[str, object] = {"PatientName": "", "PatientBirthDate": ""}
    assert who(**nobody, instance=1) == who(**nobody, instance=2) != who(**nobody, study=2)


@pytest.mark.parametrize(("uid", "retain"), [("", ()), ("", ("uids",)), ("../../x", ("uids",))])
def test_an_instance_that_has_no_uid_does_not_leave(uid: str, retain: tuple[str, ...]) -> None:
    raw = bytearray(to_bytes(instance(1)))
    at = raw.index(b"\x08\x00\x18\x00UI") + 8
    size = int.from_bytes(raw[at - 2:at], "little")
    raw[at:at + size] = uid.encode().ljust(size, b"\0")
    with pytest.raises(UnsupportedError, match="SOP Instance UID"):
        deidentify(memoryview(bytes(raw)), Policy.of(retain), KEYS)


def test_a_value_that_was_all_name_is_not_left_empty() -> None:
    """A label may be of type 1."""
    new = through(instance(1, modality="PR", PatientName="Wombat^Ann", ContentLabel="WOMBAT"))
    assert new.ContentLabel == "REMOVED"
