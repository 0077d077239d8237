"""`mediasvc render`: what people get, file by file."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest

from mediasvc.span import Span
from mediasvc.work.rendering import render_ffmpeg
from mediasvc.work.rendering.render_poster import poster
from samples.containers import mp4
from samples.kinds import PDF
from samples.streams import Video
from samples.synthesis import instance, person, to_bytes, uid, write_disc
from tests import wrap_things as things
from tests.carriers import write_index
from tests.conftest import Program, Result
from tests.disc_things import new_sandbox
from tests.test_render_media import tiff_pages
from tests.test_wrap_pictures import wrapped

MEMORY = 3 << 30
ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")


def saved(folder: Path, name: str, **keywords: Any) -> Path:
    path = folder / name
    path.write_bytes(to_bytes(instance(**keywords)))
    return path


def files(done: Result) -> list[Path]:
    return [Path(name) for row in done.of("rendered") for name in row["files"]]


def ffprobe(path: Path) -> dict[str, Any]:
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries",
         "stream=nb_read_frames,r_frame_rate,width,height,codec_name", "-of", "json", path],
        capture_output=True, check=True)
    stream: dict[str, Any] = json.loads(done.stdout)["streams"][0]
    return stream


@ffmpeg
def test_a_disc_becomes_files_that_name_nobody(cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "disc", [
        instance(1, 1, 1, 1), instance(1, 1, 1, 2), instance(1, 1, 2, 1, modality="CR"),
        instance(1, 1, 3, 1, modality="CINE", rows=32, columns=48, frames=6),
        instance(1, 2, 1, 1, modality="SR"), instance(1, 2, 2, 1, modality="DOC"),
        instance(1, 2, 3, 1, modality="ECG")])
    done = cli("render", tmp_path / "disc", "--to", tmp_path / "out")
    names = sorted(str(path.relative_to(tmp_path / "out")) for path in files(done))
    assert names == ["ST001/SE001/0001.png", "ST001/SE001/0002.png", "ST001/SE002/0001.png",
                     "ST001/SE003/0001.mp4", "ST002/SE001/0001.html", "ST002/SE002/0001.pdf"]
    assert sorted(str(path.relative_to(tmp_path / "out"))
                  for path in (tmp_path / "out").rglob("*") if path.is_file()) == names
    [left] = done.of("skipped")
    assert "ECG" in left["reason"] and "--as json" in left["reason"]
    assert (done.code, done.summary["rendered"], done.summary["skipped"]) == (1, 6, 1)
    assert (tmp_path / "out/ST002/SE002/0001.pdf").read_bytes() == PDF
    for path in files(done):
        if path.suffix in (".png", ".mp4"):
            data = path.read_bytes()
            assert not any(part.encode() in data for part in (
                person(1).patient_name.split("^")[0], "P0001"))


RATES: dict[str, dict[str, Any]] = {
    "25/1": {}, "30000/1001": {"FrameTime": "33.37"},
    "15/1": {"FrameTime": None, "FrameIncrementPointer": None, "CineRate": "15"},
    "10/1": {"FrameTime": None, "FrameTimeVector": ["0", "100", "100", "100"],
             "FrameIncrementPointer": 0x00181065}}


@ffmpeg
def test_a_cine_plays_at_its_rate(cli: Program, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, keywords in enumerate(RATES.values(), 1):
        saved(folder, f"{number}.dcm", modality="CINE", instance=number, rows=33, columns=47,
              frames=4, **keywords)
    made = sorted(files(cli("render", folder, "--to", tmp_path / "out")))
    found = [ffprobe(video) for video in made]
    assert [one["r_frame_rate"] for one in found] == list(RATES)
    assert {(one["nb_read_frames"], one["width"], one["height"], one["codec_name"])
            for one in found} == {("4", 48, 34, "h264")}


def test_without_ffmpeg_the_frames_are_images_and_it_is_said(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_ffmpeg.shutil, "which", lambda _: None)
    render_ffmpeg.can_film.cache_clear()
    path = saved(tmp_path, "a.dcm", modality="CINE", frames=3)
    done = cli("render", path, "--to", tmp_path / "out", "--as", "mp4")
    render_ffmpeg.can_film.cache_clear()
    assert [one.name for one in files(done)] == ["0001_F0001.png", "0001_F0002.png",
                                                 "0001_F0003.png"]
    [row] = done.of("rendered")
    assert "ffmpeg" in row["notes"][0]


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_sixteen_bits_are_the_decoded_array(cli: Program, tmp_path: Path, form: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, modality in enumerate(("CT", "MR", "CR", "PT", "US"), 1):
        saved(folder, f"{number}.dcm", modality=modality, instance=number, rows=20, columns=30)
    rows = cli("render", folder, "--to", tmp_path / "out", "--depth", "16", "--as", form).of(
        "rendered")
    assert len(rows) == 5
    for row in rows:
        data = Path(row["files"][0]).read_bytes()
        found = imagecodecs.png_decode(data) if form == "png" else tiff_pages(data)[0]
        offset = 32768 if "32768 added" in row["values"] else 0
        assert row["values"].startswith("DICOM stored values")
        theirs = pydicom.dcmread(row["path"].replace("in//", "in/")).pixel_array
        assert np.array_equal(found.astype(int) - offset, theirs)
        assert bool(offset) == (form == "png" and theirs.dtype.kind == "i")


def test_modality_values_and_pages(cli: Program, tmp_path: Path) -> None:
    path = saved(tmp_path, "a.dcm", modality="PT", RescaleSlope="0.5", RescaleIntercept="-1")
    done = cli("render", path, "--to", tmp_path / "out", "--depth", "16", "--values", "modality",
               "--as", "tiff")
    [row] = done.of("rendered")
    [page] = tiff_pages(Path(row["files"][0]).read_bytes())
    assert row["values"] == "DICOM modality values"
    assert np.allclose(page, pydicom.dcmread(path).pixel_array * 0.5 - 1)
    dose = saved(tmp_path, "b.dcm", modality="RTDOSE", frames=5)
    done = cli("render", dose, "--to", tmp_path / "two", "--depth", "16")
    pages = tiff_pages(files(done)[0].read_bytes())
    assert np.array_equal(np.stack(pages), pydicom.dcmread(dose).pixel_array)


def test_one_frame_and_the_middle_one(cli: Program, tmp_path: Path) -> None:
    path = saved(tmp_path, "a.dcm", modality="CINE", frames=5)
    frames = pydicom.dcmread(path).pixel_array
    for wish, number in (("2", 1), ("middle", 2)):
        done = cli("render", path, "--to", tmp_path / wish, "--frame", wish)
        assert np.array_equal(imagecodecs.png_decode(files(done)[0].read_bytes()), frames[number])
    assert cli("render", path, "--to", tmp_path / "9", "--frame", "9").of("skipped")[0][
        "reason"] == "it has 5 frames"


def test_a_video_comes_out_byte_for_byte(cli: Program, tmp_path: Path) -> None:
    data = mp4(Video())
    wrapped(tmp_path, "a.mp4", data)
    done = cli("render", tmp_path / "a.mp4.dcm", "--to", tmp_path / "out")
    [path] = files(done)
    assert path.suffix == ".mp4" and hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(
        data).digest()


@ffmpeg
def test_the_poster_of_a_cine_is_its_middle_frame(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.dcm", modality="CINE", rows=64, columns=64, frames=5)
    with new_sandbox() as sandbox:
        row = poster(sandbox, Span.of_file(path), tmp_path / "p.jpg", MEMORY, 32)
    assert (row["frame"], row["frames"], row["width"], row["height"]) == (2, 5, 32, 32)
    drawn = imagecodecs.jpeg8_decode((tmp_path / "p.jpg").read_bytes()).astype(int)
    frame = pydicom.dcmread(path).pixel_array[2].astype(int)
    assert abs(drawn.mean() - frame.mean()) < 6


@ffmpeg
def test_the_poster_of_a_video_is_a_frame_of_the_stream(cli: Program, tmp_path: Path) -> None:
    cine = saved(tmp_path, "a.dcm", modality="CINE", rows=64, columns=64, frames=6)
    assert cli("film", cine, "--to", tmp_path / "film.dcm").code == 0
    with new_sandbox() as sandbox:
        row = poster(sandbox, Span.of_file(tmp_path / "film.dcm"), tmp_path / "p.jpg", MEMORY)
    assert (row["frame"], row["frames"]) == (3, 6)
    assert imagecodecs.jpeg8_decode((tmp_path / "p.jpg").read_bytes()).shape == (64, 64, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.dcm", "film.dcm", "p.jpg"]
    done = cli("render", tmp_path / "film.dcm", "--to", tmp_path / "out", "--frame", "middle")
    assert imagecodecs.png_decode(files(done)[0].read_bytes()).shape == (64, 64, 3)
    assert "decoded by ffmpeg" in done.of("rendered")[0]["notes"][0]


def test_json_and_text_on_request(cli: Program, tmp_path: Path) -> None:
    path = saved(tmp_path, "a.dcm", modality="SR")
    [made] = files(cli("render", path, "--to", tmp_path / "1", "--as", "json"))
    back = pydicom.Dataset.from_json(json.loads(made.read_text("utf-8"))[0])
    assert back.SOPInstanceUID == uid(1, 1, 1, 1)
    [made] = files(cli("render", path, "--to", tmp_path / "2", "--as", "text"))
    assert "Finding: Synthetic report, no findings." in made.read_text("utf-8")
    assert "no image" in cli("render", path, "--to", tmp_path / "3", "--as", "png").of(
        "skipped")[0]["reason"]


def test_nothing_is_replaced_unless_asked_for(cli: Program, tmp_path: Path) -> None:
    path, out = saved(tmp_path, "a.dcm"), tmp_path / "out"
    assert cli("render", path, "--to", out).code == 0
    again = cli.text("render", path, "--to", out)
    assert again.code == 2 and "--force" in again.stderr
    assert cli("render", path, "--to", out, "--force").code == 0
    assert [one.name for one in out.iterdir()] == ["ST001"]


@pytest.mark.parametrize("options", [
    ["--as", "jpeg", "--depth", "16"], ["--values", "modality"], ["--depth", "16", "--overlays"],
    ["--window", "3"], ["--window", "3,0"], ["--frame", "0"], ["--retain", "dates"],
    ["--study", "1.2.3"]], ids=" ".join)
def test_wishes_that_contradict_each_other_are_refused(cli: Program, tmp_path: Path,
                                                       options: list[str]) -> None:
    path = saved(tmp_path, "a.dcm")
    assert cli.text("render", path, "--to", tmp_path / "out", *options).code == 3
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_costs_only_itself(cli: Program, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    good = saved(folder, "a.dcm", rows=64, columns=64)
    (folder / "b.dcm").write_bytes(good.read_bytes()[:-4000])
    (folder / "letter.txt").write_text("not an image")
    done = cli("render", folder, "--to", tmp_path / "out")
    assert (done.code, done.summary["rendered"], done.summary["failed"]) == (1, 1, 1)


def test_de_identified_files_say_nothing_of_the_patient(cli: Program, tmp_path: Path) -> None:
    path = saved(tmp_path, "a.dcm", modality="CT")
    [made] = files(cli("render", path, "--to", tmp_path / "1", "--as", "json", "--deidentify"))
    text = made.read_text("utf-8")
    assert not any(word in text for word in (
        person(1).patient_name.split("^")[0], "P0001", person(1).patient_birth_date, uid(1, 1)))
    assert [one.name for one in made.parent.iterdir()] == ["0001.json"]
    [made] = files(cli("render", path, "--to", tmp_path / "2", "--deidentify"))
    assert imagecodecs.png_decode(made.read_bytes()).shape == (16, 16)


def test_what_the_archive_gives_names_the_patient_as_known_now(cli: Program, tmp_path: Path,
                                                               ) -> None:
    index = write_index(tmp_path / "index.csv", [("4711", person(1))], issuer="LOCAL")
    assert cli("patients", "load", index).code == 0
    write_disc(tmp_path / "disc", [instance(1, 1, 1, 1), instance(1, 1, 2, 1, modality="SR")])
    [package] = cli("ingest", tmp_path / "disc").of("package")
    decided = cli("queue", "decide", package["package"], "--link", "4711@LOCAL", "--by", "A. Clerk")
    assert decided.code == 0
    done = cli("render", "--patient", "4711@LOCAL", "--to", tmp_path / "out", "--as", "json")
    assert done.code == 0 and len(files(done)) == 2
    for made in files(done):
        model = json.loads(made.read_text("utf-8"))[0]
        assert model["00100020"]["Value"] == ["4711"]
    study = cli("render", "--study", uid(1, 1), "--to", tmp_path / "two")
    assert sorted(path.suffix for path in files(study)) == [".html", ".png"]
    assert "no such study" in cli.text("render", "--study", "1.2.3", "--to",
                                       tmp_path / "three").stderr


def test_an_image_that_may_not_enter_an_archive_may_be_looked_at(cli: Program, tmp_path: Path,
                                                                 ) -> None:
    path = saved(tmp_path, "a.dcm", StudyInstanceUID=None)
    done = cli("render", path, "--to", tmp_path / "out")
    assert done.code == 0 and "may not enter" in done.of("rendered")[0]["notes"][0]


def test_pictures_that_were_wrapped_come_back_as_pictures(cli: Program, tmp_path: Path) -> None:
    wrapped(tmp_path, "a.jpg", things.jpeg())
    done = cli("render", tmp_path / "a.jpg.dcm", "--to", tmp_path / "out", "--as", "jpeg")
    drawn = imagecodecs.jpeg8_decode(files(done)[0].read_bytes()).astype(int)
    assert np.abs(drawn - things.photo()).mean() < 8
