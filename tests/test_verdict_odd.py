"""Mistakes of other writers that few programs look for: path tables, volume sizes, icons, zips."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mediasvc.media.check_icon import icon_is_whole, plain_icon
from mediasvc.sandbox import Sandbox
from samples.synthesis import instance, study, write_disc
from tests.disc_things import broken, judge, new_sandbox

SECTOR, DESCRIPTOR = 2048, 16 * 2048
EXTRAS = {"README.TXT": b"Read me.\r\n", "INDEX.HTM": b"<html/>"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd") / "disc"
    write_disc(folder, [*study(1, 1, count=2), instance(1, 1, 2, modality="SR")], extras=EXTRAS)
    return folder


@pytest.fixture(scope="module")
def image(folder: Path) -> bytes:
    """By another program than ours."""
    if shutil.which("genisoimage") is None:
        pytest.skip("genisoimage is not installed")
    target = folder.with_suffix(".iso")
    subprocess.run(["genisoimage", "-quiet", "-sysid", "", "-V", "SAMPLE", "-iso-level", "1", "-o",
                    target, folder], check=True)
    return target.read_bytes()


def second_entry(image: bytes, order: str) -> int:
    """Where a path table says where the first folder below the root lies."""
    place = struct.unpack_from(f"{order}I", image, DESCRIPTOR + (140 if order == "<" else 148))[0]
    root = image[place * SECTOR]
    return int(place * SECTOR + 8 + root + root % 2 + 2)


def at(place: Callable[[bytes], int], data: bytes) -> Callable[[bytes], bytes]:
    def change(image: bytes) -> bytes:
        start = place(image)
        return image[:start] + data + image[start + len(data):]
    return change


IMAGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "path table of little endian leads elsewhere": (
        "R12-1f", at(lambda image: second_entry(image, "<"), struct.pack("<I", 99))),
    "path table of big endian leads elsewhere": (
        "R12-1f", at(lambda image: second_entry(image, ">"), struct.pack(">I", 99))),
    "path table without its last folder": (
        "R12-1f", lambda image: at(lambda _: DESCRIPTOR + 132, struct.pack(
            "<I", struct.unpack_from("<I", image, DESCRIPTOR + 132)[0] - 16))(image)),
    "volume that ends before its files": ("M30", at(lambda _: DESCRIPTOR + 80,
                                                    struct.pack("<I", 20))),
    "rubbish behind the volume": ("R12-1e", lambda image: image + b"\7" * 2 * SECTOR)}


def test_an_image_of_another_program_keeps_these_rules(sandbox: Sandbox, image: bytes,
                                                       tmp_path: Path) -> None:
    (tmp_path / "a.iso").write_bytes(image + bytes(2 * SECTOR))
    assert broken(judge(sandbox, tmp_path / "a.iso", "STD-GEN-CD")) == set()


@pytest.mark.parametrize("damage", IMAGES)
def test_each_mistake_of_an_image_is_found_by_its_rule(sandbox: Sandbox, image: bytes,
                                                       tmp_path: Path, damage: str) -> None:
    rule, change = IMAGES[damage]
    (tmp_path / "a.iso").write_bytes(change(image))
    assert rule in broken(judge(sandbox, tmp_path / "a.iso", "STD-GEN-CD"))


def test_a_zip_with_backslashes_is_no_legal_zip(sandbox: Sandbox, folder: Path,
                                                tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    with zipfile.ZipFile(target, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.writestr(str(path.relative_to(folder)).replace("/", "\\"), path.read_bytes())
    assert broken(judge(sandbox, target, "ZIP")) == {"R12-5"}


def icon(pixels: int) -> Dataset:
    found = Dataset()
    found.SamplesPerPixel, found.PhotometricInterpretation = 1, "MONOCHROME2"
    found.Rows = found.Columns = 5
    found.BitsAllocated = found.BitsStored = 8
    found.HighBit, found.PixelRepresentation = 7, 0
    found.add_new(0x7FE00010, "OB", bytes(pixels))
    return found


@pytest.mark.parametrize(("pixels", "whole"), [(26, True), (24, False), (28, False), (0, False)])
def test_an_icon_has_the_pixels_of_its_rows_and_columns(sandbox: Sandbox, folder: Path,
                                                        tmp_path: Path, pixels: int,
                                                        whole: bool) -> None:
    """In the last record, so that no offset moves."""
    shutil.copytree(folder, tmp_path / "disc")
    path = tmp_path / "disc" / "DICOMDIR"
    ds = pydicom.dcmread(path)
    ds.DirectoryRecordSequence[-1].IconImageSequence = Sequence([icon(pixels)])
    ds.save_as(path)
    assert broken(judge(sandbox, tmp_path / "disc", "STD-GEN-CD")) == (
        set() if whole else {"RF-13"})


@pytest.mark.parametrize("pixels", [26, 24])
def test_both_ways_to_read_an_icon_agree(pixels: int) -> None:
    item = pydicom.filebase.DicomBytesIO()
    item.is_little_endian, item.is_implicit_VR = True, False
    pydicom.filewriter.write_dataset(item, icon(pixels))
    data = item.getvalue()
    value = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data
    assert plain_icon(value) is icon_is_whole(icon(pixels)) is (pixels == 26)
    assert plain_icon(value[:-1]) is None
