"""Discs written in several sessions, as real programs write them (PS3.12 F.1)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hostile_media import SECTOR, image

from mediasvc.media.package import Package, open_package
from mediasvc.settings import Limits

pytestmark = pytest.mark.skipif(not (shutil.which("xorriso") and shutil.which("genisoimage")),
                                reason="xorriso or genisoimage not installed")


def run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, timeout=60, capture_output=True)


def read(path: Path) -> tuple[dict[str, bytes], Package]:
    with open_package(path, Limits(), scratch=path.parent / "scratch") as package:
        return {m.label: b"".join(package.span(m).chunks()) for m in package.members()}, package


def sessions(package: Package) -> list[str]:
    return [finding.text.split(";")[0] for finding in package.findings
            if finding.code == "iso-sessions"]


@pytest.fixture
def trees(tmp_path: Path) -> list[Path]:
    """Three folders, one for each session; the second one replaces a file of the first."""
    made = []
    contents = [{"DICOM/IM1": b"one" * 999, "DICOMDIR": b"first"}, {"DICOMDIR": b"second",
                "DICOM/IM2": b"two"}, {"DICOM/IM3": b"three" * 5000}]
    for number, files in enumerate(contents):
        for name, data in files.items():
            path = tmp_path / f"tree{number}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        made.append(tmp_path / f"tree{number}")
    return made


ALL = {"DICOM/IM1": b"one" * 999, "DICOMDIR": b"second", "DICOM/IM2": b"two",
       "DICOM/IM3": b"three" * 5000}


def test_an_image_to_which_files_were_added_twice_shows_its_last_session(
        tmp_path: Path, trees: list[Path]) -> None:
    disc = tmp_path / "disc.iso"
    for tree in trees:
        run("xorriso", "-dev", f"stdio:{disc}", "-map", tree, "/")
    files, package = read(disc)
    assert files == ALL
    assert sessions(package) == ["the disc was written in 3 sessions"]


def test_an_image_written_once_has_no_finding(tmp_path: Path, trees: list[Path]) -> None:
    disc = tmp_path / "disc.iso"
    run("xorriso", "-dev", f"stdio:{disc}", "-map", trees[0], "/")
    files, package = read(disc)
    assert files == {"DICOM/IM1": b"one" * 999, "DICOMDIR": b"first"}
    assert package.findings == []


def write_once(tmp_path: Path, trees: list[Path]) -> Path:
    """As the sectors of a write-once CD come: session behind session, with gaps between."""
    disc = tmp_path / "disc.iso"
    last = 0
    for number, tree in enumerate(trees):
        more = tmp_path / f"session{number}.iso"
        start = 0 if not number else (disc.stat().st_size // SECTOR + 11400 + 31) // 32 * 32
        options = ["-C", f"{last},{start}", "-M", disc] if number else []
        run("genisoimage", "-quiet", "-R", *options, "-o", more, tree)
        with disc.open("ab") as target:
            target.truncate(start * SECTOR)
        with disc.open("ab") as target:
            target.write(more.read_bytes())
        last = start
    return disc


def test_the_sectors_of_a_write_once_disc_show_its_last_session(
        tmp_path: Path, trees: list[Path]) -> None:
    files, package = read(write_once(tmp_path, trees))
    assert files == ALL
    assert sessions(package) == ["the disc was written in 3 sessions"]


def test_a_disc_image_as_a_file_in_a_later_session_is_no_session(
        tmp_path: Path, trees: list[Path]) -> None:
    (trees[2] / "VIEWER.DAT").write_bytes(image({"EVIL": b"not this"}).bytes())
    files, package = read(write_once(tmp_path, trees))
    assert set(files) == {*ALL, "VIEWER.DAT"}
    assert sessions(package) == ["the disc was written in 3 sessions"]
