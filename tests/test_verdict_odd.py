"""Mistakes of other writers that few programs look for, in images, instances, icons and zips."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless

from mediasvc.media.checking.check_icon import icon_is_whole, plain_icon
from mediasvc.media.checking.check_instance import check_instance
from mediasvc.media.checking.plain_instance import Witness
from mediasvc.sandbox import Sandbox
from samples.synthesis import instance, study, write_disc
from tests.disc_things import broken, judge, new_sandbox
from tests.encapsulated_things import encapsulated
from tests.raw_elements import ITEM_END, element, item, sequence, tag, text

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


def record_of(name: bytes, field: int = 0) -> Callable[[bytes], int]:
    """Where a field of the directory record of that name stands; the record begins 33 bytes
    before its name."""
    return lambda image: image.index(bytes([len(name)]) + name) + 1 - 33 + field


def enhanced(image: bytes) -> bytes:
    """With a second descriptor, as genisoimage -iso-level 4 writes it."""
    end = image[DESCRIPTOR + SECTOR:DESCRIPTOR + 2 * SECTOR]
    volume = b"\2CD001\2" + image[DESCRIPTOR + 8:DESCRIPTOR + SECTOR]
    return at(lambda _: DESCRIPTOR + SECTOR, volume + end)(image)


def both(number: int) -> bytes:
    return struct.pack("<I", number) + struct.pack(">I", number)


FILE, FOLDER, EXTENT, FLAGS = b"IM000001.;1", b"ST000001", 2, 25
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
    "volume that ends before its folders": ("R12-1i", at(lambda _: DESCRIPTOR + 80,
                                                         both(20))),
    "hidden file": ("R12-1g", at(record_of(FILE, FLAGS), b"\1")),
    "hidden folder": ("R12-1g", at(record_of(FOLDER, FLAGS), b"\3")),
    "associated file": ("R12-1g", at(record_of(FILE, FLAGS), b"\4")),
    "file in several sections": ("R12-1a", at(record_of(FILE, FLAGS), b"\x80")),
    "enhanced volume descriptor": ("R12-1h", enhanced),
    "file that lies in a folder's list": ("R12-1i", lambda image: at(
        record_of(FILE, EXTENT), both(struct.unpack_from("<I", image, record_of(
            FOLDER, EXTENT)(image))[0]))(image)),
    "file that lies in the descriptors": ("R12-1i", at(record_of(FILE, EXTENT), both(16))),
    "path table that lies in a file": ("R12-1i", lambda image: at(
        lambda _: DESCRIPTOR + 140, image[record_of(FILE, EXTENT)(image):][:4])(image)),
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


def swapped(one: int, other: int) -> Callable[[bytes], bytes]:
    """Two elements exchanged."""
    def change(data: bytes) -> bytes:
        (a, b), (c, d) = place(data, one), place(data, other)
        return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]
    return change


def place(data: bytes, number: int) -> tuple[int, int]:
    """Where an element of a short VR begins and ends."""
    found = pydicom.dcmread(io.BytesIO(data)).get_item(number)
    return found.value_tell - 8, found.value_tell + found.length


def shorter(data: bytes) -> bytes:
    """Manufacturer with one letter less."""
    start, end = place(data, 0x00080070)
    return data[:start + 6] + struct.pack("<H", end - start - 9) + data[start + 8:end - 1] + (
        data[end:])


def with_sequence(*values: bytes) -> Callable[[bytes], bytes]:
    """Request Attributes Sequence of these items put before the pixel data."""
    made = sequence(0x00400275, *values)
    return lambda data: data.replace(b"\xe0\x7f\x10\0OW", made + b"\xe0\x7f\x10\0OW")


ONE, OTHER = text(0x00400007, "LO", "one"), text(0x00401001, "SH", "other")
INSTANCES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "odd length": ("R5-2", shorter),
    "odd length in an item": ("R5-2", with_sequence(item(element(0x00400007, "LO", b"one")))),
    "elements out of order": ("R5-3", swapped(0x00080020, 0x00080070)),
    "elements of an item out of order": ("R5-3", with_sequence(item(OTHER + ONE))),
    "delimiter that is not needed": ("R5-4", with_sequence(item(
        ONE + tag(ITEM_END) + bytes(4)))),
    "delimiter with a length": ("R5-4", with_sequence(
        item(ONE, undefined=True)[:-4] + b"\2\0\0\0")),
    "element without a type": ("R5-4", with_sequence(item(
        element(0x00400007, "LO", b"one ", implicit=True)))),
}


@pytest.mark.parametrize("damage", INSTANCES)
def test_a_legible_instance_that_is_not_quite_legal_is_told_and_passes(
        sandbox: Sandbox, folder: Path, tmp_path: Path, damage: str) -> None:
    """Archives are full of such files: no disc with them is failed for it."""
    rule, change = INSTANCES[damage]
    shutil.copytree(folder, tmp_path / "disc")
    path = tmp_path / "disc/DICOM/PT000001/ST000001/SE000001/IM000001"
    before = path.read_bytes()
    path.write_bytes(change(before))
    assert path.read_bytes() != before
    verdict = judge(sandbox, tmp_path / "disc", "STD-GEN-CD")
    assert broken(verdict) == {rule}
    assert verdict.passed


FRAMES = [bytes(range(10 * k, 10 * k + 10)) for k in range(3)]
#: A fragment of ten bytes takes eighteen.
TABLES: dict[str, dict[str, Any]] = {
    "of two of three frames": {"table": [0, 18]},
    "that does not begin at the first": {"table": [18, 36, 54]},
    "that does not ascend": {"table": [0, 36, 18]},
    "that leads into a fragment": {"table": [0, 18, 40]},
    "that counts from itself": {"table": [0, 26, 44]},
    "of 64 bits, of two of three frames": {"extended": ([0, 18], [10, 10])},
    "of 64 bits, without a length": {"extended": ([0, 18, 36], [10, 10])},
    "of 64 bits, that leads nowhere": {"extended": ([0, 18, 37], [10, 10, 10])},
    "of 64 bits, with another length": {"extended": ([0, 18, 36], [10, 10, 12])},
    "of both kinds": {"table": [0, 18, 36], "extended": ([0, 18, 36], [10, 10, 10])},
}


def offset_rules(**tables: Any) -> set[str]:
    data = encapsulated(FRAMES, frames=3, transfer_syntax=RLELossless, **tables)
    plain = check_instance(memoryview(data), None, witness=Witness())
    assert plain.findings == check_instance(memoryview(data), None).findings
    return {finding.rule for finding in plain.findings}


@pytest.mark.parametrize("damage", TABLES)
def test_an_offset_table_leads_to_every_frame(damage: str) -> None:
    assert offset_rules(**TABLES[damage]) == {"R5-5"}


@pytest.mark.parametrize("tables", [{}, {"table": [0, 18, 36]},
                                    {"extended": ([0, 18, 36], [10, 9, 10])}])
def test_a_good_offset_table_and_none_are_both_fine(tables: dict[str, Any]) -> None:
    assert offset_rules(**tables) == set()


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
