"""Images for BD: UDF 2.50 and 2.60, whose entries stand in a metadata partition with a mirror."""

from __future__ import annotations

import shutil
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from libudfread import libudfread_files, libudfread_found

from mediasvc.media.checking.check_medium import check_profile
from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.iso.image_tree import ImageTree
from mediasvc.media.iso.iso_seal import DESCRIPTOR, SECTOR, holds, read_seal
from mediasvc.media.iso.iso_surface import read_surface
from mediasvc.media.iso.iso_write import file_size, iso_bytes, write_iso
from mediasvc.media.package import open_package
from mediasvc.media.udf.udf_image_bytes import UdfImage
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.standard.profiles import CAPACITY, load_profile, udf_words

REVISIONS = {"2.50": 0x0250, "2.60": 0x0260}
PARTITION, UNIT = 288, 32
FILES = {"DICOMDIR": b"d" * 5000, "README.TXT": b"r", "EMPTY": b""} | {
    f"DICOM/PT00000{n % 3}/IM{n:06d}": bytes([n]) * 1500 * n for n in range(1, 70)}


def rows(folder: Path) -> list[DiscFile]:
    source = folder / "files"
    source.write_bytes(b"".join(FILES.values()))
    found, at = [], 0
    for name, data in FILES.items():
        found.append(DiscFile(tuple(name.split("/")), Span(str(source), at, len(data)), ""))
        at += len(data)
    return found


