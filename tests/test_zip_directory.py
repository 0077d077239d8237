"""The zip reader against the standard library's, and its own corners."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pytest
from hostile_media import ZipItem, zip_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.package import open_package
from mediasvc.media.packed.zip_directory import NoEndError, fields, find_end, headers, read_header
from mediasvc.media.packed.zip_names import components, text
from mediasvc.media.window import Window
from mediasvc.settings import Limits
from mediasvc.span import Span


def window(folder: Path, data: bytes) -> Window:
    path = folder / "a.zip"
    path.write_bytes(data)
    return Window(Span.of_file(path))


names = st.text(st.characters(codec="utf-8", exclude_characters="\0/\\:"), min_size=1, max_size=20)
paths = st.lists(names.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(paths, st.binary(max_size=300), st.booleans()), max_size=8), st.binary(
    max_size=40))
def test_what_the_standard_library_writes_is_read_as_it_would(
        entries: list[tuple[list[str], bytes, bool]], comment: bytes) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = comment
        for parts, data, packed in entries:
            info = zipfile.ZipInfo("/".join(parts))
            archive.writestr(info, data, zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.zip")
        path.write_bytes(buffer.getvalue())
        with open_package(path, Limits(nesting=0), scratch=Path(folder, "s")) as package:
            read = [(list(m.parts), b"".join(package.span(m).chunks())) for m in package.members()]
    assert read == [(parts, data) for parts, data, _ in entries]


def test_headers_can_be_read_again_one_by_one(tmp_path: Path) -> None:
    items = [ZipItem(b"n" * (n * 37 + 1), extra=struct.pack("<HH", 7, n * 9) + bytes(n * 9))
             for n in range(100)]
    opened = window(tmp_path, zip_bytes(*items))
    end = find_end(opened)
    listed = list(headers(opened, end))
    assert [entry.name for _, entry in listed] == [item.name for item in items]
    assert [read_header(opened, end, at) for at, _ in listed] == [entry for _, entry in listed]
    opened.close()


def test_zip64_numbers_are_read_where_the_short_ones_are_full(tmp_path: Path) -> None:
    data = zip_bytes(ZipItem(b"IM1", b"one"))
    directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, end - directory,
                       directory) + struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    full = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    opened = window(tmp_path, data[:end] + wide + full)
    found = find_end(opened)
    assert (found.entries, found.offset, found.prefix, found.oddities) == (1, directory, 0, ())
    opened.close()
    liar = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 7, 7, end - directory, directory, 0)
    opened = window(tmp_path, data[:end] + wide + liar)
    assert find_end(opened).oddities == ("its two ends state different numbers",)
    opened.close()


def test_a_file_without_an_end_and_one_with_a_wrong_end_are_told_apart(tmp_path: Path) -> None:
    whole = zip_bytes(ZipItem(b"IM1", b"one"))
    opened = window(tmp_path, whole[:-1])
    with pytest.raises(NoEndError):
        find_end(opened)
    opened.close()
    opened = window(tmp_path, whole[40:])
    with pytest.raises(DamagedError) as error:
        find_end(opened)
    assert not isinstance(error.value, NoEndError)
    opened.close()


def test_one_part_of_a_split_zip_is_refused_with_words(tmp_path: Path) -> None:
    data = bytearray(zip_bytes(ZipItem(b"IM1", b"one")))
    struct.pack_into("<H", data, data.index(b"PK\x05\x06") + 4, 2)
    opened = window(tmp_path, bytes(data))
    with pytest.raises(UnsupportedError, match="split"):
        find_end(opened)
    opened.close()


def test_extra_fields_that_contradict_themselves_are_damage() -> None:
    wide = struct.pack("<HHQ", 1, 8, 5)
    assert fields(wide + b"\0\0") == {1: struct.pack("<Q", 5)}
    with pytest.raises(DamagedError):
        fields(wide + wide)
    with pytest.raises(DamagedError):
        fields(struct.pack("<HH", 1, 9) + b"12345678")


def test_the_unicode_path_field_counts_only_with_its_checksum() -> None:
    import zlib
    field = b"\x01" + struct.pack("<I", zlib.crc32(b"M?ller")) + "Müller".encode()
    assert text(b"M?ller", False, field) == "Müller"
    assert text(b"Meier", False, field) == "Meier"


@given(st.text())
def test_components_of_any_name_never_are_empty_or_hold_a_separator(name: str) -> None:
    parts, _ = components(name)
    assert all(part and "/" not in part and "\\" not in part and part != "." for part in parts)


@pytest.mark.skipif(not shutil.which("7z"), reason="7z makes the zip")
@pytest.mark.parametrize("medium", ["covid_pdi", "wg04", "pydicom_dirtests"])
def test_real_media_zipped_by_7z_give_the_same_files(
        real_data: Path, tmp_path: Path, medium: str) -> None:
    root = real_data / "media" / medium
    path = tmp_path / "a.zip"
    subprocess.run(["7z", "a", "-tzip", "-mx1", "-bd", str(path), "."], cwd=root, check=True,
                   capture_output=True, timeout=120)
    expected = {os.path.relpath(p, root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    with open_package(path, Limits(), scratch=tmp_path / "scratch") as package:
        assert package.findings == []
        for member in package.members():
            assert b"".join(package.span(member).chunks()) == expected.pop(member.label)
    assert not expected
