"""A DICOMDIR is legal whatever the instances say; the instances keep their bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset
from pydicom.tag import Tag

from mediasvc.dicom.framing import read_framing
from mediasvc.media.checking.check_directory import check_directory
from mediasvc.media.checking.check_values import is_legal_value
from mediasvc.media.directory.dicomdir_write import FileSet, Written, write_dicomdir
from mediasvc.media.directory.directory_keys import read, scan
from mediasvc.media.directory.legal_value import legal, legal_uid
from mediasvc.media.directory.record_text import Repertoire, declared, repertoire
from mediasvc.sandbox import Sandbox
from mediasvc.standard.directory_records import KEY_VRS
from mediasvc.standard.legal_values import SEVERAL
from samples.synthesis import instance, to_bytes
from tests.carriers import tool
from tests.disc_things import broken, build, disc_instances, judge, new_sandbox

FILE_SET = FileSet("LEGAL", "1.2.826.0.1.3680043.10.1511.77")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


def raw(ds: FileDataset, keyword: str, value: bytes, vr: str = "") -> FileDataset:
    """Put bytes into an instance that no writer would let through."""
    tag = Tag(pydicom.datadict.tag_for_keyword(keyword))
    vr = vr or pydicom.datadict.dictionary_VR(tag)
    value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    ds._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return ds


def odd(**values: bytes) -> FileDataset:
    ds = instance(1)
    for keyword, value in values.items():
        raw(ds, keyword, value)
    return ds


def written(folder: Path, *instances: FileDataset) -> tuple[pydicom.Dataset, Written]:
    entries = []
    for number, ds in enumerate(instances):
        path = folder / f"IM{number:06d}"
        path.write_bytes(to_bytes(ds))
        entries.append(scan(path, ("DICOM", path.name), "extended"))
    done = write_dicomdir(folder / "DICOMDIR", entries, FILE_SET, key_set="extended")
    for program in ("dciodvfy", "dcdirdmp"):
        said = subprocess.run([tool(program), "DICOMDIR"], cwd=folder, capture_output=True,
                              check=False)
        assert b"Error" not in said.stdout + said.stderr, (said.stdout + said.stderr).decode(
            "latin-1")
    return pydicom.dcmread(folder / "DICOMDIR"), done


def records(directory: pydicom.Dataset, kind: str) -> list[pydicom.Dataset]:
    return [row for row in directory.DirectoryRecordSequence if row.DirectoryRecordType == kind]


@pytest.mark.parametrize(("keyword", "bad", "kind", "good"), [
    ("StudyDate", b"1994.11.05", "STUDY", "19941105"),
    ("StudyDate", b"2004-01-19", "STUDY", "20040119"),
    ("StudyDate", b"UNKNOWN", "STUDY", instance(1).StudyDate),
    ("StudyTime", b"11:20:00", "STUDY", "112000"),
    ("StudyTime", b"25", "STUDY", "000000"),
    ("StudyID", b"a study id of 22 signs", "STUDY", "a study id of 22"),
    ("AccessionNumber", b"d1a2c3a4a5bc6bbcab7f8ea9ac0be1f2", "STUDY", "d1a2c3a4a5bc6bbc"),
    ("StudyDescription", b"one\\two\x07", "STUDY", "one two"),
    ("PatientSex", b"female", "PATIENT", "FEMALE"),
    ("PatientBirthDate", b"UNKNOWN", "PATIENT", None),
    ("PatientID", b"P" * 80, "PATIENT", "P" * 64),
    ("Modality", b"ct", "SERIES", "CT"),
    ("SeriesNumber", b"12.0", "SERIES", 12),
    ("SeriesNumber", b"twelve", "SERIES", 1),
    ("InstanceNumber", b"99999999999", "IMAGE", 1),
    ("ImageType", b"ORIGINAL\\PRIMARY\\ABDOM/RAD", "IMAGE", ["ORIGINAL", "PRIMARY", "ABDOM_RAD"]),
    ("PixelSpacing", b"0.123456789012345678\\1", "IMAGE", [0.12345678901235, 1]),
    ("PixelSpacing", b"0.5", "IMAGE", None),
    ("ImagePositionPatient", b"1\\two\\3", "IMAGE", None),
])
def test_an_illegal_value_becomes_the_nearest_legal_one(
        tmp_path: Path, keyword: str, bad: bytes, kind: str, good: object) -> None:
    directory, done = written(tmp_path, odd(**{keyword: bad}))
    [row] = records(directory, kind)
    value = row.get(keyword) or None
    assert (list(value) if isinstance(good, list) else value) == good
    codes = {finding.code for finding in done.findings}
    assert codes & {"key-mended", "key-invented"}
    assert all(f" {bad.decode('latin-1')} " not in f.text for f in done.findings)


def test_uids_that_are_none_are_replaced_and_still_agree(tmp_path: Path) -> None:
    series, study = b"1.2.840.0113619.2", b"999.999.2"
    one = raw(raw(instance(1), "SeriesInstanceUID", series), "StudyInstanceUID", study)
    two = raw(raw(instance(1, 1, 1, 2), "SeriesInstanceUID", series), "StudyInstanceUID", study)
    three = instance(1, 1, 2)
    raw(three, "StudyInstanceUID", study)
    directory, done = written(tmp_path, one, two, three)
    assert [len(records(directory, kind)) for kind in ("STUDY", "SERIES", "IMAGE")] == [1, 2, 3]
    [found] = records(directory, "STUDY")
    assert found.StudyInstanceUID == legal_uid(study).decode() != study.decode()
    assert "Study Instance UID" in " ".join(finding.text for finding in done.findings)


def test_a_disc_of_illegal_instances_passes_and_they_keep_their_bytes(
        sandbox: Sandbox, tmp_path: Path) -> None:
    ds = raw(odd(PatientBirthDate=b"UNKNOWN", SeriesNumber=b"twelve", PatientSex=b"female",
                 ImageType=b"ORIGINAL\\a/b", PixelSpacing=b"0.123456789012345678\\1"),
             "SeriesInstanceUID", b"1.02.3")
    raw(ds, "SOPInstanceUID", b"1.2.03.4")
    ds.file_meta._dict[Tag(0x00020003)] = RawDataElement(
        Tag(0x00020003), "UI", 8, b"1.2.03.4", 0, False, True)
    files = disc_instances(tmp_path / "in", [ds])
    before = (tmp_path / "in" / "0.dcm").read_bytes()
    (tmp_path / "out").parent.mkdir(exist_ok=True)
    build(sandbox, tmp_path / "out", files, tmp_path / "scratch", profile="STD-GEN-DVD-JPEG",
          container="folder")
    assert broken(judge(sandbox, tmp_path / "out", "STD-GEN-DVD-JPEG")) == set()
    [path] = (tmp_path / "out" / "DICOM").rglob("IM*")
    assert path.read_bytes() == before


@pytest.mark.parametrize(("charset", "text", "said", "shown"), [
    (b"", "Müller".encode(), "ISO_IR 192", "Müller"),
    (b"", "Müller".encode("latin-1"), "ISO_IR 100", "Müller"),
    (b"", "Müll\x85er".encode("latin-1"), None, "M?ll er"),
    (b"iso-ir 100", "Müller".encode("latin-1"), "ISO_IR 100", "Müller"),
    (b"WHATEVER", "Müller".encode("latin-1"), "ISO_IR 100", "Müller"),
    (b"ISO_IR 100", b"\x1b$B;3ED\x1b(B", "ISO_IR 192", "山田"),
    (b"ISO_IR 192", b"M\xfcller", None, "M?ller"),
])
def test_text_is_in_the_character_set_that_its_record_names(
        tmp_path: Path, charset: bytes, text: bytes, said: str | None, shown: str) -> None:
    ds = odd(PatientName=text)
    ds.pop("SpecificCharacterSet", None)
    if charset:
        raw(ds, "SpecificCharacterSet", charset)
    [row] = records(written(tmp_path, ds)[0], "PATIENT")
    assert row.get("SpecificCharacterSet") == said
    assert str(row.PatientName) == shown


KEYS = sorted((tag, vr) for tag, vr in KEY_VRS.items() if vr not in ("SQ", "US", "UL"))
WILD = st.one_of(st.binary(max_size=90), st.text(max_size=90).map(str.encode),
                 st.from_regex(r"[0-9.:\-/+eE\\ A-Za-z]{0,40}", fullmatch=True).map(str.encode))


@settings(max_examples=600, deadline=None)
@given(key=st.sampled_from(KEYS), value=WILD,
       charset=st.sampled_from([b"", b"ISO_IR 100", b"ISO_IR 192", b"\\ISO 2022 IR 87", b"GB18030",
                                b"ISO_IR 13", b"nonsense", b"ISO 2022 IR 6\\ISO 2022 IR 149"]))
@example(key=(0x00280030, "DS"), value=b"1e400\\1", charset=b"")
@example(key=(0x00200013, "IS"), value=b"+-1", charset=b"")
@example(key=(0x0020000E, "UI"), value=b"1.99.3", charset=b"")
@example(key=(0x00081030, "LO"), value=b"\\\\", charset=b"")
def test_whatever_stands_in_a_file_its_record_is_legal(key: tuple[int, str], value: bytes,
                                                       charset: bytes) -> None:
    """The other opinion is that of check-disc, which asks pydicom."""
    tag, vr = key
    value = value.rstrip(b" \0")
    text = Repertoire() if value.isascii() and b"\x1b" not in value else repertoire(
        (value,), charset)
    made = legal(tag, vr, value, text)
    assert is_legal_value(vr, made, text.written_as.decode()), (made, text)
    assert vr == "ST" or tag in SEVERAL or b"\\" not in made
    if is_legal_value(vr, value, text.written_as.decode()) and declared(charset) and (
            b"\\" not in value):
        assert not value.isascii() or made.strip() == value.strip()


def test_check_disc_says_which_record_has_an_illegal_value(tmp_path: Path) -> None:
    directory = written(tmp_path, instance(1))[0]
    assert not check_directory(memoryview((tmp_path / "DICOMDIR").read_bytes())).illegal
    data = (tmp_path / "DICOMDIR").read_bytes().replace(
        records(directory, "STUDY")[0].StudyDate.encode(), b"20200231")
    found = check_directory(memoryview(data))
    assert found.illegal == [(2, "STUDY", "(0008,0020)")]
    assert [row.rule for row in found.findings] == ["RF-12"]


def test_both_readers_of_keys_give_the_same_records(tmp_path: Path) -> None:
    ds = odd(StudyDate=b"1994.11.05", PatientSex=b"x/y")
    (tmp_path / "a").write_bytes(to_bytes(ds))
    view = memoryview((tmp_path / "a").read_bytes())
    assert read(read_framing(view), ("A",), "extended") == scan(tmp_path / "a", ("A",), "extended")
