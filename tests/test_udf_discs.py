"""UDF discs as they arrive: every kind of partition and of entry (ECMA-167, OSTA UDF)."""

from __future__ import annotations

import itertools
import shutil
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from libudfread import libudfread_files, libudfread_found
from udf_images import EMBEDDED, EXTENDED, LONG, SHORT, START, udf
from udf_opened import FILES, LIMITS, Opener, contents, opener

from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.iso.iso_write import write_iso
from mediasvc.media.package import open_package
from mediasvc.span import Span

KINDS = ("plain", "sparable", "virtual", "metadata")


@pytest.fixture
def disc(tmp_path: Path) -> Opener:
    return opener(tmp_path)


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing), reason=f"{missing} not installed")


@pytest.mark.parametrize(
    ("kind", "layout", "extended"),
    list(itertools.product(KINDS, (SHORT, LONG, EXTENDED, EMBEDDED), (False, True))))
def test_every_kind_of_disc_and_of_entry_is_read(
        disc: Opener, kind: str, layout: int, extended: bool) -> None:
    with disc(udf(FILES, kind=kind, layout=layout, extended=extended)) as package:
        assert package.kind == "iso"
        assert contents(package) == FILES
        assert package.findings == []
        assert [m.position for m in package.members()] == sorted(
            m.position for m in package.members())


@pytest.mark.parametrize("revision", [0x0102, 0x0150, 0x0200, 0x0201, 0x0250, 0x0260])
@pytest.mark.parametrize("block", [512, 2048, 4096])
def test_every_revision_and_block_size_is_read(disc: Opener, revision: int, block: int) -> None:
    with disc(udf(FILES, kind="virtual", revision=revision, block=block)) as package:
        assert contents(package) == FILES
    with disc(udf(FILES, revision=revision, block=block)) as package:
        assert contents(package) == FILES
        assert package.findings == []


