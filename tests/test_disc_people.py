"""Reports, documents and videos of a disc as files that people can open."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pydicom.dataset import FileDataset

from mediasvc.sandbox import Sandbox
from samples.kinds import PDF
from samples.synthesis import instance, study
from tests.conftest import Program
from tests.disc_things import broken, judge, new_sandbox
from tests.viewer_things import viewer_disc

needs_ffmpeg = pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")),
                                  reason="ffmpeg is not installed")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


def made(sandbox: Sandbox, folder: Path, *instances: FileDataset, **wanted: Any) -> Path:
    target = folder / "disc"
    viewer_disc(sandbox, folder, instances, target, **wanted)
    return target


def document(data: bytes, mime: str = "application/pdf") -> FileDataset:
    ds = instance(modality="DOC", MIMETypeOfEncapsulatedDocument=mime,
                  EncapsulatedDocumentLength=len(data))
    ds.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    return ds


def test_a_pdf_comes_out_byte_for_byte(sandbox: Sandbox, tmp_path: Path) -> None:
    disc = made(sandbox, tmp_path, document(PDF + b"1"))
    assert (disc / "REPORTS" / "R000001.PDF").read_bytes() == PDF + b"1"
    assert "../REPORTS/R000001.PDF" in (disc / "IHE_PDI" / "SE000001.HTM").read_text()
    assert "../REPORTS/R000001.PDF" in (disc / "IHE_PDI" / "ST000001.HTM").read_text()
    assert "REPORTS" in (disc / "README.TXT").read_text()


@pytest.mark.parametrize(("data", "mime"), [
    (b"MZ\x90\0 a program", "application/pdf"), (b"<script>alert(1)</script>", "text/html"),
    (b"%PDF-1.4", "text/xml")], ids=["no pdf", "page", "pdf by its bytes alone"])
def test_what_is_not_plainly_a_pdf_stays_in_its_object(sandbox: Sandbox, tmp_path: Path,
                                                       data: bytes, mime: str) -> None:
    disc = made(sandbox, tmp_path, document(data, mime))
    assert list(disc.glob("REPORTS/*")) == []
    assert "needs a DICOM viewer" in (disc / "IHE_PDI" / "SE000001.HTM").read_text()


def test_a_report_becomes_a_page_with_its_codes(sandbox: Sandbox, tmp_path: Path) -> None:
    ds = instance(modality="SR")
    ds.ContentSequence[0].TextValue = "<b>5 > 3 & more</b>"
    disc = made(sandbox, tmp_path, ds)
    text = (disc / "REPORTS" / "R000001.HTM").read_text()
    tree = ElementTree.fromstring(text)
    assert "<b>5 > 3 & more</b>" in "".join(tree.itertext())
    assert 'title="121071 DCM"' in text
    assert broken(judge(sandbox, disc)) == set()


def cine(number: int = 1, frames: int = 12, **keywords: Any) -> FileDataset:
    return instance(1, 1, 1, number, modality="CINE", frames=frames, rows=45, columns=61,
                    **keywords)


def streams(path: Path) -> dict[str, Any]:
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)],
        capture_output=True, check=True)
    [one] = json.loads(done.stdout)["streams"]
    return dict(one)


@needs_ffmpeg
def test_a_cine_loop_is_an_ordinary_video_too(sandbox: Sandbox, tmp_path: Path) -> None:
    disc = made(sandbox, tmp_path, cine())
    [video] = (disc / "VIDEO").iterdir()
    told = streams(video)
    assert (told["codec_name"], told["nb_read_frames"], told["pix_fmt"]) == (
        "h264", "12", "yuv420p")
    assert told["r_frame_rate"] == "25/1"
    assert f"../VIDEO/{video.name}" in (disc / "IHE_PDI" / "SE000001.HTM").read_text()
    assert f"VIDEO/{video.name}" in (disc / "VIEWER" / "STUDY.JS").read_text()
    assert broken(judge(sandbox, disc)) == set()


@needs_ffmpeg
@pytest.mark.parametrize(("keywords", "wanted"), [
    ({"frames": 5}, {}), ({"FrameTime": None, "FrameIncrementPointer": None}, {}),
    ({}, {"videos": False}), ({}, {"room": 200})],
    ids=["short", "no rate", "not wanted", "no room"])
def test_other_frames_are_no_video(sandbox: Sandbox, tmp_path: Path, keywords: dict[str, Any],
                                   wanted: dict[str, Any]) -> None:
    disc = made(sandbox, tmp_path, cine(**keywords), **wanted)
    assert list(disc.glob("VIDEO/*")) == []


def test_the_command_leaves_the_viewer_out(cli: Program, tmp_path: Path) -> None:
    from samples.synthesis import write_disc
    write_disc(tmp_path / "in", study(1, 1, count=2), dicomdir=False)
    (tmp_path / "index.csv").write_text("patient_id,issuer,name,birth_date,sex\nL1,LOCAL,A^B,,\n")
    cli("patients", "load", tmp_path / "index.csv")
    cli("ingest", tmp_path / "in")
    cli("queue", "decide", "1", "--link", "L1@LOCAL", "--by", "tester")
    for name, options in (("with", ()), ("without", ("--no-viewer",))):
        cli("export", "--patient", "L1@LOCAL", "--to", f"{tmp_path / name}/", *options)
        assert (tmp_path / name / "VIEWER" / "VIEWER.HTM").exists() == (name == "with")
