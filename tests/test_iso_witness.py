"""An image of ours in the eyes of pycdlib: every list of it shows what we say it does."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.iso.iso_witness import disagreement
from mediasvc.media.iso.iso_write import write_iso
from mediasvc.media.member import Member
from mediasvc.media.package import open_package
from mediasvc.settings import Limits
from mediasvc.span import Span

SECTOR = 2048


@pytest.fixture(params=[0, 0x0102, 0x0250, 0x0260], ids=["cd", "dvd", "bd-re", "bd"])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    files = []
    for number, parts in enumerate([("DICOMDIR",), ("README.TXT",), ("EMPTY",),
                                    ("DICOM", "PT000001", "IM000001"),
                                    ("DICOM", "PT000001", "IM000002")]):
        source = tmp_path / f"source{number}"
        source.write_bytes(b"" if parts == ("EMPTY",) else bytes([number]) * (1 + 3000 * number))
        files.append(DiscFile(parts, Span.of_file(source), ""))
    with (tmp_path / "a.iso").open("x+b") as target:
        write_iso(target, files, volume_id="MSVCTEST", moment=datetime(2026, 1, 2, tzinfo=UTC),
                  with_udf=request.param)
    return tmp_path / "a.iso"


def members(image: Path, scratch: Path) -> list[Member]:
    with open_package(image, Limits(), scratch=scratch) as package:
        return list(package.members())



def change(image: Path, old: bytes, new: bytes) -> None:
    data = image.read_bytes()
    assert old in data
    image.write_bytes(data.replace(old, new, 1))


def test_image_of_ours_is_the_same_for_a_stranger(image: Path, tmp_path: Path) -> None:
    found = members(image, tmp_path)
    assert len(found) == 5
    assert disagreement(image, found) == ""


def test_file_that_only_we_see_is_told(image: Path, tmp_path: Path) -> None:
    found = members(image, tmp_path)
    change(image, b"IM000001.;1", b"IM000009.;1")
    assert "1 of the files differently in ISO 9660, and 1 more" in disagreement(image, found)


def test_file_that_lies_elsewhere_for_a_stranger_is_told(image: Path, tmp_path: Path) -> None:
    found = members(image, tmp_path)
    at = next(one.position for one in found if one.parts[-1] == "IM000002") // SECTOR
    both = struct.pack("<I", at) + struct.pack(">I", at)
    change(image, both, struct.pack("<I", at - 1) + struct.pack(">I", at - 1))
    assert "1 of the files differently" in disagreement(image, found)


@pytest.mark.parametrize("image", [True], indirect=True, ids=["dvd"])
def test_udf_list_with_another_name_is_told(image: Path, tmp_path: Path) -> None:
    found = members(image, tmp_path)
    data = image.read_bytes()
    at = data.index(b"\x08IM000001")  # UDF: compression id 8, then the name
    length = 38 + 9
    start = at - 38
    whole = bytearray(data[start:start + length])
    whole[-1:] = b"7"
    crc = _crc(bytes(whole[16:16 + struct.unpack_from("<H", whole, 10)[0]]))
    struct.pack_into("<H", whole, 8, crc)
    whole[4] = (sum(whole[:4]) + sum(whole[5:16])) % 256
    image.write_bytes(data[:start] + bytes(whole) + data[start + length:])
    assert disagreement(image, found)


def test_image_that_a_stranger_cannot_open_is_told(image: Path, tmp_path: Path) -> None:
    found = members(image, tmp_path)
    image.write_bytes(image.read_bytes()[:17 * SECTOR])
    assert "cannot open it" in disagreement(image, found)


def _crc(data: bytes) -> int:
    """CRC-CCITT of ECMA-167 7.2.6, bit by bit."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xFFFF
    return value
