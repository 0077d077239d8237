"""Each stream has the one transfer syntax that fits it, or is refused by name."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from mediasvc.media.foreign.wrap_facts import OtherFacts, VideoFacts, facts_from_json
from mediasvc.span import Span
from mediasvc.standard.video_fit import audio_trouble, fit
from mediasvc.work.wrapping.wrap_advice import advice
from mediasvc.work.wrapping.wrap_probe import probe_file
from samples.containers import mp4, ps, ts
from samples.streams import Video
from tests import wrap_things as things

BASE = "1.2.840.10008.1.2.4."
NTSC = Fraction(30000, 1001)
HD = Video(rows=1080, columns=1920)
HEVC = Video("hevc", 1, 120)
PAL = Video("mpeg2", 4, 8, 576, 720)
WIDE = {"dar": 3}
HIGH = Video("mpeg2", 4, 4, 1080, 1920, NTSC, more=WIDE)


def probed(folder: Path, data: bytes) -> VideoFacts:
    source = Span.of_file(things.written(folder, "stream", data))
    found = facts_from_json(probe_file(source.as_json(), str(folder / "pixels")))
    assert isinstance(found, VideoFacts)
    return found


@pytest.mark.parametrize(("video", "number"), [
    (Video(), 102),
    (Video(rate=Fraction(50)), 103),
    (Video(rate=Fraction(60000, 1001)), 103),
    (Video(rate=Fraction(24)), 103),
    (replace(HD, interlaced=True), 103),
    (replace(HD, rate=NTSC, interlaced=True), 103),
    (HD, 102),
    (replace(HD, rate=NTSC), 102),
    (replace(HD, rate=Fraction(60), level=42), 104),
    (replace(HD, rate=Fraction(60), level=42, packed=True), 105),
    (replace(HD, profile=128, level=42), 106),
    (HEVC, 107),
    (replace(HEVC, profile=2, bits=10), 108),
    (PAL, 100),
    (replace(PAL, rows=480, rate=NTSC), 100),
    (replace(PAL, rows=288, columns=352), 100),
    (HIGH, 101),
    (replace(HIGH, rows=720, columns=1280, rate=Fraction(60)), 101),
])
def test_a_stream_has_one_transfer_syntax(tmp_path: Path, video: Video, number: int) -> None:
    for pack in (mp4, ts):
        found = probed(tmp_path, pack(video))
        profile, reason = fit(found)
        assert profile is not None and profile.uid == f"{BASE}{number}", reason
        assert (found.rows, found.columns, found.rate) == (video.rows, video.columns, video.rate)
        assert found.frames == video.frames


@pytest.mark.parametrize(("video", "words"), [
    (Video(profile=77), "profile is 77"),
    (Video(profile=66), "profile is 66"),
    (Video(profile=122, chroma=2), "4:2:0"),
    (Video(profile=110, bits=10), "10 bits"),
    (Video(level=51), "above level"),
    (Video(rows=2160, columns=3840, level=41), "above level"),
    (Video(aspect=(4, 3)), "not square"),
    (replace(HEVC, level=156), "above level 5.1"),
    (replace(HEVC, more={"tier": 1}), "high tier"),
    (replace(HEVC, profile=2), "8 bits"),
    (replace(PAL, rate=Fraction(24)), "table 8-1"),
    (replace(PAL, rows=1080, columns=1920), "table 8-1"),
    (replace(HIGH, more={}), "16:9"),
    (replace(HIGH, rows=1088), "table 8-3"),
    (replace(HIGH, level=6), "not High Level"),
])
def test_what_fits_nothing_is_refused_by_name_with_a_command(tmp_path: Path, video: Video,
                                                            words: str) -> None:
    found = probed(tmp_path, mp4(video))
    profile, reason = fit(found)
    assert profile is None and words in reason
    assert "libx264" in advice(found, "a.mp4")[1]


def test_a_quicktime_file_only_needs_another_container(tmp_path: Path) -> None:
    found = probed(tmp_path, mp4(Video(), brand=b"qt  "))
    profile, reason = fit(found)
    assert profile is None and "QuickTime" in reason
    assert "-c:v copy" in advice(found, "a.mov")[1]


def test_mpeg2_may_stand_in_any_container(tmp_path: Path) -> None:
    for data in (ps(PAL), mp4(PAL, brand=b"qt  ")):
        profile, _ = fit(probed(tmp_path, data))
        assert profile is not None and profile.uid == f"{BASE}100"


def test_mpeg1_is_refused(tmp_path: Path) -> None:
    profile, reason = fit(probed(tmp_path, ps(replace(PAL, profile=0))))
    assert profile is None and "no transfer syntax for its video codec" in reason


def test_a_program_stream_of_h264_needs_another_container(tmp_path: Path) -> None:
    source = Span.of_file(things.written(tmp_path, "a.mpg", ps(Video())))
    found = facts_from_json(probe_file(source.as_json(), str(tmp_path / "pixels")))
    assert isinstance(found, OtherFacts)
    reason, command = advice(found, "a.mpg")
    assert "program stream" in reason and "-c:v copy" in command


def test_a_recording_that_broke_off_says_so(tmp_path: Path) -> None:
    whole = ts(Video())
    assert probed(tmp_path, whole).notes == ()
    found = probed(tmp_path, whole + whole[-188:-100])
    assert found.notes and "cut off" in found.notes[0]


def test_fragments_of_an_mp4_are_counted(tmp_path: Path) -> None:
    found = probed(tmp_path, mp4(Video(frames=11), fragments=3))
    assert (found.frames, found.rate) == (11, 25)


@pytest.mark.parametrize(("sound", "words"), [
    ("aac", ""), ("aac:44100", "44100 Hz"), ("opus", "none that PS3.5 8.2.12 allows")])
def test_odd_sound_is_said_but_no_reason_to_refuse(tmp_path: Path, sound: str,
                                                   words: str) -> None:
    found = probed(tmp_path, mp4(Video(sounds=(sound,))))
    said = audio_trouble("mp4", found.codec, found.audio[0])
    assert words in said and bool(said) == bool(words)
    assert fit(found)[0] is not None


def test_sounds_of_a_transport_stream_are_named(tmp_path: Path) -> None:
    found = probed(tmp_path, ts(Video(sounds=("aac", "ac3"))))
    assert [one.format for one in found.audio] == ["aac", "ac3"]


def test_a_recording_says_when_and_that_it_says_where(tmp_path: Path) -> None:
    found = probed(tmp_path, mp4(Video(), made=3_850_000_000, place=True))
    assert found.taken == "20251231042640+0000"
    assert "where it was recorded" in found.notes[0]


def test_times_that_wrap_around_are_counted_on() -> None:
    from mediasvc.media.video.pes import WRAP, Times
    times = Times()
    for number in range(10):
        times.add((WRAP - 3 * 3600 + number * 3600) % WRAP)
    assert (times.pictures, times.span) == (10, 9 * 3600)


def test_fields_that_come_one_by_one_are_half_as_many_frames(tmp_path: Path) -> None:
    from mediasvc.media.video.ps_probe import frames_of
    from mediasvc.media.video.stream_header import StreamHeader
    from mediasvc.media.video.ts_probe import Times, _frames
    times = Times()
    for number in range(20):
        times.add(1800 * number)
    header = StreamHeader("h264", 100, 40, 1080, 1920, rate=Fraction(25), interlaced=True)
    assert _frames(times, header) == (10, 25)
    field = b"\0\0\1\x00\0\x0f\xff\xf8\0\0\1\xb5\x8f\xff"
    assert (frames_of(field + b"\xf9", 20), frames_of(field + b"\xfb", 20)) == (10, 20)


def test_sets_that_stand_in_the_stream_only_are_found(tmp_path: Path) -> None:
    data = mp4(HEVC)
    at = data.index(b"hvcC") + 4 + 22
    found = probed(tmp_path, data[:at] + b"\0" + data[at + 1:])
    assert (found.codec, found.rows, found.columns) == ("hevc", 720, 1280)
