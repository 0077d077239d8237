"""What cannot be joined or split is refused by name, and nothing is left half-done."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from mediasvc.dicom.census import Census
from mediasvc.dicom.kept_originals import CREATOR_TAG, RECORDS_TAG, Keeper, Records, Run
from mediasvc.dicom.single_frame import pixel_head
from mediasvc.errors import BudgetError, DamagedError, MediasvcError, ProofError, UnsupportedError
from mediasvc.span import Span
from mediasvc.standard import legacy_converted as table
from mediasvc.work.joining.join_kind import Scanned, group_of
from mediasvc.work.joining.join_seal import head_of_file
from samples import synthesis
from tests import join_things as things
from tests.conftest import Program

MIXED = {
    "Rows": {"rows": 18}, "Columns": {"columns": 20},
    "Transfer Syntax": {"transfer_syntax": JPEGLSLossless},
    "Pixel Representation": {"PixelRepresentation": 0},
    "Photometric Interpretation": {"PhotometricInterpretation": "MONOCHROME1"},
    "Lossy Image Compression": {"LossyImageCompression": "01"},
    "Frame of Reference": {"FrameOfReferenceUID": synthesis.uid(1, 9)},
    "patient": {"PatientID": "P0002"},
    "Study Instance UID": {"StudyInstanceUID": synthesis.uid(1, 9)},
}


@pytest.fixture(scope="module")
def object_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A joined object of three CT images; its files lie beside it in ``in``."""
    folder = tmp_path_factory.mktemp("joined")
    paths = things.series(folder / "in")
    return things.joined_here(paths, folder / "mf.dcm")


@pytest.mark.parametrize("name", MIXED)
def test_a_mixed_series_is_refused_by_what_is_mixed(tmp_path: Path, name: str) -> None:
    paths = things.series(tmp_path / "in", 2)
    paths += things.series(tmp_path / "in", 1, start=3, **MIXED[name])
    with pytest.raises(UnsupportedError, match=f"the same {name}"):
        things.joined_here(paths, tmp_path / "mf.dcm")


def test_a_refused_series_leaves_nothing_behind(cli: Program, tmp_path: Path) -> None:
    things.series(tmp_path / "in", 2)
    things.series(tmp_path / "in", 1, start=3, rows=18)
    done = cli("join", tmp_path / "in", tmp_path / "mf.dcm")
    row, = done.of("refused")
    assert done.code == 1 and row["reason"].endswith("the same Rows (16, 18)")
    assert "--apart" in row["advice"] and not list(tmp_path.glob("*mf.dcm"))


def test_apart_makes_one_object_of_each_kind(cli: Program, tmp_path: Path) -> None:
    things.series(tmp_path / "in", 2)
    things.series(tmp_path / "in", 2, start=3, rows=18)
    done = cli("join", "--apart", tmp_path / "in", f"{tmp_path}/out/")
    assert done.code == 0 and [row["frames"] for row in done.of("joined")] == [2, 2]
    first, second = (pydicom.dcmread(row["out"]) for row in done.of("joined"))
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert {first.InstanceNumber, second.InstanceNumber} == {1, 2}


def test_apart_never_joins_two_patients(cli: Program, tmp_path: Path) -> None:
    things.series(tmp_path / "in", 2)
    things.series(tmp_path / "in", 1, start=3, PatientID="P0002")
    done = cli("join", "--apart", tmp_path / "in", f"{tmp_path}/out/")
    assert done.code == 1 and done.summary["joined"] == 0


def test_one_image_that_cannot_be_joined_keeps_its_series_as_it_is(
        cli: Program, tmp_path: Path) -> None:
    things.series(tmp_path / "in", 2)
    things.series(tmp_path / "in", 1, start=3, NumberOfFrames="2")
    done = cli("join", tmp_path / "in", tmp_path / "mf.dcm")
    row, = done.of("refused")
    assert done.code == 1 and row["instances"] == 3 and "multi-frame" in row["reason"]


def test_the_same_instance_with_two_contents_is_refused(cli: Program, tmp_path: Path) -> None:
    path, _ = things.series(tmp_path / "in", 2)
    other = pydicom.dcmread(path)
    other.ImageComments = "another"
    other.save_as(tmp_path / "in" / "other.dcm")
    done = cli("join", tmp_path / "in", tmp_path / "mf.dcm")
    assert done.code == 1 and "two contents" in done.of("refused")[0]["reason"]


