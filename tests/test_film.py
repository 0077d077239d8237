"""`mediasvc film`: cine loops as video instances, labelled, measured, refused by name."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from mediasvc.codecs.quality import psnr
from mediasvc.standard.film_classes import FILM_CLASSES, SC_TRUE_COLOUR
from mediasvc.work import film as film_module
from mediasvc.work.rendering import render_ffmpeg
from samples import phantom
from samples.synthesis import instance, to_bytes
from tests.conftest import Program, Result

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")

US, XA = "1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.12.1"
H264, HEVC = "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.107"


def cine(path: Path, **keywords: Any) -> Path:
    """A loop of 64 × 96 colour frames that move."""
    ds = instance(modality="CINE", rows=64, columns=96, frames=8, **keywords)
    still = phantom.colour(64, 96, 1)
    ds.PixelData = b"".join(np.roll(still, number, 1).tobytes() for number in range(8))
    path.write_bytes(to_bytes(ds))
    return path


def angiogram(path: Path, bits: int = 10, **keywords: Any) -> Path:
    """A grey loop of an X-ray class, with a window."""
    ds = instance(modality="CINE", rows=64, columns=96, frames=8, **keywords)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = XA
    ds.Modality, ds.SamplesPerPixel, ds.PhotometricInterpretation = "XA", 1, "MONOCHROME2"
    del ds.PlanarConfiguration
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 if bits == 8 else 16, bits, bits - 1
    if bits > 8:
        ds.WindowCenter, ds.WindowWidth = "512", "1024"
    still = phantom.grey(64, 96, 1, bits=bits)
    frames = np.stack([np.roll(still, number, 1) for number in range(8)])
    ds.PixelData = frames.astype("<u2" if bits > 8 else "u1").tobytes()
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"
    path.write_bytes(to_bytes(ds))
    return path


def decoded(video: bytes, folder: Path, rows: int, columns: int) -> np.ndarray[Any, Any]:
    path = folder / "seen.mp4"
    path.write_bytes(video)
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt",
                           "rgb24", "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, rows, columns, 3)


def one(done: Result) -> dict[str, Any]:
    [row] = done.of("filmed")
    return row


def reason(done: Result) -> str:
    [row] = done.of("skipped")
    return str(row["reason"])


@pytest.mark.parametrize(("codec", "syntax", "method"), [
    ("h264", H264, "ISO_14496_10"), ("hevc", HEVC, "ISO_23008_2")])
def test_an_ultrasound_loop_becomes_a_labelled_video(
        cli: Program, tmp_path: Path, codec: str, syntax: str, method: str) -> None:
    source = cine(tmp_path / "a.dcm")
    row = one(cli("film", source, "-t", codec, "--to", tmp_path / "b.dcm"))
    old, new = pydicom.dcmread(source), pydicom.dcmread(tmp_path / "b.dcm")
    assert new.file_meta.TransferSyntaxUID == row["target_ts"] == syntax
    assert new.SOPInstanceUID == new.file_meta.MediaStorageSOPInstanceUID != old.SOPInstanceUID
    assert new.SOPClassUID == US and new.ImageType[0] == "DERIVED"
    assert (new.LossyImageCompression, new.LossyImageCompressionMethod) == ("01", method)
    assert float(new.LossyImageCompressionRatio) == pytest.approx(row["ratio"], rel=1e-3)
    [reference] = new.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == old.SOPInstanceUID
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121320"
    assert "lossy" in new.DerivationDescription and "CRF" in new.DerivationDescription
    assert (new.PhotometricInterpretation, new.SamplesPerPixel, new.BitsStored,
            new.NumberOfFrames, float(new.FrameTime)) == ("YBR_PARTIAL_420", 3, 8, 8, 40.0)
    kept = {"PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "StudyDate"}
    assert all(getattr(new, word) == getattr(old, word) for word in kept)
    [stream] = generate_frames(new.PixelData, number_of_frames=1)
    frames = decoded(stream[:row["encoded_bytes"]], tmp_path, 64, 96)
    error = frames.astype(float) - old.pixel_array
    assert len(frames) == 8
    assert psnr(float((error ** 2).sum()), error.size, 255) == pytest.approx(row["psnr"], abs=2.5)
    assert row["ratio"] == pytest.approx(old.pixel_array.nbytes / row["encoded_bytes"], rel=1e-3)


def test_the_same_again_is_the_same_instance(cli: Program, tmp_path: Path) -> None:
    source = cine(tmp_path / "a.dcm")
    first, second = (one(cli("film", source, "--to", tmp_path / name))
                     for name in ("1.dcm", "2.dcm"))
    assert first["sha256"] == second["sha256"] == hashlib.sha256(
        (tmp_path / "1.dcm").read_bytes()).hexdigest()


def test_an_x_ray_loop_becomes_a_secondary_capture_and_says_so(cli: Program, tmp_path: Path,
                                                               ) -> None:
    row = one(cli("film", angiogram(tmp_path / "a.dcm"), "--to", tmp_path / "b.dcm"))
    new = pydicom.dcmread(tmp_path / "b.dcm")
    assert new.SOPClassUID == new.file_meta.MediaStorageSOPClassUID == SC_TRUE_COLOUR
    assert (new.ConversionType, new.BurnedInAnnotation) == ("WSD", "YES")
    assert "WindowCenter" not in new and "windowed to 8 bits" in new.DerivationDescription
    assert any("Secondary Capture" in note for note in row["notes"])
    assert row["native_bytes"] == 64 * 96 * 8 * 2
    [stream] = generate_frames(new.PixelData, number_of_frames=1)
    grey = decoded(stream[:row["encoded_bytes"]], tmp_path, 64, 96)
    assert np.ptp(grey, axis=-1).max() <= 3, "grey stays grey"


def test_the_written_instances_pass_the_validator(cli: Program, tmp_path: Path) -> None:
    tool = shutil.which("dciodvfy") or str(Path("/work/venv/bin/dciodvfy"))
    if not Path(tool).is_file():
        pytest.skip("dciodvfy is not installed")
    for name, source in (("us", cine(tmp_path / "1")), ("xa", angiogram(tmp_path / "2", 8))):
        out = tmp_path / f"{name}.dcm"
        one(cli("film", source, "--to", out))
        before, after = (_errors(tool, path) for path in (source, out))
        assert after - before == set()


def _errors(tool: str, path: Path) -> set[str]:
    done = subprocess.run([tool, "-new", path], capture_output=True, text=True, check=False)
    return {line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")}


def test_a_policy_caps_the_ratio_or_forbids_it(cli: Program, tmp_path: Path) -> None:
    source = cine(tmp_path / "a.dcm")
    free = one(cli("film", source, "--to", tmp_path / "1.dcm"))
    cap = round(free["ratio"] * 0.8, 3)
    (cli.home / "profiles").mkdir(parents=True, exist_ok=True)
    (cli.home / "profiles" / "LOSSY-HERE.toml").write_text(
        f'kind = "lossy"\nname = "LOSSY-HERE"\ntitle = "t"\nsource = "s"\n[caps]\nUS = {cap}\n')
    capped = one(cli("film", source, "--to", tmp_path / "2.dcm", "--policy", "LOSSY-HERE"))
    assert free["ratio"] > cap >= capped["ratio"] and capped["crf"] < free["crf"]
    assert "LOSSY-DRG does not let US" in reason(
        cli("film", source, "--to", tmp_path / "3.dcm", "--policy", "LOSSY-DRG"))


REFUSED: dict[str, dict[str, Any]] = {
    "already compressed with loss": {"LossyImageCompression": "01"},
    "mammography": {"Modality": "MG"},
    "how fast": {"FrameTime": None, "FrameIncrementPointer": None},
    "not square": {"PixelAspectRatio": ["4", "3"]}}


def test_what_may_not_become_a_video_is_refused_by_name(cli: Program, tmp_path: Path) -> None:
    sources = [cine(tmp_path / f"{number}.dcm", **keywords)
               for number, keywords in enumerate(REFUSED.values())]
    done = cli("film", *sources, "--to", tmp_path / "out")
    rows = done.of("skipped")
    assert [words for row, words in zip(rows, REFUSED, strict=True)
            if words not in row["reason"]] == []
    assert done.code == 1 and list((tmp_path / "out").iterdir()) == []


def test_single_images_and_other_classes_are_refused(cli: Program, tmp_path: Path) -> None:
    (tmp_path / "ct.dcm").write_bytes(to_bytes(instance(modality="CT")))
    (tmp_path / "rt.dcm").write_bytes(to_bytes(instance(modality="RTDOSE", frames=3)))
    (tmp_path / "x.txt").write_text("no")
    done = cli("film", *(tmp_path / name for name in ("ct.dcm", "rt.dcm", "x.txt")),
               "--to", tmp_path / "out")
    assert [row["reason"] for row in done.of("skipped")] == [
        "it is no cine: it has one frame",
        "its SOP Class is none of the cine loops that may become a video"]
    assert len(done.of("failed")) == 1 and list((tmp_path / "out").iterdir()) == []


def test_a_film_that_lost_frames_or_shows_something_else_is_thrown_away(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, real = cine(tmp_path / "a.dcm"), render_ffmpeg.encode

    def other(raw: Any, out: Path, memory: int, **more: Any) -> None:
        data = bytearray(raw.path.read_bytes())
        raw.path.write_bytes(bytes(255 - value for value in data))
        real(raw, out, memory, **more)
        raw.path.write_bytes(data)

    monkeypatch.setattr(film_module, "encode", other)
    done = cli("film", source, "--to", tmp_path / "b.dcm")
    assert "not the film" in done.of("failed")[0]["reason"] and done.code == 2
    assert not (tmp_path / "b.dcm").exists()


def test_without_ffmpeg_it_says_what_to_install(cli: Program, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_module, "can_film", lambda codec: "ffmpeg is not installed")
    done = cli.text("film", cine(tmp_path / "a.dcm"), "--to", tmp_path / "b.dcm")
    assert done.code == 3 and "apt install ffmpeg" in done.stderr


def test_unwrap_gives_the_film_back(cli: Program, tmp_path: Path) -> None:
    row = one(cli("film", cine(tmp_path / "a.dcm"), "--to", tmp_path / "b.dcm", "--rate", "50"))
    assert cli("unwrap", tmp_path / "b.dcm", tmp_path / "c.mp4").code == 0
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_entries",
         "stream=nb_read_frames,r_frame_rate,codec_name,profile", "-of", "json",
         tmp_path / "c.mp4"], capture_output=True, check=True)
    [stream] = json.loads(done.stdout)["streams"]
    assert (stream["nb_read_frames"], stream["r_frame_rate"], stream["codec_name"]) == (
        "8", "50/1", "h264")
    assert (tmp_path / "c.mp4").stat().st_size == row["encoded_bytes"]


def test_every_class_of_the_table_is_a_storage_class() -> None:
    from mediasvc.standard.sop_classes import RECORD_TYPE_OF
    assert {RECORD_TYPE_OF.get(uid) for uid in FILM_CLASSES.values()} == {"IMAGE"}