def test_a_file_in_one_piece_is_handed_out_from_the_image_itself(
        disc: Opener, tmp_path: Path) -> None:
    with disc(udf(FILES)) as package:
        spans = {package.span(member).path for member in package.members()}
        assert spans == {str(tmp_path / "drop.iso")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_in_several_pieces_is_put_together(disc: Opener, kind: str) -> None:
    with disc(udf(FILES, kind=kind, pieces=3)) as package:
        assert contents(package) == FILES
        assert package.findings == []


def test_pieces_that_are_listed_elsewhere_are_found(disc: Opener) -> None:
    from udf_images import descriptor, tagged
    made = udf({"IM1": b"a" * 5000}, pieces=3)
    at = made.at("IM1")
    first, length = struct.unpack_from("<Q", made.data, at + 176)[0], 24
    rest = bytes(made.data[at + 184:at + 176 + length])
    made.put(START + 2, tagged(258, 2, struct.pack("<II", 0, len(rest)) + rest))
    area = struct.pack("<Q", first) + descriptor(SHORT, 2048, 2, 3)
    made.patch(at, 172, "<I", len(area))
    made.data[at + 176:at + 176 + length] = area.ljust(length, b"\0")
    made.seal(at)
    with disc(made) as package:
        assert contents(package) == {"IM1": b"a" * 5000}
        assert package.findings == []


def test_the_last_entry_of_a_write_once_disc_counts(disc: Opener) -> None:
    with disc(udf(FILES, strategy=4096)) as package:
        assert contents(package) == FILES
        assert package.findings == []


def test_worn_out_packets_are_read_where_they_were_moved(disc: Opener) -> None:
    made = udf(FILES, kind="sparable")
    for packet in range(len(made.blocks) // 32):
        made.wear_out(packet)
    assert b"three" not in made.data[START * 2048:(START + len(made.blocks)) * 2048]
    with disc(made) as package:
        assert contents(package) == FILES
        assert package.findings == []


def test_a_file_across_a_moved_packet_is_put_together(disc: Opener) -> None:
    files = {"LONG": bytes(range(250)) * 1000}
    made = udf(files, kind="sparable")
    made.wear_out(1)
    with disc(made) as package:
        assert contents(package) == files
        assert package.span(package.member(0)).path.endswith("/00000000")


@pytest.mark.parametrize("name", ["Größe", "ΑΒΓ", "患者", "a/b", "𝄞", "x" * 120])
def test_names_in_any_script_are_read(disc: Opener, name: str) -> None:
    made = udf({"A": b"one"}, names={"A": (b"\x08" + name.encode("latin-1")) if name.isascii()
                                     or name == "Größe" else b"\x10" + name.encode("utf-16-be")})
    with disc(made) as package:
        assert package.member(0).parts == (name,)
        assert package.findings == []


@needs("genisoimage")
def test_a_disc_of_genisoimage_reads_the_same_with_and_without_its_iso_list(
        disc: Opener, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name, data in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    made = tmp_path / "made.iso"
    subprocess.run(["genisoimage", "-quiet", "-udf", "-J", "-o", str(made), str(tree)],
                   check=True, timeout=60, capture_output=True)
    with disc(made.read_bytes()) as package:
        assert contents(package) == FILES
        assert package.findings == []
    with disc(without_iso(made.read_bytes())) as package:
        assert contents(package) == FILES
        assert package.findings == []


def test_a_disc_that_we_export_reads_the_same_with_and_without_its_iso_list(
        disc: Opener, tmp_path: Path) -> None:
    files = {f"DICOM/IM{n:06d}": bytes([n]) * 3000 * n for n in range(40)} | {"DICOMDIR": b"d"}
    data = exported(tmp_path / "made.iso", files)
    for one in (data, without_iso(data)):
        with disc(one) as package:
            assert contents(package) == files
            assert package.findings == []


@pytest.mark.skipif(not libudfread_found(), reason="libudfread not installed")
def test_libudfread_reads_the_disc_that_we_export(tmp_path: Path) -> None:
    files = {f"DICOM/IM{n:06d}": bytes([n]) * 3000 * n for n in range(40)} | {"DICOMDIR": b"d"}
    exported(tmp_path / "made.iso", files)
    assert libudfread_files(tmp_path / "made.iso") == files


def exported(path: Path, files: dict[str, bytes]) -> bytes:
    source = path.with_suffix(".files")
    source.write_bytes(b"".join(files.values()))
    rows, at = [], 0
    for name, data in files.items():
        rows.append(DiscFile(tuple(name.split("/")), Span(str(source), at, len(data)), ""))
        at += len(data)
    with path.open("x+b") as target:
        write_iso(target, rows, volume_id="OURS", moment=datetime(2026, 1, 1, tzinfo=UTC),
                  with_udf=0x0102)
    return path.read_bytes()


def without_iso(data: bytes) -> bytes:
    """The UDF half of a bridge disc: its recognition sequence moved to where it must begin."""
    sectors = [data[at:at + 2048] for at in range(16 * 2048, 64 * 2048, 2048)]
    kept = [one for one in sectors if one[1:6] in (b"BEA01", b"NSR02", b"NSR03", b"TEA01")]
    assert len(kept) == 3
    mark = b"".join(kept)
    return data[:16 * 2048] + mark + data[16 * 2048 + len(mark):]


MKUDFFS = ["--media-type=hd --blocksize=512", "--media-type=hd --udfrev=1.02 --blocksize=2048",
           "--media-type=dvd", "--media-type=cdr --udfrev=1.50", "--media-type=cdr --closed",
           "--media-type=cdrw", "--media-type=dvdrw", "--media-type=bdr --udfrev=2.60",
           "--media-type=hd --blocksize=2048 --strategy=4096", "--media-type=dvdram --ad=long",
           "--media-type=hd --blocksize=4096 --noefe --ad=short"]


@needs("mkudffs")
@pytest.mark.parametrize("options", MKUDFFS)
def test_an_empty_disc_of_mkudffs_is_an_empty_package(
        tmp_path: Path, options: str) -> None:
    path = tmp_path / "made.iso"
    subprocess.run(["mkudffs", "--new-file", *options.split(), str(path), "20000"],
                   check=True, timeout=60, capture_output=True)
    with open_package(path, LIMITS, scratch=tmp_path / "scratch") as package:
        assert (package.kind, len(package), package.findings) == ("iso", 0, [])


@needs("7z")
@pytest.mark.parametrize("layout", [SHORT, LONG, EMBEDDED])
def test_7z_reads_our_test_discs_the_same(tmp_path: Path, layout: int) -> None:
    made, out = tmp_path / "made.udf", tmp_path / "out"
    made.write_bytes(udf(FILES, layout=layout).bytes())
    subprocess.run(["7z", "x", "-tudf", f"-o{out}", str(made)], check=True, timeout=60,
                   capture_output=True)
    read = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert read == FILES


@pytest.mark.skipif(not libudfread_found(), reason="libudfread not installed")
@pytest.mark.parametrize("layout", [SHORT, LONG, EXTENDED, EMBEDDED])
@pytest.mark.parametrize("kind", ["plain", "metadata"])
def test_libudfread_reads_our_test_discs_the_same(
        tmp_path: Path, kind: str, layout: int) -> None:
    made = tmp_path / "made.udf"
    made.write_bytes(udf(FILES, kind=kind, layout=layout, extended=True, revision=0x0250,
                         metadata_runs=1).bytes())
    assert libudfread_files(made) == FILES
