"""DICOMDIRs as they come: right, odd, damaged and hostile. What they name is always listed."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from dicomdirs import Record, Writer, disc, image, patient, series, study
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasvc.media.directory.dicomdir import Dicomdir, Reference, read_dicomdir
from samples.disc import write_disc
from samples.synthesis import instance

TWO_PATIENTS = [
    patient("P1", study("1.1.1", series("1.1.2", image("A\\I1", "9.1"), image("A\\I2", "9.2"))),
            study("1.1.3", series("1.1.4", image("A\\I3", "9.3")))),
    patient("P2", study("1.2.1", series("1.2.2", image("B\\I4", "9.4"))), name=b"Specimen^Bruno"),
]
EXPECTED = [("A/I1", "P1", "1.1.1", "1.1.2"), ("A/I2", "P1", "1.1.1", "1.1.2"),
            ("A/I3", "P1", "1.1.3", "1.1.4"), ("B/I4", "P2", "1.2.1", "1.2.2")]


def read(data: bytes, **options: object) -> Dicomdir:
    return read_dicomdir(memoryview(data), **options)  # type: ignore[arg-type]


def told(directory: Dicomdir) -> list[tuple[str, str, str, str]]:
    return [(r.label, r.patient_id, r.study_instance_uid, r.series_instance_uid)
            for r in directory.references]


def codes(directory: Dicomdir) -> set[str]:
    return {finding.code for finding in directory.findings}


def words(directory: Dicomdir, code: str) -> str:
    [finding] = [finding for finding in directory.findings if finding.code == code]
    return finding.text


@pytest.mark.parametrize("writer", [
    Writer(), Writer(undefined=True), Writer(order="reversed"), Writer(tail=b"\0" * 64)],
    ids=["plain", "undefined lengths", "children first", "padded"])
def test_conforming_directory_is_read_without_a_word(writer: Writer) -> None:
    directory = read(writer.write(TWO_PATIENTS))
    assert told(directory) == EXPECTED
    assert not directory.findings
    assert (directory.file_set_id, directory.file_set_uid) == ("TEST", "1.2.3.4")
    assert directory.references[3].patient_name == "Specimen^Bruno"
    assert directory.references[3].sop_instance_uid == "9.4"


@pytest.mark.parametrize(("writer", "code"), [
    (Writer(implicit=True), "directory-syntax"),
    (Writer(implicit=True, undefined=True), "directory-syntax"),
    (Writer(big_endian=True), "directory-syntax"),
    (Writer(meta=False), "directory-meta-missing"),
    (Writer(implicit=True, meta=False), "directory-meta-missing"),
    (Writer(implicit=True, declared="1.2.840.10008.1.2.1"), "directory-syntax-wrong"),
    (Writer(declared="1.2.840.10008.1.2.2"), "directory-syntax-wrong"),
])
def test_directory_in_another_encoding_is_read_and_reported(writer: Writer, code: str) -> None:
    directory = read(writer.write(TWO_PATIENTS))
    assert told(directory) == EXPECTED
    assert code in codes(directory)


def test_directory_without_preamble_is_read() -> None:
    assert told(read(Writer(preamble=False).write(TWO_PATIENTS))) == EXPECTED


@pytest.mark.parametrize("shift", [22, -22, -132, 4])
def test_offsets_that_are_all_off_by_the_same_are_corrected(shift: int) -> None:
    directory = read(Writer(shift=shift).write(TWO_PATIENTS))
    assert told(directory) == EXPECTED
    assert codes(directory) == {"directory-offsets-shifted"}
    assert f"{abs(shift)} bytes" in words(directory, "directory-offsets-shifted")


def test_offsets_that_are_off_after_an_edit_in_the_middle_are_corrected() -> None:
    data = Writer().write(TWO_PATIENTS)
    # A name grew by 22 bytes, and with it its item and the sequence, but no offset.
    grown = data.replace(b"PN\x0e\0Specimen^Bruno", b"PN\x24\0Specimen^Bruno" + b" " * 22)
    directory = read(grown)
    assert told(directory) == EXPECTED


def test_records_without_offsets_are_placed_by_their_order() -> None:
    directory = read(Writer(linked=False).write(TWO_PATIENTS))
    assert told(directory) == EXPECTED
    assert codes(directory) == {"directory-offsets-missing"}


def test_record_that_nothing_points_at_is_still_used() -> None:
    # The patient's offset to the studies is lost, those of the studies are right.
    roots = [patient("P1", study("1.1", series("1.2", image("I1")))),
             patient("P2", study("2.1", series("2.2", image("I2"), image("I3"))),
                     study("2.3", series("2.4", image("I4"))))]
    roots[1].lower = 0
    directory = read(Writer().write(roots))
    assert told(directory)[1:] == [("I2", "P2", "2.1", "2.2"), ("I3", "P2", "2.1", "2.2"),
                                   ("I4", "P2", "2.3", "2.4")]
    assert codes(directory) == {"directory-record-orphan"}


def _looped(kind: str) -> list[Record]:
    roots = disc(image("I1"), image("I2"), image("I3"))
    images = roots[0].below[0].below[0].below
    if kind == "next to itself":
        images[1].next = images[1]
    elif kind == "next in a circle":
        images[2].next = images[0]
    elif kind == "lower to itself":
        images[0].lower = images[0]
    elif kind == "lower to the patient":
        images[2].lower = roots[0]
    else:
        roots[0].below[0].lower = roots[0].below[0]
    return roots


@pytest.mark.parametrize("kind", ["next to itself", "next in a circle", "lower to itself",
                                  "lower to the patient", "study to itself"])
def test_circle_of_records_is_cut_and_every_file_listed_once(kind: str) -> None:
    directory = read(Writer().write(_looped(kind)))
    assert sorted(r.label for r in directory.references) == ["I1", "I2", "I3"]
    assert {r.patient_id for r in directory.references} == {"P1"}
    assert codes(directory) & {"directory-loop", "directory-level-wrong"}


def test_offset_to_nowhere_costs_no_record() -> None:
    roots = disc(image("I1"), image("I2"), image("I3"))
    roots[0].below[0].below[0].below[0].next = 99999
    directory = read(Writer().write(roots))
    assert [r.label for r in directory.references] == ["I1", "I2", "I3"]
    assert {"directory-offset-bogus", "directory-record-orphan"} <= codes(directory)


def test_offset_to_a_record_of_the_wrong_level_is_not_followed() -> None:
    roots = [patient("P1", study("1.1", series("1.2", image("I1")))),
             patient("P2", study("2.1", series("2.2", image("I2"))))]
    roots[0].below[0].below[0].next = roots[1].below[0].below[0].below[0]
    directory = read(Writer().write(roots))
    assert told(directory) == [("I1", "P1", "1.1", "1.2"), ("I2", "P2", "2.1", "2.2")]
    assert codes(directory) == {"directory-level-wrong"}


@pytest.mark.parametrize("file_id", [
    "..\\ETC\\PASSWD", "DICOM\\..\\..\\X", "\\DICOM\\I1", "/DICOM/I1", "C:\\DICOM\\I1",
    "A\\" * 40 + "I1", "X" * 300, "DICOM\\I1\0.EXE", "DICOM\\I\x1b[2J"])
def test_file_id_that_leaves_the_disc_is_refused_by_name(file_id: str) -> None:
    directory = read(Writer().write(disc(image("I1"), image(file_id))))
    assert [r.label for r in directory.references] == ["I1"]
    [finding] = directory.findings
    assert (finding.severity, finding.code, finding.rule) == ("error", "file-id-outside", "M01")
    assert finding.subject
    assert finding.subject.isprintable()
    assert directory.records[-1].file_id


def test_thousands_of_hostile_file_ids_make_few_findings() -> None:
    directory = read(Writer().write(disc(*(image(f"..\\{n}") for n in range(2000)))))
    assert len(directory.findings) < 100
    assert not directory.references


@pytest.mark.parametrize(("file_id", "label", "kinds"), [
    ("dicom\\im1", "dicom/im1", {"lower-case"}),
    ("DICOM/IM1", "DICOM/IM1", {"slash"}),
    ("DICOM\\IM1.DCM", "DICOM/IM1.DCM", {"extension"}),
    ("DICOM\\IMAGE000001", "DICOM/IMAGE000001", {"long"}),
    ("A\\B\\C\\D\\E\\F\\G\\H\\I1", "A/B/C/D/E/F/G/H/I1", {"deep"}),
    ("DICOM\\IM-1", "DICOM/IM-1", {"characters"}),
    ("my scans/Im 1.dcm", "my scans/Im 1.dcm", {"lower-case", "extension", "slash", "characters"}),
    (".\\DICOM\\IM1", "DICOM/IM1", set()),
    ("DICOM\\IM1\\", "DICOM/IM1", set()),
    ("DICOM \\IM1 ", "DICOM/IM1", set()),
])
def test_odd_file_id_is_used_and_each_kind_reported_once(
        file_id: str, label: str, kinds: set[str]) -> None:
    directory = read(Writer().write(disc(image(file_id), image(file_id))))
    assert [r.label for r in directory.references] == [label, label]
    assert codes(directory) == {f"file-id-{kind}" for kind in kinds}
    assert all(finding.text.startswith("2 File IDs") for finding in directory.findings)


def test_deleted_record_and_what_is_below_it_are_listed_but_not_counted() -> None:
    roots = [patient("P1", study("1.1", series("1.2", image("I1"), image("I2", in_use=0))),
                     study("1.3", series("1.4", image("I3"))))]
    roots[0].below[1].in_use = 0
    directory = read(Writer().write(roots))
    assert [r.label for r in directory.references] == ["I1"]
    assert [r.active for r in directory.records if r.type == "IMAGE"] == [True, False, False]
    assert "2 records" in words(directory, "directory-record-inactive")


def test_missing_keys_are_counted_by_kind() -> None:
    roots = disc(image("I1"), image("I2"))
    del roots[0].below[0].keys[0x00200010]
    for leaf in roots[0].below[0].below[0].below:
        del leaf.keys[0x00200013]
    directory = read(Writer().write(roots))
    texts = {f.text for f in directory.findings if f.code == "directory-key-missing"}
    assert texts == {"1 STUDY record has no Study ID", "2 IMAGE records have no Instance Number"}
    assert len(directory.references) == 2


def test_private_and_unknown_records_do_not_hide_the_others() -> None:
    private = Record("PRIVATE", {0x00041432: ("UI", b"1.2.9"), 0x00041500: ("CS", b"PRIV")})
    odd = Record("NOVELTY", {0x00041500: ("CS", b"NEW")})
    directory = read(Writer().write(disc(image("I1"), private, odd, image("I2"))))
    assert [r.label for r in directory.references] == ["I1", "PRIV", "NEW", "I2"]
    assert codes(directory) == {"directory-record-unknown"}


def test_file_named_through_a_shared_record_is_found() -> None:
    shared = Record("MRDR", {
        0x00041500: ("CS", b"SHARED\\I1"), 0x00041511: ("UI", b"9.9"),
        0x00041600: ("UL", b"\1\0\0\0")})
    leaf = Record("IMAGE", {0x00041504: ("UL", b"\0\0\0\0"), 0x00200013: ("IS", b"1")})
    roots = [*disc(leaf), shared]
    roots[0].next = 0
    Writer().write(roots)
    leaf.keys[0x00041504] = ("UL", shared.offset.to_bytes(4, "little"))
    directory = read(Writer().write(roots))
    assert [(r.label, r.sop_instance_uid, r.patient_id) for r in directory.references] == [
        ("SHARED/I1", "9.9", "P1")]
    assert not directory.findings


def test_study_that_is_named_only_by_its_file_has_its_uid() -> None:
    roots = disc(image("I1"))
    keys = roots[0].below[0].keys
    del keys[0x0020000D]
    keys |= {0x00041500: ("CS", b"STUDY"), 0x00041511: ("UI", b"7.7")}
    assert {r.study_instance_uid for r in read(Writer().write(roots)).references} == {"7.7"}


@pytest.mark.parametrize(("charset", "name"), [
    ("ISO_IR 100", "Müßter^Jörg"), ("ISO_IR 144", "Пробный^Пётр"), ("ISO_IR 192", "Wang=王^小東")])
def test_each_record_is_read_in_its_own_character_set(charset: str, name: str) -> None:
    codec = {"ISO_IR 100": "latin-1", "ISO_IR 144": "iso8859-5", "ISO_IR 192": "utf-8"}[charset]
    roots = [patient("P1", study("1.1", series("1.2", image("I1"))), name=name.encode(codec),
                     charset=charset.encode()), *disc(image("I2"), patient_id="P2")]
    first, second = read(Writer().write(roots)).references
    assert (first.patient_name, first.uncertain_text) == (name, False)
    assert (second.patient_name, second.uncertain_text) == ("Sample^Alma", False)


def test_name_in_an_undeclared_character_set_is_uncertain() -> None:
    roots = [patient("P1", study("1.1", series("1.2", image("I1"))), name=b"M\xfc\xdfter")]
    assert read(Writer().write(roots)).references[0].uncertain_text


def test_directory_that_is_cut_short_gives_what_is_left() -> None:
    data = Writer().write(TWO_PATIENTS)
    directory = read(data[:-30])
    assert told(directory)[:3] == EXPECTED[:3]
    assert "directory-truncated" in codes(directory)


def test_wrong_length_of_one_record_costs_no_other() -> None:
    data = Writer().write(TWO_PATIENTS)
    whole = read(data)
    at = whole.records[3].offset + 4
    for wrong in (8, 10_000_000, 0xFFFFFFFF):
        broken = data[:at] + wrong.to_bytes(4, "little") + data[at + 4:]
        directory = read(broken)
        assert {label for label, *_ in told(directory)} >= {"A/I2", "A/I3", "B/I4"}
        assert directory.findings


def test_damage_before_the_records_does_not_hide_them() -> None:
    data = Writer().write(TWO_PATIENTS)
    at = data.index(b"\x04\0\0\x12UL")
    directory = read(data[:at] + b"\xff" * 8 + data[at + 8:])
    assert len(told(directory)) == 4
    assert "directory-damaged" in codes(directory)


def test_number_of_records_is_limited() -> None:
    directory = read(Writer().write(disc(*(image(f"I{n}") for n in range(50)))), record_limit=20)
    assert len(directory.records) == 20
    assert "directory-too-large" in codes(directory)


@pytest.mark.parametrize("data", [
    b"", b"\0", b"\0" * 132, b"\0" * 128 + b"DICM", b"PK\3\4" + b"x" * 200, b"\xff" * 400])
def test_bytes_that_are_no_directory_give_an_empty_one(data: bytes) -> None:
    directory = read(data)
    assert not directory.references
    assert "directory-empty" in codes(directory)


def test_empty_directory_is_no_fault() -> None:
    directory = read(Writer().write([]))
    assert not directory.records
    assert not directory.findings


def test_thousands_of_records_inside_each_other_are_read_in_linear_time() -> None:
    head = Writer(undefined=True).write([])[:-8]
    nested = b"\xfe\xff\0\xe0\xff\xff\xff\xff\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff"
    hop = nested + b"\xfe\xff\0\xe0\xe8\3\0\0"
    for pattern in (nested, hop):
        assert not read(head + pattern * 20_000).references


def test_reference_survives_the_way_through_json() -> None:
    for reference in read(Writer().write(TWO_PATIENTS), folder=("SUB",)).references:
        assert Reference.from_json(reference.as_json()) == reference


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_makes_it_fail_or_name_a_file_twice(data: st.DataObject) -> None:
    whole = bytearray(Writer(undefined=data.draw(st.booleans())).write(TWO_PATIENTS))
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(whole) - 1))
        if data.draw(st.booleans()):
            whole[at] = data.draw(st.integers(0, 255))
        else:
            whole[at:at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=12))
    directory = read(bytes(whole))
    assert len(directory.references) <= len(directory.records) <= 16
    assert all(".." not in r.file_id for r in directory.references)


def test_directory_of_an_independent_writer_names_every_file(tmp_path: Path) -> None:
    instances = [instance(p, s, 1, n, modality=kind) for p in (1, 2) for s in (1, 2)
                 for n, kind in ((1, "CT"), (2, "SR"), (3, "DOC"))]
    paths = write_disc(tmp_path / "disc", instances)
    directory = read((tmp_path / "disc" / "DICOMDIR").read_bytes())
    assert not directory.findings
    found = {r.label: r for r in directory.references}
    assert set(found) == {path.relative_to(tmp_path / "disc").as_posix() for path in paths}
    assert {r.sop_instance_uid for r in found.values()} == {d.SOPInstanceUID for d in instances}
    assert Counter(r.record_type for r in found.values()) == {
        "IMAGE": 4, "SR DOCUMENT": 4, "ENCAP DOC": 4}


def test_real_directories_agree_with_pydicom(real_data: Path) -> None:
    import pydicom

    files = [*real_data.glob("media/**/DICOMDIR*"), *real_data.glob("media/**/DIRFILE"),
             real_data / "broken" / "dicomdir_all_missing"]
    assert len(files) > 10
    for file in files:
        directory = read(file.read_bytes())
        records = pydicom.dcmread(file, force=True).get("DirectoryRecordSequence") or []
        assert [r.type for r in directory.records] == [r.DirectoryRecordType for r in records]
        named = [r for r in records if r.get("ReferencedFileID")]
        assert sorted(r.sop_instance_uid for r in directory.references) == sorted(
            r.get("ReferencedSOPInstanceUIDInFile", "") for r in named)
        for ours, theirs in zip(directory.records, records, strict=True):
            assert ours.offset == theirs.seq_item_tell
            assert {e.tag for e in theirs if not e.is_empty and e.tag >> 16 != 4} <= set(ours.tags)


def test_real_directories_give_whole_identities(real_data: Path) -> None:
    for name in ("covid_pdi", "wg04", "philips_ct", "clunie_charset", "pydicom_dirtests"):
        directory = read((real_data / "media" / name / "DICOMDIR").read_bytes())
        assert directory.references
        assert all(r.patient_id and r.study_instance_uid and r.series_instance_uid
                   for r in directory.references)
        assert not {f for f in directory.findings if f.severity == "error"}


def test_references_taken_one_by_one_are_the_same_and_little_is_kept() -> None:
    images = [image(f"A\\I{n}", f"9.{n}") for n in range(1, 2001)]
    data = Writer().write(disc(*images))
    taken: list[Reference] = []
    directory = read(data, take=taken.append)
    assert tuple(taken) == read(data).references
    assert (len(taken), directory.references, directory.records) == (2000, (), ())
    tracemalloc.start()
    read(data, take=lambda _: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2000 * 300  # bytes for each: 300,000 of them fit into a child
