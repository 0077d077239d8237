"""Lossy copies: another instance, labelled by RL-1 to RL-9, refused where nobody asked by name."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.pixels import pixel_array
from pydicom.uid import ImplicitVRLittleEndian

from mediasvc.codecs.search import Goal
from mediasvc.dicom.frames import frames
from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.pieces import assemble
from mediasvc.errors import ProofError, UnsupportedError
from mediasvc.standard.lossy_labels import LABELS, METHODS
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES, transfer_syntax
from mediasvc.work.transcode import transcode_instance
from mediasvc.work.transcoding.proof import prove
from mediasvc.work.transcoding.transcode_row import Options, Transcoded
from samples.synthesis import instance, to_bytes
from tests.test_transcode import raw_elements

CASES = {"jpeg": "US", "jpeg12": "CR", "jls-near": "CT", "j2k-lossy": "CT", "htj2k-lossy": "CT",
         "jxl-lossy": "CR"}
DCIODVFY = Path(sys.executable).parent / "dciodvfy"


def lossy(ds: FileDataset, target: str, goal: Goal = Goal(), **wishes: Any,  # noqa: B008
          ) -> tuple[bytes, Transcoded]:
    data = memoryview(to_bytes(ds))
    done = transcode_instance(data, target, Options(goal, **wishes))
    out = b"".join(assemble(data, done.pieces))
    prove(data, memoryview(out), done)
    return out, done


def picture(modality: str, **keywords: Any) -> FileDataset:
    return instance(modality=modality, rows=128, columns=120, **keywords)


@pytest.mark.parametrize("target", CASES)
def test_a_lossy_copy_says_what_it_is_and_what_it_is_made_from(target: str) -> None:
    ds = picture(CASES[target])
    out, done = lossy(ds, target)
    new = dcmread(io.BytesIO(out))
    assert new.SOPInstanceUID != ds.SOPInstanceUID
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
    assert new.SOPInstanceUID == done.row.sop_instance_uid
    assert new.ImageType[0] == "DERIVED" and list(new.ImageType[1:]) == list(ds.ImageType[1:])
    assert new.LossyImageCompression == "01"
    assert new.LossyImageCompressionMethod == METHODS[transfer_syntax(target).uid]
    assert float(new.LossyImageCompressionRatio) == pytest.approx(done.row.ratio, rel=1e-3)
    assert new.DerivationCodeSequence[0].CodeValue == "113040"
    source = new.SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == ds.SOPInstanceUID
    assert source.ReferencedSOPClassUID == ds.SOPClassUID
    assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121320"
    assert transfer_syntax(target).name in new.DerivationDescription
    assert new.SeriesInstanceUID == ds.SeriesInstanceUID and new.PatientID == ds.PatientID


@pytest.mark.parametrize("target", CASES)
def test_nothing_but_labels_and_pixels_differs(target: str) -> None:
    ds = picture(CASES[target])
    out, _ = lossy(ds, target)
    before, after = raw_elements(to_bytes(ds)), raw_elements(out)
    changed = {tag for tag in before | after if before.get(tag) != after.get(tag)}
    assert changed <= LABELS | {0x7FE00010, 0x00280004, 0x00280101, 0x00280102}


@pytest.mark.parametrize("target", CASES)
def test_ratio_and_quality_are_measured_on_the_real_bytes(target: str) -> None:
    ds = picture(CASES[target])
    out, done = lossy(ds, target)
    encoded = sum(map(len, frames(read_framing(memoryview(out)))))
    assert abs(encoded - done.row.encoded_bytes) <= 1
    assert done.row.ratio == round(done.row.native_bytes / done.row.encoded_bytes, 4)
    if target in ("jls-near", "j2k-lossy", "htj2k-lossy"):
        back = pixel_array(dcmread(io.BytesIO(out)), raw=True).astype(int)
        error = np.abs(back - pixel_array(ds, raw=True).astype(int))
        assert error.max() == done.row.max_error
        peak = (1 << ds.BitsStored) - 1
        assert done.row.psnr == pytest.approx(10 * np.log10(peak ** 2 / (error ** 2).mean()))
    assert done.row.ssim is not None and 0.5 < done.row.ssim <= 1


def test_each_lossy_step_is_appended_and_none_is_forgotten() -> None:
    first = dcmread(io.BytesIO(lossy(picture("CT"), "jls-near")[0]))
    with pytest.raises(UnsupportedError, match="allow-lossy-on-lossy"):
        lossy(first, "j2k-lossy")
    out, _ = lossy(first, "j2k-lossy", allow_lossy_on_lossy=True)
    second = dcmread(io.BytesIO(out))
    assert list(second.LossyImageCompressionMethod) == ["ISO_14495_1", "ISO_15444_1"]
    ratios = second.LossyImageCompressionRatio
    assert len(ratios) == 2 and ratios[0] == first.LossyImageCompressionRatio
    assert [item.ReferencedSOPInstanceUID for item in second.SourceImageSequence] == [
        first.SourceImageSequence[0].ReferencedSOPInstanceUID, first.SOPInstanceUID]
    assert len(second.DerivationCodeSequence) == 2
    assert second.DerivationDescription.count("lossy") == 2


@pytest.mark.parametrize("keep", [
    lambda ds: setattr(ds, "LossyImageCompression", "01"),
    lambda ds: setattr(ds, "LossyImageCompression", ["01"]),
], ids=["label", "list"])
def test_what_is_labelled_lossy_counts_as_lossy(keep: Any) -> None:
    ds = picture("CT")
    keep(ds)
    with pytest.raises(UnsupportedError, match="already compressed with loss"):
        lossy(ds, "jls-near")


@pytest.mark.parametrize("change", [
    {"Modality": "MG"}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2"},
    {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3"},
])
def test_mammography_needs_to_be_named(change: dict[str, str]) -> None:
    ds = picture("CR", **change)
    with pytest.raises(UnsupportedError, match="allow-mammography"):
        lossy(ds, "j2k-lossy")
    assert lossy(ds, "j2k-lossy", allow_mammography=True)[1].row.max_error
    assert transcode_instance(memoryview(to_bytes(ds)), "jls").row.max_error is None


def test_an_instance_without_uid_cannot_be_a_predecessor() -> None:
    data = to_bytes(picture("CT"))
    at = data.index(b"\x08\x00\x18\x00UI")
    data = data[:at] + data[at + 8 + data[at + 6]:]
    with pytest.raises(UnsupportedError, match="no SOP Instance UID"):
        transcode_instance(memoryview(data), "jls-near")


def test_the_same_work_twice_is_the_same_instance() -> None:
    ds = picture("CT")
    one, two = lossy(ds, "jls-near")[0], lossy(ds, "jls-near")[0]
    assert one == two
    other = lossy(ds, "jls-near", Goal(max_error=5))[1].row.sop_instance_uid
    assert other != dcmread(io.BytesIO(one)).SOPInstanceUID and len(other) <= 64


@pytest.mark.parametrize(("target", "goal"), [
    ("jls-near", Goal(max_error=3)), ("j2k-lossy", Goal(max_error=9)),
    ("htj2k-lossy", Goal(max_error=9)), ("jpeg12", Goal(max_error=60)),
])
def test_a_maximum_error_holds_on_every_frame(target: str, goal: Goal) -> None:
    ds = picture("CR")
    cells = np.frombuffer(ds.PixelData, np.uint16)
    ds.NumberOfFrames = 3
    ds.PixelData = np.concatenate([cells, cells[::-1], cells // 2]).tobytes()
    done = lossy(ds, target, goal)[1]
    assert goal.max_error is not None
    assert done.row.max_error is not None and 0 < done.row.max_error <= goal.max_error
    assert done.row.frames == 3


@pytest.mark.parametrize("goal", [Goal(max_error=3), Goal(max_error=20), Goal(ratio=6), Goal()],
                         ids=["3", "20", "6 : 1", "default"])
def test_near_lossless_of_few_bits_reaches_its_goal(goal: Goal) -> None:
    """NEAR cannot be more than half of the range."""
    row = lossy(picture("US"), "jls-near", goal)[1].row
    assert row.max_error is not None and 0 < row.max_error <= 127
    if goal.ratio:
        assert row.ratio is not None and row.ratio >= goal.ratio
    elif goal.max_error:
        assert row.max_error == goal.max_error


@pytest.mark.parametrize("target", ["j2k-lossy", "htj2k-lossy", "jxl-lossy", "jpeg12"])
def test_a_ratio_is_met_by_the_whole_instance(target: str) -> None:
    ds = instance(modality="CR", rows=256, columns=256)
    ratio = lossy(ds, target, Goal(ratio=12))[1].row.ratio
    assert ratio is not None and 12 <= ratio < 16


def test_labels_are_written_into_other_encodings_too() -> None:
    ds = picture("CT", transfer_syntax=ImplicitVRLittleEndian)
    ds.SourceImageSequence = []
    out = dcmread(io.BytesIO(lossy(ds, "jls-near")[0]))
    assert len(out.SourceImageSequence) == 1 and out.LossyImageCompression == "01"


def test_an_image_type_of_one_value_gets_the_second() -> None:
    out = dcmread(io.BytesIO(lossy(picture("CR", ImageType="ORIGINAL"), "jpeg12")[0]))
    assert list(out.ImageType) == ["DERIVED", "SECONDARY"]


def test_a_description_in_another_script_stays_in_front() -> None:
    ds = picture("CT", SpecificCharacterSet="ISO_IR 144", DerivationDescription="Вычтено")
    out = dcmread(io.BytesIO(lossy(ds, "jls-near")[0]))
    assert out.DerivationDescription.startswith("Вычтено; JPEG-LS Lossy")
    ds.DerivationDescription = "x" * 1020
    assert len(dcmread(io.BytesIO(lossy(ds, "jls-near")[0])).DerivationDescription) < 100


def test_a_copy_that_is_no_copy_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """FAULTS X02: both decoders agree, and still it is another image."""
    from mediasvc.codecs import jpeg_ls_encode
    real = jpeg_ls_encode.encode_codes
    monkeypatch.setattr(jpeg_ls_encode, "encode_codes",
                        lambda codes, *rest: real(codes.max() - codes, *rest))
    with pytest.raises(ProofError, match="is not the image"):
        lossy(picture("CR"), "jls-near")


def test_lossless_syntaxes_never_set_the_flag() -> None:
    """Weasis#876."""
    for row in TRANSFER_SYNTAXES.values():
        if row.loss == "never" and row.alias and row.alias != "bigendian":
            view = memoryview(to_bytes(picture("CR")))
            done = transcode_instance(view, row.uid)
            out = dcmread(io.BytesIO(b"".join(assemble(view, done.pieces))))
            assert "LossyImageCompression" not in out and out.ImageType[0] == "ORIGINAL"


@pytest.mark.skipif(not DCIODVFY.exists(), reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("target", CASES)
def test_a_validator_finds_no_new_error_in_a_lossy_copy(target: str, tmp_path: Path) -> None:
    ds = picture(CASES[target])
    (tmp_path / "old.dcm").write_bytes(to_bytes(ds))
    (tmp_path / "new.dcm").write_bytes(lossy(ds, target)[0])
    old, new = (_errors(tmp_path / name) for name in ("old.dcm", "new.dcm"))
    assert new <= old


def _errors(path: Path) -> set[str]:
    done = subprocess.run([str(DCIODVFY), "-new", str(path)], capture_output=True, text=True,
                          check=False)
    return {line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")}