def test_the_same_file_twice_is_one_frame(cli: Program, tmp_path: Path) -> None:
    path, _ = things.series(tmp_path / "in", 2)
    (tmp_path / "in" / "again.dcm").write_bytes(path.read_bytes())
    assert things.joined(cli, tmp_path / "in", tmp_path / "mf.dcm")["frames"] == 2


def test_what_is_no_image_is_skipped_and_a_damaged_one_refused(
        cli: Program, tmp_path: Path) -> None:
    path, *_ = things.series(tmp_path / "in", 3)
    path.write_bytes(path.read_bytes()[:-40])
    (tmp_path / "in" / "readme.txt").write_text("no image")
    report = synthesis.instance(1, 1, 2, 1, modality="SR")
    (tmp_path / "in" / "report.dcm").write_bytes(synthesis.to_bytes(report))
    done = cli("join", tmp_path / "in", tmp_path / "mf.dcm")
    assert done.code == 1 and done.summary["skipped"] == 2
    assert "damaged" in done.of("refused")[0]["reason"]


def test_nothing_that_is_there_is_written_over(cli: Program, tmp_path: Path) -> None:
    things.series(tmp_path / "in", 2)
    (tmp_path / "mf.dcm").write_bytes(b"mine")
    done = cli("join", tmp_path / "in", tmp_path / "mf.dcm")
    assert done.code == 3 and (tmp_path / "mf.dcm").read_bytes() == b"mine"


def _changed(source: Path, path: Path, old: bytes, new: bytes) -> Path:
    data = source.read_bytes()
    assert data.count(old) >= 1 and len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    return path


def test_another_identity_is_noticed_and_said(object_: Path, tmp_path: Path, cli: Program) -> None:
    path = _changed(object_, tmp_path / "mf.dcm", b"P0001 ", b"P0002 ")
    done = cli.text("split", path, tmp_path / "back")
    assert done.code == 2 and "changed after it was joined" in done.stderr
    assert "--as-joined" in done.stderr and not (tmp_path / "back").exists()
    assert not list(tmp_path.glob(".*.part"))
    assert cli("split", "--as-joined", path, tmp_path / "back").code == 0
    assert things.digests(tmp_path / "back") == things.digests(object_.parent / "in")


def test_the_frames_with_the_identity_of_now_are_new_instances(
        object_: Path, tmp_path: Path) -> None:
    path = _changed(object_, tmp_path / "mf.dcm", b"P0001 ", b"P0002 ")
    made = things.split_here(path, tmp_path / "back", as_new=True)
    images = [pydicom.dcmread(tmp_path / "back" / row["name"]) for row in made["files"]]
    assert {image.PatientID for image in images} == {"P0002"}
    assert all(CREATOR_TAG not in image for image in images)
    assert [image.SOPInstanceUID for image in images] == [
        row["sop_instance_uid"] for row in made["files"]]


