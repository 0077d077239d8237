"""Discs from before PS3.10 and from its first years: DIRFILEs, images without a file header."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from samples.synthesis import study, write_disc
from tests.conftest import Program


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """One series of three images, with a DICOMDIR."""
    write_disc(tmp_path / "disc", study(1, count=3))
    return tmp_path / "disc"


def images(disc: Path) -> list[Path]:
    return sorted(path for path in disc.rglob("IM*") if path.is_file())


def without_header(path: Path) -> bytes:
    """The data set alone, implicit VR, with the recognition code of ACR-NEMA 2.0."""
    dataset = pydicom.dcmread(path)
    del dataset.file_meta
    dataset.add_new(0x00080010, "SH", "ACR-NEMA 2.0")
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, True
    write_dataset(out, dataset)
    return out.getvalue()


def test_a_dirfile_in_a_folder_below_counts_as_a_directory(cli: Program, disc: Path) -> None:
    shutil.copy(disc / "DICOMDIR", images(disc)[0].parent.parent / "DIRFILE")
    seen = cli("inspect", disc).summary
    assert (seen["instances"], seen["referenced"], seen["missing"]) == (3, 3, 0)
    assert (seen["non_dicom"], seen["findings"]["error"]) == (0, 0)


def test_a_disc_with_a_dirfile_alone_is_read(cli: Program, disc: Path) -> None:
    shutil.move(disc / "DICOMDIR", disc / "DIRFILE")
    seen = cli("inspect", disc).summary
    assert (seen["instances"], seen["referenced"], seen["missing"]) == (3, 3, 0)
    assert seen["findings"] == {"error": 0, "warning": 0, "info": 0}


def test_images_without_a_file_header_are_known_by_their_content(
        cli: Program, disc: Path) -> None:
    for path in images(disc):
        path.write_bytes(without_header(path))
    (disc / "DICOMDIR").unlink()
    (disc / "DIRFILE").write_bytes(struct.pack("<HHII", 4, 0, 4, 20) + bytes(20))
    done = cli("inspect", disc)
    assert (done.summary["instances"], done.summary["refused"]) == (3, 0)
    assert done.summary["non_dicom"] == 1  # a directory of that age lists nothing that we read
    assert {row["code"] for row in done.of("finding")} == {"no-file-header", "no-dicomdir"}
