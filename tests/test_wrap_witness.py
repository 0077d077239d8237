"""What others say of wrapped files: dciodvfy, DCMTK, and ffmpeg with real pictures."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pydicom
import pytest

from mediasvc.dicom.screening import screen
from mediasvc.media.foreign.wrap_facts import VideoFacts, facts_from_json
from mediasvc.span import Span
from mediasvc.standard.video_fit import fit
from mediasvc.work.wrapping.wrap_probe import probe_file
from samples.containers import mp4, ps, ts
from samples.streams import Video
from tests import wrap_things as things
from tests.carriers import tool
from tests.conftest import Program
from tests.test_wrap_pictures import wrapped

PAGE = things.photo(8, 8)
CASES: dict[str, tuple[bytes, str]] = {
    "photo": (things.jpeg(None, things.exif(taken="2026:01:02 03:04:05"),
                          things.segment(0xE2, b"ICC_PROFILE\0\1\1" + things.icc())), ""),
    "endoscopy": (things.jpeg(), "ES"),
    "microscopy": (things.jpeg(), "GM"),
    "capture": (things.jpeg(), "OT"),
    "turned": (things.jpeg(None, things.exif(orientation=8)), ""),
    "grey pages": (things.tiff(PAGE[..., 0].copy(), PAGE[..., 1].copy()), ""),
    "colour pages": (things.tiff(PAGE, PAGE), ""),
    "deep pages": (things.tiff(*[PAGE[..., 0].astype("u2")] * 2), ""),
    "report": (things.PDF, ""),
    "model": (things.STL, ""),
    "video": (mp4(Video(), made=3_850_000_000), ""),
    "video endoscopy": (ts(Video()), "ES"),
    "video microscopy": (mp4(Video("hevc", 1, 120)), "GM"),
    "video of ten bits": (mp4(Video("hevc", 2, 120, bits=10)), ""),
    "video capture": (mp4(Video()), "US"),
    "stereo": (mp4(Video(packed=True, level=42)), "ES"),
    "dvd": (ps(Video("mpeg2", 4, 8, 576, 720, more={"dar": 2})), ""),
}


@pytest.mark.parametrize("case", CASES)
def test_a_validator_finds_no_error(tmp_path: Path, case: str) -> None:
    data, modality = CASES[case]
    wrapped(tmp_path, "a", data, modality)
    done = subprocess.run([tool("dciodvfy"), str(tmp_path / "a.dcm")], capture_output=True,
                          text=True, timeout=60, check=False, encoding="latin-1")
    said = (done.stdout + done.stderr).splitlines()
    assert [line for line in said if line.startswith("Error")] == []


@pytest.mark.parametrize("case", CASES)
def test_the_import_desk_has_nothing_to_say(tmp_path: Path, case: str) -> None:
    wrapped(tmp_path, "a", *CASES[case])
    seen = screen(memoryview((tmp_path / "a.dcm").read_bytes()))
    assert (seen.role, seen.findings) == ("instance", ())


@pytest.mark.parametrize("case", ["photo", "colour pages", "report", "video"])
def test_dcmtk_reads_it_without_a_warning(tmp_path: Path, case: str) -> None:
    wrapped(tmp_path, "a", *CASES[case])
    done = subprocess.run([tool("dcmdump"), str(tmp_path / "a.dcm")], capture_output=True,
                          text=True, timeout=60, check=False, encoding="latin-1")
    assert done.returncode == 0 and not done.stderr


X264 = "-c:v libx264 -profile:v high -pix_fmt yuv420p -preset veryfast"
X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none"
#: name → (size, rate, options, transfer syntax).
STREAMS = {
    "b.mp4": ("640x480", "25", f"{X264} -bf 3", 102),
    "sound.mp4": ("640x482", "30000/1001", f"{X264} -c:a aac", 102),
    "fragments.mp4": ("320x240", "30", f"{X264} -g 5 -movflags frag_keyframe+empty_moov", 102),
    "bd.ts": ("1280x720", "50", f"{X264} -level 4.1 -c:a aac", 103),
    "fast.mp4": ("1920x1080", "60", f"{X264} -level 4.2", 104),
    "packed.mp4": ("1280x720", "60", f"{X264} -level 4.2 -x264opts frame-packing=3", 105),
    "main.mp4": ("640x480", "25", f"{X265} -pix_fmt yuv420p", 107),
    "main10.ts": ("640x480", "50", f"{X265} -pix_fmt yuv420p10le", 108),
    "pal.ts": ("720x576", "25", "-c:v mpeg2video", 100),
    "ntsc.mpg": ("720x480", "30000/1001", "-c:v mpeg2video -c:a mp2", 100),
    "dvd.vob": ("720x576", "25", "-c:v mpeg2video -c:a ac3 -ar 48000", 100),
}


def made_by_ffmpeg(path: Path, size: str, rate: str, options: str) -> Path:
    sound = ["-f", "lavfi", "-i", "sine=sample_rate=48000"] if "-c:a" in options else []
    subprocess.run([tool("ffmpeg"), "-v", "error", "-f", "lavfi", "-i",
                    f"testsrc=size={size}:rate={rate}", *sound, *options.split(), "-t", "0.4",
                    str(path)], check=True, timeout=120)
    return path


def seen_by_ffprobe(path: Path) -> dict[str, Any]:
    done = subprocess.run(
        [tool("ffprobe"), "-v", "error", "-select_streams", "v:0", "-count_frames", "-of", "json",
         "-show_entries", "stream=width,height,r_frame_rate,nb_read_frames", str(path)],
        capture_output=True, text=True, check=True, timeout=60)
    stream: dict[str, Any] = json.loads(done.stdout)["streams"][0]
    return stream


@pytest.mark.parametrize("name", STREAMS)
def test_ffprobe_sees_the_same(tmp_path: Path, name: str) -> None:
    size, rate, options, number = STREAMS[name]
    source = made_by_ffmpeg(tmp_path / name, size, rate, options)
    found = facts_from_json(probe_file(Span.of_file(source).as_json(), str(tmp_path / "pixels")))
    assert isinstance(found, VideoFacts)
    seen = seen_by_ffprobe(source)
    assert (found.columns, found.rows, found.frames, found.rate) == (
        seen["width"], seen["height"], int(seen["nb_read_frames"]), Fraction(seen["r_frame_rate"]))
    profile, reason = fit(found)
    assert profile is not None and profile.uid.endswith(f".{number}"), reason


@pytest.mark.parametrize("name", ["a.mov", "a.mkv", "a.m2ts"])
def test_another_container_is_given_without_a_new_loss(cli: Program, tmp_path: Path,
                                                       name: str) -> None:
    source = made_by_ffmpeg(tmp_path / name, "320x240", "25", f"{X264} -c:a aac")
    row = cli("wrap", source, "--identity", things.identity(tmp_path)).of("wrapped")[0]
    made = pydicom.dcmread(row["out"])
    assert row["transfer_syntax_uid"].endswith(".102") and "container" in row["notes"][0]
    assert (made.ImageType[0], made.LossyImageCompressionMethod) == ("ORIGINAL", "ISO_14496_10")


#: name → (options, transfer syntax, coded as ffmpeg names it, whether the sound is as it was).
REMUXED = {
    "h264.avi": (f"{X264} -bf 0 -c:a libmp3lame", 102, "h264", True),
    "pcm.avi": (f"{X264} -bf 0 -c:a pcm_s16le", 102, "h264", False),
    "mpeg2.avi": ("-c:v mpeg2video -bf 2 -c:a ac3", 100, "mpeg2video", True),
    "mpeg2pcm.avi": ("-c:v mpeg2video -bf 2 -c:a pcm_s16le", 100, "mpeg2video", False),
    "b.mkv": (f"{X264} -bf 3 -c:a ac3", 102, "h264", True),
    "opus.mkv": (f"{X264} -bf 3 -c:a libopus", 102, "h264", False),
    "hevc.mkv": (f"{X265} -pix_fmt yuv420p", 107, "hevc", True),
}


@pytest.mark.parametrize("name", REMUXED)
def test_avi_and_matroska_keep_every_coded_picture(cli: Program, tmp_path: Path,
                                                   name: str) -> None:
    options, number, codec, kept = REMUXED[name]
    source = made_by_ffmpeg(tmp_path / name, "720x576", "25", options)
    side = things.identity(tmp_path)
    row = cli("wrap", source, "--identity", side).of("wrapped")[0]
    assert row["transfer_syntax_uid"].endswith(f".{number}") and row["frames"] == 10
    assert any("sound was encoded anew" in note for note in row["notes"]) != kept
    assert cli("unwrap", row["out"], tmp_path / "out").code == 0
    ways = [["-f", "framemd5"], ["-c", "copy", "-f", codec]]
    if (tmp_path / "out").read_bytes()[:1] == b"G":
        ways.pop()  # a transport stream has marks between its pictures
    for way in ways:
        assert out_of_ffmpeg(source, *way) == out_of_ffmpeg(tmp_path / "out", *way)
    assert cli("wrap", source, "--identity", side).of("wrapped") == [row]


def out_of_ffmpeg(path: Path, *options: str) -> list[bytes]:
    """The video alone; of digests only those."""
    done = subprocess.run([tool("ffmpeg"), "-v", "error", "-i", str(path), "-map", "0:v", *options,
                           "-"], check=True, capture_output=True, timeout=120)
    if "framemd5" in options:
        return [line.split(b",")[-1] for line in done.stdout.splitlines() if line[:1] != b"#"]
    return [done.stdout]


@pytest.mark.parametrize(("name", "options", "words"), [
    ("a.webm", "-c:v libvpx-vp9 -deadline realtime", "video codec (vp9)"),
    ("a.mkv", "-c:v ffv1", "video codec (ffv1)"),
    ("a.wmv", "-c:v msmpeg4v2", "video codec (msmpeg4v2)"),
    ("b.avi", f"{X264} -bf 3", "another order"),
    ("c.avi", "-c:v libx264 -profile:v high444 -pix_fmt yuv444p -bf 0", "profile"),
])
def test_what_another_container_does_not_help_is_refused_by_name(
        cli: Program, tmp_path: Path, name: str, options: str, words: str) -> None:
    source = made_by_ffmpeg(tmp_path / name, "320x240", "25", options)
    refused = cli("wrap", source, "--identity", things.identity(tmp_path)).of("refused")[0]
    assert words in refused["reason"] and "-c:v libx264" in refused["advice"]


@pytest.mark.parametrize(("name", "options"), [
    ("a.mp4", "-c:v libx264 -profile:v baseline -pix_fmt yuv420p"), ("a.avi", "-c:v mjpeg")])
def test_what_fits_nothing_is_coded_anew_on_request(cli: Program, tmp_path: Path, name: str,
                                                    options: str) -> None:
    source = made_by_ffmpeg(tmp_path / name, "320x240", "25", options)
    side = things.identity(tmp_path)
    refused = cli("wrap", source, "--identity", side).of("refused")
    assert f"ffmpeg -i {name}" in refused[0]["advice"]
    row = cli("wrap", source, "--identity", side, "--reencode").of("wrapped")[0]
    made = pydicom.dcmread(row["out"])
    assert row["transfer_syntax_uid"].endswith(".102")
    assert made.ImageType[0] == "DERIVED" and "ffmpeg" in made.DerivationDescription
    methods = made.LossyImageCompressionMethod
    assert methods == (["ISO_14496_10"] * 2 if name == "a.mp4" else "ISO_14496_10")


def test_what_ffmpeg_cannot_read_is_refused_too(cli: Program, tmp_path: Path) -> None:
    tool("ffmpeg")
    source = things.written(tmp_path, "a.mkv", b"\x1aE\xdf\xa3" + bytes(500))
    side = things.identity(tmp_path)
    assert "Matroska" in cli("wrap", source, "--identity", side).of("refused")[0]["reason"]
    asked = cli("wrap", source, "--identity", side, "--reencode").of("refused")[0]
    assert "did not make it fit" in asked["reason"]


def test_pixels_that_are_not_square_become_square(cli: Program, tmp_path: Path) -> None:
    source = made_by_ffmpeg(tmp_path / "a.mp4", "320x240", "25", f"{X264} -aspect 16:9")
    row = cli("wrap", source, "--identity", things.identity(tmp_path),
              "--reencode").of("wrapped")[0]
    assert (row["columns"], row["rows"]) == (426, 240)


def test_without_ffmpeg_the_command_is_told(cli: Program, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    source = things.written(tmp_path, "a.mov", mp4(Video(), brand=b"qt  "))
    side = things.identity(tmp_path)
    refused = cli("wrap", source, "--identity", side).of("refused")[0]
    assert "QuickTime" in refused["reason"] and "-c:v copy" in refused["advice"]
    asked = cli("wrap", source, "--identity", side, "--reencode").of("refused")[0]
    assert "ffmpeg is not installed" in asked["reason"]