def test_a_changed_sample_is_noticed(object_: Path, tmp_path: Path) -> None:
    data = bytearray(object_.read_bytes())
    pixels = pydicom.dcmread(object_).PixelData
    data[data.index(pixels) + len(pixels) // 2] ^= 1
    path = tmp_path / "mf.dcm"
    path.write_bytes(data)
    for how in ({}, {"as_joined": True}):
        with pytest.raises(ProofError, match="frame 2"):
            things.split_here(path, tmp_path / f"back{len(how)}", **how)


def test_a_lost_frame_is_noticed(object_: Path, tmp_path: Path) -> None:
    made = pydicom.dcmread(object_)
    made.NumberOfFrames = 2
    made.PixelData = made.PixelData[:len(made.PixelData) // 3 * 2]
    made.save_as(tmp_path / "mf.dcm")
    with pytest.raises(DamagedError, match="more single-frame files"):
        things.split_here(tmp_path / "mf.dcm", tmp_path / "back")


def test_what_it_keeps_is_limited_by_the_settings(
        object_: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(things, "BUDGET", 1000)
    with pytest.raises(MediasvcError, match="more bytes than the settings allow"):
        things.split_here(object_, tmp_path / "back")


def test_a_block_that_would_fill_the_disk_is_refused() -> None:
    sink = BytesIO()
    keeper, nothing = Keeper(sink), memoryview(bytes(65 << 20))
    keeper.add("00" * 32, [Run.literal(len(nothing))], nothing)
    assert keeper.close() < 10_000
    with pytest.raises(BudgetError):
        Records(memoryview(sink.getvalue()), 1 << 40).next()


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_object_gives_the_files_or_nothing(
        object_: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    received = bytearray(object_.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        received[data.draw(st.integers(0, len(received) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.sampled_from((0, 0, 1, 100, 3000)))
    (folder / "mf.dcm").write_bytes(received[:len(received) - cut])
    try:
        made = things.split_here(folder / "mf.dcm", folder / "back")
    except MediasvcError:
        return
    if made["kind"] == "original":
        assert things.digests(folder / "back") == things.digests(object_.parent / "in")


def _foreign(object_: Path, path: Path) -> Path:
    """Without our private block, as an archive that drops those gives it back."""
    made = pydicom.dcmread(object_)
    del made[CREATOR_TAG], made[RECORDS_TAG]
    made.save_as(path)
    return path


def test_without_the_block_the_frames_are_new_instances(object_: Path, tmp_path: Path) -> None:
    path = _foreign(object_, tmp_path / "mf.dcm")
    made = things.split_here(path, tmp_path / "back")
    assert made["kind"] == "converted"
    joined = pydicom.dcmread(path)
    for number, (new, old) in enumerate(zip(sorted((tmp_path / "back").iterdir()), sorted(
            (object_.parent / "in").iterdir()), strict=True), 1):
        back, was = pydicom.dcmread(new), pydicom.dcmread(old)
        assert np.array_equal(back.pixel_array, was.pixel_array)
        assert back.SOPClassUID == was.SOPClassUID and back.SOPInstanceUID != was.SOPInstanceUID
        for keyword in ("PatientID", "ImagePositionPatient", "PixelSpacing", "RescaleSlope",
                        "InstanceNumber", "SliceLocation", "ImageType", "BodyPartExamined"):
            assert back[keyword].value == was[keyword].value, keyword
        source, = back.ConversionSourceAttributesSequence
        assert (source.ReferencedSOPInstanceUID, source.ReferencedFrameNumber) == (
            joined.SOPInstanceUID, number)
        assert "SharedFunctionalGroupsSequence" not in back
        assert "ReferencedSOPInstanceUID" not in back


def test_the_same_frames_are_the_same_instances(object_: Path, tmp_path: Path) -> None:
    path = _foreign(object_, tmp_path / "mf.dcm")
    one, other = (things.split_here(path, tmp_path / name)["files"] for name in ("a", "b"))
    assert one == other


def test_what_has_no_single_frame_form_is_refused(cli: Program, tmp_path: Path) -> None:
    (tmp_path / "cine.dcm").write_bytes(
        synthesis.to_bytes(synthesis.instance(modality="CINE")))
    done = cli.text("split", tmp_path / "cine.dcm", tmp_path / "back")
    assert done.code == 2 and "no single-frame form" in done.stderr


def test_frames_beyond_four_gigabytes_have_an_extended_offset_table() -> None:
    head = pixel_head([2 << 30, 2 << 30, 100], native=False, bits_allocated=16)
    tables = pydicom.dcmread(_part10(head + b"\xfe\xff\xdd\xe0" + bytes(4)))
    offsets = np.frombuffer(tables.ExtendedOffsetTable, "<u8")
    assert offsets.tolist() == [0, (2 << 30) + 8, (4 << 30) + 16]
    lengths = np.frombuffer(tables.ExtendedOffsetTableLengths, "<u8")
    assert lengths.tolist() == [2 << 30, 2 << 30, 100]


def _part10(body: bytes) -> BytesIO:
    return BytesIO(head_of_file("1.2", JPEGLSLossless)[0] + body)


def test_native_frames_beyond_four_gigabytes_are_refused() -> None:
    kind = {"Transfer Syntax": ExplicitVRLittleEndian}
    files = [Scanned("a", Span("a", 0, 1), {
        "sop_uid": str(number), "number": number, "native": True, "kind": kind,
        "frame_bytes": 1 << 30}) for number in range(4)]
    with pytest.raises(UnsupportedError, match="4 GiB"):
        group_of("1.2", 1, files)


def test_overlays_are_mentioned_and_left_out() -> None:
    census = Census(table.CT)
    census.add({0x60003000: b"\x00\x60\x00\x30OW\0\0\2\0\0\0\1\2"})
    assert census.without["overlay"] == 1 and not census.shared_unassigned({})
