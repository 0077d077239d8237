"""What is written can be read by others, is the same twice, and never half a file."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pycdlib
import pytest

from mediasvc.errors import DamagedError
from mediasvc.media.disc.disc_file import DiscFile, SpanFile
from mediasvc.media.disc.folder_write import write_folder
from mediasvc.media.iso.iso_seal import DESCRIPTOR, SECTOR, holds, read_seal
from mediasvc.media.iso.iso_write import image_size, write_iso
from mediasvc.media.packed.zip_write import write_zip
from mediasvc.span import Span
from tests.carriers import tool

MOMENT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
UDF = 0x0102


@pytest.fixture
def files(tmp_path: Path) -> list[DiscFile]:
    """Odd lengths, an empty file, a part of a larger file, two series."""
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 64)
    rows = [("README.TXT", 0, 13), ("DICOMDIR", 100, 2048), ("IHE_PDI/A.HTM", 0, 0),
            ("IHE_PDI/SE000001/IM000001.JPG", 7, 4097)]
    rows += [(f"DICOM/PT000001/ST000001/SE00000{series}/IM00000{image}", image, 3000 + image)
             for series in (1, 2) for image in (1, 2, 3)]
    return [DiscFile(tuple(path.split("/")), Span(str(source), start, length), "")
            for path, start, length in rows]


def content(file: DiscFile) -> bytes:
    return b"".join(file.span.chunks())


def make(path: Path, files: list[DiscFile], udf: int = 0) -> Path:
    with path.open("x+b") as target:
        write_iso(target, files, volume_id="MSVCTEST", moment=MOMENT, with_udf=udf)
    return path


@pytest.mark.parametrize("udf", [0, UDF], ids=["cd", "dvd"])
def test_every_file_comes_back_from_the_image(tmp_path: Path, files: list[DiscFile],
                                              udf: int) -> None:
    image = pycdlib.PyCdlib()
    image.open(str(make(tmp_path / "a.iso", files, udf)))
    for file in files:
        out = io.BytesIO()
        path = f"/{file.path}" + (";1" if "." in file.parts[-1] else ".;1")
        image.get_file_from_iso_fp(out, iso_path=path)
        assert out.getvalue() == content(file), path
        if udf:
            out = io.BytesIO()
            image.get_file_from_iso_fp(out, udf_path=f"/{file.path}")
            assert out.getvalue() == content(file)
    assert image.has_udf() == bool(udf)
    assert not image.has_joliet()
    assert image.has_rock_ridge()
    assert image.pvd.volume_identifier == b"MSVCTEST".ljust(32)
    assert image.pvd.system_identifier == b" " * 32
    image.close()


@pytest.mark.skipif(not shutil.which("7z"), reason="7z is not installed")
@pytest.mark.parametrize("udf", [0, UDF], ids=["cd", "dvd"])
def test_another_program_unpacks_the_image(tmp_path: Path, files: list[DiscFile],
                                           udf: int) -> None:
    make(tmp_path / "a.iso", files, udf)
    subprocess.run(["7z", "x", f"-o{tmp_path / 'out'}", str(tmp_path / "a.iso")], check=True,
                   capture_output=True)
    for file in files:
        assert tmp_path.joinpath("out", *file.parts).read_bytes() == content(file)


@pytest.mark.parametrize("udf", [0, UDF], ids=["cd", "dvd"])
def test_the_same_content_and_date_give_the_same_bytes(
        tmp_path: Path, files: list[DiscFile], udf: int, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make(tmp_path / "a.iso", files, udf).read_bytes()
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert make(tmp_path / "b.iso", files, udf).read_bytes() == first


def test_root_and_pages_come_first_and_series_are_contiguous(tmp_path: Path,
                                                            files: list[DiscFile]) -> None:
    image = pycdlib.PyCdlib()
    image.open(str(make(tmp_path / "a.iso", files)))
    places = {file.path: image.get_record(
        iso_path=f"/{file.path}" + (";1" if "." in file.parts[-1] else ".;1")).extent_location()
        for file in files if file.span.length}
    image.close()
    order = sorted(places, key=lambda path: places[path])
    assert order[:3] == ["DICOMDIR", "README.TXT", "IHE_PDI/SE000001/IM000001.JPG"]
    assert order[3:] == sorted(order[3:])


@pytest.mark.parametrize("name", ["readme.txt", "INDEX.HTML", "A-B", "NINECHARS", "Ä"])
def test_a_name_that_level_1_does_not_know_is_refused(tmp_path: Path, files: list[DiscFile],
                                                      name: str) -> None:
    odd = DiscFile((name,), files[0].span, "")
    with pytest.raises(ValueError, match=r"\w"):
        make(tmp_path / "a.iso", [odd])


@pytest.mark.parametrize("udf", [0, UDF], ids=["cd", "dvd"])
def test_the_size_is_never_underestimated(tmp_path: Path, files: list[DiscFile],
                                          udf: int) -> None:
    real = make(tmp_path / "a.iso", files, udf).stat().st_size
    assert real <= image_size([file.span.length for file in files], udf) <= real + (2 << 20)


def test_a_source_that_shrinks_stops_the_writing(tmp_path: Path, files: list[DiscFile]) -> None:
    with (tmp_path / "source").open("r+b") as source:
        source.truncate(3001)
    with pytest.raises(DamagedError):
        make(tmp_path / "a.iso", files)
    with pytest.raises(DamagedError), (tmp_path / "a.zip").open("w+b") as target:
        write_zip(target, files, moment=MOMENT)
    (tmp_path / "out").mkdir()
    with pytest.raises(DamagedError):
        write_folder(tmp_path / "out", files, moment=MOMENT)


def test_the_seal_covers_all_that_no_file_covers(tmp_path: Path, files: list[DiscFile]) -> None:
    data = bytearray(make(tmp_path / "a.iso", files, udf=UDF).read_bytes())
    seal = read_seal(bytes(data[DESCRIPTOR:DESCRIPTOR + SECTOR]))
    assert seal is not None

    def read(at: int, length: int) -> bytes:
        return bytes(data[at:at + length])

    assert holds(seal, read, len(data))
    for at in (0, DESCRIPTOR + 80, 20 * SECTOR, seal.start - 1, len(data) - 1):
        data[at] ^= 1
        assert not holds(seal, read, len(data)), at
        data[at] ^= 1
    assert not holds(seal, read, len(data) - 1)


def test_zip_entries_are_8_3_and_encoded_ones_are_stored(tmp_path: Path,
                                                         files: list[DiscFile]) -> None:
    dense = [DiscFile(file.parts, file.span, "", dense=file.path.endswith("JPG"))
             for file in files]
    with (tmp_path / "a.zip").open("w+b") as target:
        write_zip(target, dense, moment=MOMENT)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [file.path for file in files]
        for file in dense:
            info = archive.getinfo(file.path)
            kept = file.dense or len(file.parts) == 1  # those of the root have dates in them
            assert (info.compress_type == zipfile.ZIP_STORED) == kept
            assert archive.read(info) == content(file)
            assert info.date_time == (2026, 11, 21, 9, 30, 0)


def test_a_folder_is_readable_by_everybody_and_dated(tmp_path: Path,
                                                     files: list[DiscFile]) -> None:
    (tmp_path / "usb").mkdir()
    write_folder(tmp_path / "usb", files, moment=MOMENT)
    for file in files:
        path = tmp_path.joinpath("usb", *file.parts)
        assert path.read_bytes() == content(file)
        assert path.stat().st_mode & 0o777 == 0o644
        assert path.stat().st_mtime == MOMENT.timestamp()


def test_a_span_reads_like_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(range(200)))
    file = SpanFile(Span(str(tmp_path / "x"), 50, 100))
    assert file.read(10) == bytes(range(50, 60))
    assert file.seek(-5, 2) == 95
    assert file.read() == bytes(range(145, 150))
    assert file.read(1) == b""
    file.seek(0)
    assert io.BufferedReader(file).read() == bytes(range(50, 150))


@pytest.mark.parametrize("udf", [0, UDF], ids=["cd", "dvd"])
def test_names_are_in_capital_letters_on_systems_that_would_make_them_small(
        tmp_path: Path, files: list[DiscFile], udf: int) -> None:
    """Rock Ridge says them as the links of INDEX.HTM do; ISO 9660 itself stays level 1."""
    image = make(tmp_path / "a.iso", files, udf)

    def said(*words: object) -> str:
        return subprocess.run([str(word) for word in words], capture_output=True, text=True,
                              check=True).stdout

    assert {"/" + file.path for file in files} <= set(
        said(tool("isoinfo"), "-R", "-f", "-i", image).split())
    assert "Rock Ridge signatures version 1 found" in said(tool("isoinfo"), "-d", "-i", image)
    listed = said(tool("xorriso"), "-indev", image, "-find", "/", "-exec", "lsdl", "--")
    assert {line.split()[0] for line in listed.splitlines()} == {"-rw-r--r--", "drwxr-xr-x"}
    for file in files:
        assert f"'/{file.path}'" in listed
