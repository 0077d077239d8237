"""Real instances as ordinary files (`real_data` skips where there are none)."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.pixels.utils import pixel_array

from tests.conftest import Program
from tests.test_real_media import plain_walk
from tests.test_render import ffprobe
from tests.test_render_media import tiff_pages

#: Trees of media/ that take no more than some seconds.
MEDIA = ("covid_pdi", "wg04/IMAGES/REF", "pydicom_dirtests/77654033")


def theirs(path: str) -> NDArray[Any] | None:
    """What pydicom decodes; None where it cannot."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pixel_array(path)
    except Exception:
        return None


def test_every_codec_file_becomes_a_picture(cli: Program, tmp_path: Path, real_data: Path) -> None:
    done = cli("render", real_data / "codec", "--to", tmp_path / "out")
    count = sum(path.is_file() for path in (real_data / "codec").rglob("*"))
    assert done.summary["rendered"] == count and done.code == 0
    for row in done.of("rendered"):
        assert all(Path(name).stat().st_size > 60 for name in row["files"])


def test_all_bits_are_those_of_pydicom(cli: Program, tmp_path: Path, real_data: Path) -> None:
    done = cli("render", real_data / "codec", "--to", tmp_path / "out", "--depth", "16", "--as",
               "tiff")
    assert {row["reason"].split(";")[0] for row in done.of("skipped")} == {
        "its values are places in a palette"}
    compared = 0
    for row in done.of("rendered"):
        expected = theirs(row["path"])
        if expected is not None:
            pages = tiff_pages(Path(row["files"][0]).read_bytes())
            found = np.stack(pages) if len(pages) > 1 else pages[0]
            assert np.array_equal(found, expected), row["path"]
            compared += 1
    assert compared > 90


@pytest.mark.parametrize("tree", MEDIA)
def test_every_instance_of_a_medium_is_rendered_or_refused_by_name(
        cli: Program, tmp_path: Path, real_data: Path, tree: str) -> None:
    done = cli("render", real_data / "media" / tree, "--to", tmp_path / "out", "--depth", "16",
               "--as", "png")
    rows = [*done.of("rendered"), *done.of("skipped"), *done.of("failed")]
    assert len(rows) >= len(plain_walk(real_data / "media" / tree))
    assert all(row.get("reason") or row["files"] for row in rows) and not done.of("failed")
    for row in done.of("rendered")[:6]:
        offset = 32768 if "32768 added" in row["values"] else 0
        found = imagecodecs.png_decode(Path(row["files"][0]).read_bytes())
        assert np.array_equal(found.astype(int) - offset, theirs(row["path"]))


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_real_cine_loops_play_at_their_rate(cli: Program, tmp_path: Path, real_data: Path) -> None:
    done = cli("render", real_data / "series" / "us_cine", "--to", tmp_path / "out", "--as", "mp4")
    rows = done.of("rendered")
    assert len(rows) == 4
    for row in rows:
        found, ds = ffprobe(Path(row["files"][0])), pydicom.dcmread(row["path"])
        assert found["nb_read_frames"] == str(ds.NumberOfFrames)
        numerator, denominator = map(int, found["r_frame_rate"].split("/"))
        if "FrameTime" in ds:
            assert numerator / denominator == pytest.approx(1000 / float(ds.FrameTime), rel=1e-3)