@pytest.fixture(params=REVISIONS.values(), ids=REVISIONS.keys())
def revision(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def image(revision: int, tmp_path: Path) -> Path:
    path = tmp_path / "bd.iso"
    with path.open("x+b") as target:
        write_iso(target, rows(tmp_path), volume_id="OURS", moment=datetime(2026, 1, 1, tzinfo=UTC),
                  with_udf=revision)
    return path


def without_iso(path: Path) -> Path:
    """Only the UDF of a bridge disc: what announces it moved to where it must begin."""
    data = bytearray(path.read_bytes())
    data[16 * SECTOR:19 * SECTOR] = data[18 * SECTOR:21 * SECTOR]
    data[19 * SECTOR:21 * SECTOR] = bytes(2 * SECTOR)
    path.write_bytes(data)
    return path


def contents(path: Path) -> tuple[dict[str, bytes], list[str]]:
    with open_package(path, Limits(), scratch=path.with_suffix(".scratch")) as package:
        return ({member.label: b"".join(package.span(member).chunks())
                 for member in package.members()}, [one.code for one in package.findings])


def unpacked(program: str, path: Path) -> dict[str, bytes]:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    out = path.with_suffix(".out")
    subprocess.run([program, "x", "-tudf", f"-o{out}", str(path)], check=True, timeout=60,
                   capture_output=True)
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def told(path: Path) -> dict[str, bytes]:
    """What udfinfo counts: it lists no files."""
    if shutil.which("udfinfo") is None:
        pytest.skip("udfinfo is not installed")
    said = subprocess.run(["udfinfo", str(path)], check=True, capture_output=True, text=True)
    facts = dict(line.split("=", 1) for line in said.stdout.splitlines() if line.count("=") == 1)
    assert not said.stderr
    assert (facts["integrity"], facts["accesstype"]) == ("closed", "readonly")
    assert facts["udfrev"] == "2.50"  # the least that reads it, UDF 2.2.6.4
    assert (facts["numfiles"], facts["numdirs"]) == (str(len(FILES)), "5")
    return FILES


def of_libudfread(path: Path) -> dict[str, bytes]:
    if not libudfread_found():
        pytest.skip("libudfread is not installed")
    return libudfread_files(path)


@pytest.mark.parametrize("read", [lambda path: unpacked("7z", path), told, of_libudfread],
                         ids=["7z", "udfinfo", "libudfread"])
def test_other_programs_read_a_bd_image(image: Path, read: object) -> None:
    assert read(image) == FILES  # type: ignore[operator]


def test_our_reader_sees_the_same_in_both_lists_and_in_udf_alone(image: Path) -> None:
    assert contents(image) == (FILES, [])
    assert contents(without_iso(image)) == (FILES, [])


def test_entries_that_are_damaged_are_read_from_the_mirror(image: Path) -> None:
    data = bytearray(without_iso(image).read_bytes())
    data[(PARTITION + UNIT) * SECTOR:(PARTITION + 2 * UNIT) * SECTOR] = bytes(UNIT * SECTOR)
    image.write_bytes(data)
    assert contents(image) == (FILES, ["udf-mirror-used"])
    data[PARTITION * SECTOR:(PARTITION + UNIT) * SECTOR] = bytes(UNIT * SECTOR)  # its own entry
    image.write_bytes(data)
    assert contents(image)[0] == FILES


def test_tags_are_those_of_the_third_edition(image: Path, revision: int) -> None:
    data = image.read_bytes()
    assert [data[at * SECTOR + 1:at * SECTOR + 6] for at in (18, 19, 20)] == [
        b"BEA01", b"NSR03", b"TEA01"]
    blocks = [PARTITION, *range(PARTITION + UNIT, PARTITION + UNIT + 80)]
    heads = [struct.unpack_from("<HH", data, at * SECTOR) for at in blocks]
    assert heads[0] == (266, 3) and heads[1] == (256, 3) and heads[3] == (266, 3)
    logical = 33 * SECTOR
    assert struct.unpack_from("<H", data, logical + 240) == (revision,)
    assert struct.unpack_from("<II", data, logical + 264) == (70, 2)
    metadata = logical + 440 + 6
    assert data[metadata + 5:metadata + 28] == b"*UDF Metadata Partition"
    main, mirror, bitmap, unit, align, flags = struct.unpack_from("<IIIIHB", data, metadata + 40)
    assert (main, bitmap, unit, align, flags) == (0, 0xFFFFFFFF, UNIT, UNIT, 1)
    for block, kind in ((main, 250), (mirror, 251)):
        entry = (PARTITION + block) * SECTOR
        assert data[entry + 27] == kind
        length, place = struct.unpack_from("<II", data, entry + 216)
        assert length % (UNIT * SECTOR) == 0 == place % UNIT


def test_the_seal_covers_the_mirror_and_the_last_anchor(image: Path) -> None:
    data = bytearray(image.read_bytes())
    seal = read_seal(bytes(data[DESCRIPTOR:DESCRIPTOR + SECTOR]))
    assert seal is not None

    def read(at: int, length: int) -> bytes:
        return bytes(data[at:at + length])

    assert holds(seal, read, len(data))
    for at in (PARTITION * SECTOR, seal.start - 1, seal.end, len(data) - 1):
        data[at] ^= 1
        assert not holds(seal, read, len(data)), at
        data[at] ^= 1
    with open_package(image, Limits(), scratch=image.with_suffix(".scratch")) as package:
        surface = read_surface(Span.of_file(image), list(package.members()), Limits())
    assert surface.sealed and not surface.dirty and surface.revision in REVISIONS.values()


def test_its_size_is_known_before_and_never_more_than_planned(image: Path, revision: int,
                                                              tmp_path: Path) -> None:
    assert image.stat().st_size == iso_bytes(rows(tmp_path), with_udf=revision)
    one = ImageTree(("DICOM", f"SE{n // 10:06d}", f"IM{n:06d}") for n in range(5000))
    assert UdfImage(one, revision).end * SECTOR <= 5000 * file_size(0, revision) + 512 * SECTOR


def test_an_image_for_bd_with_an_older_udf_or_none_is_told() -> None:
    bd = load_profile("STD-GEN-BD")
    for revision, told in ((0x0250, []), (0x0260, []), (0x0102, ["R12-3"]), (0, ["R12-3"])):
        assert [one.rule for one in check_profile("iso", [], 1 << 20, bd, revision)] == told
    assert not list(check_profile("folder", [], 1 << 20, bd))
    assert not list(check_profile("iso", [], 1 << 20, load_profile("STD-GEN-DVD-J2K"), 0x0102))


def test_the_revision_is_that_of_the_medium() -> None:
    bd = load_profile("STD-GEN-BD-JPEG")
    assert [udf_words(bd.on(disc).medium.udf) for disc in ("", "bd", "bd-re")] == [
        "2.60", "2.60", "2.50"]
    assert load_profile("STD-GEN-DVD-RAM").medium.udf_revision == "1.50"
    assert load_profile("STD-GEN-DVD-J2K").on("dvd-dl").medium.udf_revision == "1.02"
    assert load_profile("STD-GEN-CD").on("bd-re").medium.udf_revision == ""
    assert (CAPACITY["bd-re"] or 0) < (CAPACITY["bd"] or 0)
