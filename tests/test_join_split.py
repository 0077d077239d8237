"""A series becomes one object, and the object gives the series back, byte for byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from mediasvc import span
from mediasvc.dicom.encapsulation import DELIMITER
from mediasvc.standard import legacy_converted as table
from samples import synthesis
from tests import join_things as things
from tests.carriers import tool
from tests.conftest import Program

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name.split(" ")[0][:12] + uid[-3:])
def test_files_of_any_syntax_come_back_as_they_were(tmp_path: Path, syntax: str) -> None:
    paths = things.series(tmp_path / "in", transfer_syntax=syntax)
    out = things.joined_here(paths, tmp_path / "mf.dcm")
    made = things.split_here(out, tmp_path / "back")
    assert made["kind"] == "original"
    assert things.digests(tmp_path / "back") == things.digests(tmp_path / "in")
    before = [pydicom.dcmread(path).pixel_array for path in paths]
    assert np.array_equal(pydicom.dcmread(out).pixel_array, before)


@pytest.mark.parametrize(("modality", "tail"), [("CT", "2.2"), ("MR", "4.4"), ("PT", "128.1")])
def test_the_object_is_the_legacy_converted_one_of_its_modality(
        cli: Program, tmp_path: Path, modality: str, tail: str) -> None:
    things.series(tmp_path / "in", modality=modality)
    row = things.joined(cli, tmp_path / "in", tmp_path / "mf.dcm")
    made = pydicom.dcmread(tmp_path / "mf.dcm")
    assert made.SOPClassUID == row["sop_class_uid"] == table.STORAGE + tail
    assert made.NumberOfFrames == row["frames"] == 3
    done = cli("split", tmp_path / "mf.dcm", tmp_path / "back")
    assert done.code == 0 and done.summary["kind"] == "original"
    assert things.digests(tmp_path / "back") == things.digests(tmp_path / "in")


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "SC"])
def test_validators_accept_it(tmp_path: Path, modality: str) -> None:
    if modality == "SC":
        things.pages(tmp_path / "in")
    else:
        things.series(tmp_path / "in", modality=modality)
    out = things.joined_here(sorted((tmp_path / "in").iterdir()), tmp_path / "mf.dcm")
    said = subprocess.run([tool("dciodvfy"), str(out)], capture_output=True, text=True, timeout=60)
    assert [line for line in said.stderr.splitlines() if "Error" in line] == []
    for reader in (["dcmdump", "-q"], ["gdcminfo"]):
        subprocess.run([tool(reader[0]), *reader[1:], str(out)], check=True, capture_output=True,
                       timeout=60)


def test_attributes_stand_where_the_standard_puts_them(tmp_path: Path) -> None:
    paths = things.series(tmp_path / "in")
    made = pydicom.dcmread(things.joined_here(paths, tmp_path / "mf.dcm"))
    shared, = made.SharedFunctionalGroupsSequence
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [0.8, 0.8]
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert shared.FrameAnatomySequence[0].AnatomicRegionSequence[0].CodeValue == "818981001"
    for frame, path in zip(made.PerFrameFunctionalGroupsSequence, paths, strict=True):
        classic = pydicom.dcmread(path)
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert position == classic.ImagePositionPatient
        source, = frame.ConversionSourceAttributesSequence
        assert source.ReferencedSOPInstanceUID == classic.SOPInstanceUID
        rest, = frame.UnassignedPerFrameConvertedAttributesSequence
        assert rest.InstanceNumber == classic.InstanceNumber
        assert rest.SliceLocation == classic.SliceLocation
    assert made.PatientID == "P0001" and "SliceLocation" not in made
    assert made.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0].CodeValue == (
        "109106")


def test_every_attribute_of_the_source_is_somewhere(tmp_path: Path) -> None:
    paths = things.series(tmp_path / "in", count=2)
    made = pydicom.dcmread(things.joined_here(paths, tmp_path / "mf.dcm"))
    found = {element.tag for element in made.iterall()}
    assert {element.tag for element in pydicom.dcmread(paths[0])} <= found


def test_private_elements_keep_their_creator_beside_them(tmp_path: Path) -> None:
    paths = things.series(tmp_path / "in", count=2)
    for number, path in enumerate(paths):
        classic = pydicom.dcmread(path)
        block = classic.private_block(0x0019, "SAMPLES 1", create=True)
        block.add_new(0x01, "LO", "the same")
        block.add_new(0x02, "LO", f"another {number}")
        classic.save_as(path)
    made = pydicom.dcmread(things.joined_here(paths, tmp_path / "mf.dcm"))
    shared, = made.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence
    assert shared.private_block(0x0019, "SAMPLES 1")[0x01].value == "the same"
    for number, frame in enumerate(made.PerFrameFunctionalGroupsSequence):
        own, = frame.UnassignedPerFrameConvertedAttributesSequence
        assert own.private_block(0x0019, "SAMPLES 1")[0x02].value == f"another {number}"


def test_references_to_images_among_the_files_have_their_evidence(
        cli: Program, tmp_path: Path) -> None:
    localizer = synthesis.instance(1, 1, 2, 1)
    item = Dataset()
    item.ReferencedSOPClassUID = localizer.SOPClassUID
    item.ReferencedSOPInstanceUID = localizer.SOPInstanceUID
    things.series(tmp_path / "in", ReferencedImageSequence=[item])
    (tmp_path / "in" / "localizer.dcm").write_bytes(synthesis.to_bytes(localizer))
    done = cli("join", tmp_path / "in", f"{tmp_path}/out/")
    row, = [row for row in done.of("joined") if row["frames"] == 3]
    made = pydicom.dcmread(row["out"])
    shared, = made.SharedFunctionalGroupsSequence
    assert shared.ReferencedImageSequence[0].ReferencedSOPInstanceUID == localizer.SOPInstanceUID
    evidence, = made.ReferencedImageEvidenceSequence
    assert evidence.ReferencedSeriesSequence[0].SeriesInstanceUID == localizer.SeriesInstanceUID
    assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == localizer.SeriesInstanceUID
    assert row["notes"] == []


def test_the_same_files_are_the_same_object(tmp_path: Path) -> None:
    paths = things.series(tmp_path / "in")
    one = things.joined_here(paths, tmp_path / "1.dcm").read_bytes()
    assert things.joined_here(paths[::-1], tmp_path / "2.dcm").read_bytes() == one
    other = things.joined_here(paths[:2], tmp_path / "3.dcm")
    assert things.uid_of(other) != things.uid_of(tmp_path / "1.dcm")


def test_files_that_are_mapped_come_back_too(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span, "READ_LIMIT", 0)
    for syntax in (ExplicitVRLittleEndian, ExplicitVRBigEndian, JPEGLSLossless):
        folder = tmp_path / syntax[-2:]
        paths = things.series(folder, transfer_syntax=syntax)
        out = things.joined_here(paths, tmp_path / f"{folder.name}.dcm")
        things.split_here(out, tmp_path / f"{folder.name}-back")
        assert things.digests(tmp_path / f"{folder.name}-back") == things.digests(folder)


def test_a_frame_in_several_fragments_is_one_fragment_of_the_object(tmp_path: Path) -> None:
    paths = things.series(tmp_path / "in", transfer_syntax=JPEGLSLossless)
    for path in paths:
        data = path.read_bytes()
        at = data.rindex(b"\xfe\xff\x00\xe0") + 8
        frame = data[at:data.rindex(DELIMITER)]
        half = len(frame) // 4 * 2
        parts = b"".join(b"\xfe\xff\x00\xe0" + len(part).to_bytes(4, "little") + part
                         for part in (frame[:half], frame[half:]))
        path.write_bytes(data[:at - 8] + parts + data[data.rindex(DELIMITER):])
    out = things.joined_here(paths, tmp_path / "mf.dcm")
    made = pydicom.dcmread(out)
    assert len(list(pydicom.encaps.generate_fragments(made.PixelData))) == 1 + len(paths)
    things.split_here(out, tmp_path / "back")
    assert things.digests(tmp_path / "back") == things.digests(tmp_path / "in")


def test_odd_pages_of_eight_bits_are_put_behind_each_other(tmp_path: Path) -> None:
    paths = things.pages(tmp_path / "in", rows=5, columns=7)
    out = things.joined_here(paths, tmp_path / "mf.dcm")
    before = [pydicom.dcmread(path).pixel_array for path in paths]
    assert np.array_equal(pydicom.dcmread(out).pixel_array, before)
    things.split_here(out, tmp_path / "back")
    assert things.digests(tmp_path / "back") == things.digests(tmp_path / "in")


def test_samples_of_an_old_ge_scanner_are_turned_round(tmp_path: Path) -> None:
    paths = things.series(tmp_path / "in", transfer_syntax=ImplicitVRLittleEndian)
    before = [pydicom.dcmread(path).pixel_array for path in paths]
    for path, samples in zip(paths, before, strict=True):
        data = path.read_bytes().replace(
            ImplicitVRLittleEndian.encode() + b"\0", b"1.2.840.113619.5.2")
        path.write_bytes(data.replace(samples.tobytes(), samples.byteswap().tobytes()))
    out = things.joined_here(paths, tmp_path / "mf.dcm")
    assert np.array_equal(pydicom.dcmread(out).pixel_array, before)
    things.split_here(out, tmp_path / "back")
    assert things.digests(tmp_path / "back") == things.digests(tmp_path / "in")


def test_bytes_behind_a_frame_stay_with_its_file(tmp_path: Path) -> None:
    paths = things.series(tmp_path / "in")
    before = [pydicom.dcmread(path).pixel_array for path in paths]
    for path in paths:
        classic = pydicom.dcmread(path)
        classic.PixelData += b"surplus!"
        classic.save_as(path)
    out = things.joined_here(paths, tmp_path / "mf.dcm")
    assert np.array_equal(pydicom.dcmread(out).pixel_array, before)
    things.split_here(out, tmp_path / "back")
    assert things.digests(tmp_path / "back") == things.digests(tmp_path / "in")


def test_a_series_of_the_archive_is_joined(cli: Program, tmp_path: Path) -> None:
    things.series(tmp_path / "in")
    package = cli("ingest", tmp_path / "in").of("package")[0]["package"]
    assert cli("queue", "decide", package, "--new", "--by", "Tess").code == 0
    assert cli("queue", "show", package).code in (0, 1)
    done = cli("join", "--series", synthesis.uid(1, 1, 1), tmp_path / "mf.dcm")
    assert done.code == 0 and done.of("joined")[0]["frames"] == 3
    stored = {row["sha256"] for row in cli("studies", "files", synthesis.uid(1, 1)).of("file")}
    assert cli("split", tmp_path / "mf.dcm", tmp_path / "back").code == 0
    assert set(things.digests(tmp_path / "back")) == stored


@pytest.mark.parametrize("name", ["ct_juno", "mr_7t_t1", "mr_ge_loc", "mr_ge_sag_t1"])
def test_real_series_come_back_as_they_were(real_data: Path, tmp_path: Path, name: str) -> None:
    paths = sorted((real_data / "series" / name).iterdir())
    out = things.joined_here(paths, tmp_path / "mf.dcm")
    things.split_here(out, tmp_path / "back")
    assert sorted(things.digests(tmp_path / "back")) == sorted(things.digests(paths[0].parent))


def test_frames_of_a_real_enhanced_object_are_mr_images(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "series" / "emr_19f.dcm"
    made = things.split_here(source, tmp_path / "back")
    frames = pydicom.dcmread(source).pixel_array
    assert made["kind"] == "converted" and len(made["files"]) == len(frames) == 19
    for path, frame in zip(sorted((tmp_path / "back").iterdir()), frames, strict=True):
        image = pydicom.dcmread(path)
        assert np.array_equal(image.pixel_array, frame) and image.EchoTime and image.PixelSpacing
    said = subprocess.run([tool("dciodvfy"), str(path)], capture_output=True, text=True, timeout=60)
    assert [line for line in said.stderr.splitlines() if "Error" in line] == []
