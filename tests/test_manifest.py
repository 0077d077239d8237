"""DICOMDIR says / disc holds: which file is meant, and where the two disagree."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasvc.media.directory.dicomdir import read_dicomdir
from mediasvc.media.directory.manifest import Matching, contradictions, match
from mediasvc.media.directory.reference import Reference
from mediasvc.media.member import Member
from mediasvc.model import InstanceHeader


def members(*paths: str) -> list[Member]:
    return [Member(number, path, tuple(path.split("/")), 1, number)
            for number, path in enumerate(paths)]


def named(path: str, uid: str = "", folder: str = "") -> Reference:
    return Reference(tuple(path.split("/")), sop_instance_uid=uid,
                     folder=tuple(folder.split("/")) if folder else ())


def codes(matching: Matching) -> set[str]:
    return {finding.code for finding in matching.findings}


def test_files_under_their_own_names_are_found_without_a_word() -> None:
    matching = match([named("DICOM/I1"), named("DICOM/I2")],
                     members("DICOMDIR", "DICOM/I2", "DICOM/I1", "README.TXT"))
    assert matching.found == {0: 2, 1: 1}
    assert matching.unreferenced == (0, 3)
    assert not matching.missing
    assert not matching.findings


def test_missing_and_unnamed_files_are_listed() -> None:
    matching = match([named("DICOM/I1"), named("DICOM/I2")], members("DICOM/I1", "DICOM/I9"))
    assert matching.missing == (1,)
    assert matching.unreferenced == (1,)


@pytest.mark.parametrize(("reference", "file", "how"), [
    ("DICOM/IM1", "dicom/im1", "case"),
    ("DICOM/IM1", "Dicom/IM1.", "case"),
    ("DICOM/IM1", "DICOM/IM1.;1", "case"),
    ("DICOM/IM1", "dicom/im1;1", "case"),
    ("ÜBER/I1", "u\u0308ber/i1", "case"),
    ("DICOM/IM1", "DICOM/IM1.DCM", "extension"),
    ("DICOM/IM1.DCM", "DICOM/IM1", "extension"),
    ("DICOM/IM1", "dicom/im1.dcm;1", "extension"),
    ("IMAGES/IMAGE-0000012345", "IMAGES/IMAGE_00", "shortened"),
    ("IMAGES/IMAGE000012345.dcm", "IMAGES/IMAGE000.DCM;1", "shortened"),
    ("SERIES-LONG/I1", "SERIES_L/I1", "shortened"),
])
def test_file_under_a_changed_name_is_found_and_reported(
        reference: str, file: str, how: str) -> None:
    matching = match([named(reference)], members("DICOMDIR", file))
    assert matching.found == {0: 1}
    assert matching.how == {0: how}
    assert codes(matching) == {f"reference-{how}"}


def test_properly_named_file_is_not_taken_for_another() -> None:
    matching = match([named("D/IMAGE001"), named("D/IMAGE001.OLD")],
                     members("D/IMAGE001", "D/IMAGE002"))
    assert matching.found == {0: 0}
    assert matching.missing == (1,)


def test_look_alikes_are_told_apart_by_their_uid() -> None:
    files = members("D/IM1.JPG", "D/IM1.DCM", "D/IM1.BAK")
    known = {1: "1.2.1", 2: "1.2.9"}
    assert match([named("D/IM1", "1.2.1")], files, known).found == {0: 1}
    assert match([named("D/IM1", "1.2.9")], files, known).found == {0: 2}
    assert match([named("D/IM1")], files).missing == (0,)


def test_shortened_name_with_another_uid_is_not_the_file() -> None:
    matching = match([named("D/IMAGE0001234", "1.2.1")], members("D/IMAGE000"), {0: "1.2.2"})
    assert matching.missing == (0,)


def test_renamed_file_is_found_by_its_uid() -> None:
    matching = match([named("DICOM/I1", "1.2.1"), named("DICOM/I2", "1.2.2")],
                     members("x/a", "x/b"), {0: "1.2.2", 1: "1.2.1"})
    assert matching.found == {0: 1, 1: 0}
    assert codes(matching) == {"reference-uid"}


def test_same_name_with_another_uid_stays_the_file_that_is_named() -> None:
    """The contradiction is said elsewhere; the name is what DICOMDIR gives."""
    assert match([named("I1", "1.2.1")], members("I1"), {0: "1.2.2"}).found == {0: 0}


@pytest.mark.parametrize("file", ["SUB/DICOM/I1", "DICOM/I1"])
def test_directory_in_a_subfolder_counts_from_there_then_from_above(file: str) -> None:
    assert match([named("DICOM/I1", folder="SUB")], members(file)).found == {0: 0}


def test_nearest_folder_wins() -> None:
    files = members("I1", "A/I1", "A/B/I1")
    assert match([named("I1", folder="A/B")], files).found == {0: 2}
    assert match([named("I1", folder="A/C")], files).found == {0: 1}
    assert match([named("I1")], files).found == {0: 0}


def test_several_directories_may_name_the_same_files() -> None:
    references = [named("A/I1"), named("B/I2"), named("I1", folder="A"), named("I3", folder="B")]
    matching = match(references, members("A/I1", "B/I2", "B/I3"))
    assert matching.found == {0: 0, 1: 1, 2: 0, 3: 2}
    assert not matching.unreferenced
    assert not matching.findings


def test_file_named_twice_by_one_directory_is_reported() -> None:
    matching = match([named("I1"), named("I1"), named("i1")], members("I1"))
    assert matching.found == {0: 0, 1: 0, 2: 0}
    assert "reference-duplicate" in codes(matching)


def test_two_files_that_differ_only_in_case_are_both_found() -> None:
    matching = match([named("im1"), named("IM1")], members("IM1", "im1"))
    assert matching.found == {0: 1, 1: 0}


names = st.lists(st.text("aA1_.;é", min_size=1, max_size=5), min_size=1, max_size=3).map("/".join)


@given(st.lists(names, max_size=12), st.lists(names, max_size=12, unique=True))
def test_every_reference_and_every_file_is_accounted_for(
        wanted: list[str], held: list[str]) -> None:
    references, files = [named(path) for path in wanted], members(*held)
    matching = match(references, files)
    assert sorted([*matching.found, *matching.missing]) == list(range(len(references)))
    used = set(matching.found.values())
    assert used.isdisjoint(matching.unreferenced)
    assert len(used) + len(matching.unreferenced) == len(files)
    for at, path in enumerate(wanted):
        if path in held:
            assert held[matching.found[at]] == path


def test_cost_grows_with_the_number_of_files_only() -> None:
    def seconds(count: int) -> float:
        references = [named(f"DICOM/S{n // 100}/IM{n}") for n in range(count)]
        files = members(*(f"dicom/s{n // 100}/im{n}.dcm" for n in range(count)))
        start = time.process_time()
        assert len(match(references, files).found) == count
        return time.process_time() - start

    seconds(500)
    assert seconds(16_000) < 60 * max(seconds(1_000), 0.005)


def test_real_discs_match_their_files(real_data: Path) -> None:
    for name, missing in (("covid_pdi", 0), ("clunie_charset", 0), ("pydicom_dirtests", 0),
                          ("philips_ct", 403), ("wg04", None)):
        root = real_data / "media" / name
        paths = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        data = (root / "DICOMDIR").read_bytes()
        matching = match(read_dicomdir(memoryview(data)).references, members(*paths))
        assert missing is None or len(matching.missing) == missing
        if name == "covid_pdi":
            assert {paths[number] for number in matching.unreferenced} == {
                "DICOMDIR", "INDEX.HTM", "README.TXT"}


def test_real_disc_with_a_directory_in_every_folder(real_data: Path) -> None:
    root = real_data / "media" / "philips_ct"
    files = sorted(p.relative_to(root) for p in root.rglob("*") if p.is_file())
    references = []
    for file in files:
        if file.name in ("DICOMDIR", "DIRFILE"):
            data = memoryview((root / file).read_bytes())
            references += read_dicomdir(data, file.parts[:-1]).references
    matching = match(references, members(*(file.as_posix() for file in files)))
    # Each folder's own list speaks from its parent; its files are found all the same.
    assert {files[number].name for number in matching.unreferenced} == {"DICOMDIR"}


SAID = Reference(("I1",), patient_id="P1", patient_name="Sample^Alma", study_instance_uid="1.1",
                 series_instance_uid="1.2", sop_instance_uid="1.3", sop_class_uid="1.4",
                 transfer_syntax_uid="1.5")
HELD = InstanceHeader(patient_id="P1", patient_name="Sample^Alma", study_instance_uid="1.1",
                      series_instance_uid="1.2", sop_instance_uid="1.3", sop_class_uid="1.4",
                      transfer_syntax_uid="1.5")


def changed(**fields: str | bool) -> InstanceHeader:
    return InstanceHeader.from_json({**HELD.as_json(), **fields})


def test_agreeing_directory_and_file_make_no_finding() -> None:
    assert contradictions([SAID], {0: HELD}) == ()


@pytest.mark.parametrize(("fields", "code", "severity"), [
    ({"patient_id": "P2"}, "directory-patient-id-differs", "error"),
    ({"patient_name": "Specimen^Bruno"}, "directory-patient-name-differs", "error"),
    ({"study_instance_uid": "9"}, "directory-study-instance-uid-differs", "warning"),
    ({"series_instance_uid": "9"}, "directory-series-instance-uid-differs", "warning"),
    ({"sop_instance_uid": "9"}, "directory-sop-instance-uid-differs", "warning"),
    ({"sop_class_uid": "9"}, "directory-sop-class-uid-differs", "warning"),
    ({"transfer_syntax_uid": "9"}, "directory-transfer-syntax-uid-differs", "warning"),
])
def test_each_disagreement_is_named_by_its_kind(
        fields: dict[str, str | bool], code: str, severity: str) -> None:
    [finding] = contradictions([SAID], {0: changed(**fields)})
    assert (finding.code, finding.severity, finding.rule) == (code, severity, "M09")
    assert finding.subject == "I1"
    for value in ("P1", "P2", "Alma", "Bruno"):
        assert value not in finding.text


def test_disagreement_of_many_files_is_one_finding() -> None:
    headers = dict.fromkeys(range(40), changed(patient_id="P2"))
    [finding] = contradictions([SAID] * 40, headers)
    assert "40 files" in finding.text
    assert finding.subject == ""


@pytest.mark.parametrize("name", [
    "SAMPLE^ALMA", "Sample^Alma^^", " Sample^ Alma ", "Sample^Alma=王^小東", "", "=王^小東"])
def test_name_written_in_another_way_is_no_contradiction(name: str) -> None:
    assert contradictions([SAID], {0: changed(patient_name=name)}) == ()


def test_uncertain_text_contradicts_nobody() -> None:
    assert contradictions([SAID], {0: changed(patient_name="Spm", uncertain_text=True)}) == ()


def test_what_one_side_does_not_say_is_no_contradiction() -> None:
    assert contradictions([Reference(("I1",))], {0: HELD}) == ()
    assert contradictions([SAID], {0: InstanceHeader()}) == ()


def test_long_file_ids_are_found_behind_mangled_iso_names() -> None:
    members = [Member(0, "DICOM/IMAGE_0001.DCM", ("DICOM", "IMAGE_00.DCM"), 1, 0,
                      ("DICOM", "IMAGE_0001.DCM")),
               Member(1, "DICOM/IMAGE_0002.DCM", ("DICOM", "IMAGE_01.DCM"), 1, 1,
                      ("DICOM", "IMAGE_0002.DCM"))]
    found = match([Reference(("DICOM", "IMAGE_0002")), Reference(("DICOM", "IMAGE_0001"))], members)
    assert found.found == {0: 1, 1: 0}
