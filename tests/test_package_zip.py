"""Zips as they arrive, honest and hostile. Rows M10 to M23 of the fault catalogue by name."""

from __future__ import annotations

import io
import os
import random
import shutil
import stat
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_media import (
    DEVICE,
    FIFO,
    REGULAR,
    SYMLINK,
    ZipItem,
    deflate,
    encrypted_item,
    image,
    overlapping_zip,
    zip_bytes,
)

from mediasvc.errors import (
    BudgetError,
    DamagedError,
    MediumError,
    PasswordNeeded,
    UnsupportedError,
)
from mediasvc.media.package import Package, open_package
from mediasvc.media.structure import structure
from mediasvc.settings import MIB, Limits

LIMITS = Limits()
Opener = Callable[..., Package]


@pytest.fixture
def zipped(tmp_path: Path) -> Opener:
    """``zipped(data)`` opens these bytes as a package."""

    def opener(data: bytes, limits: Limits = LIMITS, password: str | None = None) -> Package:
        path = tmp_path / "drop.zip"
        path.write_bytes(data)
        return open_package(path, limits, scratch=tmp_path / "scratch", password=password)

    return opener


def contents(package: Package) -> dict[str, bytes]:
    return {m.label: b"".join(package.span(m).chunks()) for m in package.members()}


def rules(package: Package) -> list[tuple[str, str]]:
    return [(finding.rule, finding.subject) for finding in package.findings]


def test_packed_and_stored_files_are_read_in_the_order_of_their_bytes(
        zipped: Opener, tmp_path: Path) -> None:
    data = zip_bytes(ZipItem(b"DICOM/IM1", b"one" * 99), ZipItem(b"DICOM/", mode=0o040755),
                     ZipItem(b"DICOMDIR", b"directory", method=0), ZipItem(b"EMPTY"))
    with zipped(data) as package:
        assert package.kind == "zip"
        assert contents(package) == {"DICOM/IM1": b"one" * 99, "DICOMDIR": b"directory",
                                     "EMPTY": b""}
        assert package.findings == []
        packed, stored, _ = package.members()
        assert package.span(stored).path == str(tmp_path / "drop.zip")
        span = package.span(packed)
        assert Path(span.path).parent == tmp_path / "scratch"
        assert stat.S_IMODE(os.stat(span.path).st_mode) == 0o600
        assert Path(span.path).name == "00000000"
        assert packed.parts == ("DICOM", "IM1")


def test_zips_of_the_standard_library_are_read_without_a_finding(zipped: Opener) -> None:
    buffer = io.BytesIO()
    files = {f"DICOM/ST1/IM{n:06d}": random.Random(n).randbytes(n * 100) for n in range(50)}
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, (name, data) in enumerate(files.items()):
            archive.writestr(name, data, zipfile.ZIP_DEFLATED if number % 2 else zipfile.ZIP_STORED)
        with archive.open("ZIP64", "w", force_zip64=True) as file:
            file.write(b"wide")
    with zipped(buffer.getvalue()) as package:
        assert contents(package) == files | {"ZIP64": b"wide"}
        assert package.findings == []


def test_a_zip_written_as_a_stream_is_read_without_a_finding(zipped: Opener) -> None:
    class Pipe(io.RawIOBase):
        """Cannot seek, so that lengths follow the data."""

        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        archive.writestr("IM1", b"one" * 1000)
        archive.writestr("IM2", b"two" * 1000)
    with zipped(pipe.data) as package:
        assert contents(package) == {"IM1": b"one" * 1000, "IM2": b"two" * 1000}
        assert package.findings == []


@pytest.mark.parametrize("name", [b"../../etc/passwd", b"DICOM/../../IM1", b"..\\..\\IM1"])
def test_m10_a_name_that_climbs_is_refused_and_the_rest_is_read(
        zipped: Opener, name: bytes) -> None:
    with zipped(zip_bytes(ZipItem(name, b"evil"), ZipItem(b"etc/passwd", b"good"))) as package:
        assert contents(package) == {"etc/passwd": b"good"}
        [finding] = package.findings
        assert (finding.severity, finding.rule) == ("error", "M10")


@pytest.mark.parametrize("name", [
    b"/DICOM/IM1", b"C:\\DICOM\\IM1", b"DICOM\\IM1", b"//DICOM//./IM1"])
def test_m10_absolute_and_backslash_names_are_only_labels(zipped: Opener, name: bytes) -> None:
    with zipped(zip_bytes(ZipItem(name, b"good"))) as package:
        [member] = package.members()
        assert member.parts == ("DICOM", "IM1")
        assert [(f.rule, f.severity) for f in package.findings] == [("M10", "warning")]


def test_m11_entries_of_one_name_are_items_of_their_own(zipped: Opener) -> None:
    data = zip_bytes(ZipItem(b"IM1", b"first"), ZipItem(b"IM1", b"second"), ZipItem(b"im1", b"3rd"))
    with zipped(data) as package:
        assert [b"".join(package.span(m).chunks()) for m in package.members()] == [
            b"first", b"second", b"3rd"]
        assert [m.number for m in package.members()] == [0, 1, 2]
        assert [(f.rule, f.severity) for f in package.findings] == [("M11", "warning")]


def test_m12_windows_device_names_and_streams_are_only_labels(zipped: Opener) -> None:
    names = [b"aux", b"IM1:ads", b"IM1.", b"CON.dcm"]
    with zipped(zip_bytes(*(ZipItem(name, name) for name in names))) as package:
        assert set(contents(package).values()) == set(names)


def test_m13_names_that_deceive_are_written_out(zipped: Opener) -> None:
    data = zip_bytes(ZipItem(b"IM1\0.exe", b"a"), ZipItem(b"x\x1b[2J\ny", b"b"),
                     ZipItem("gnp.\u202eexe".encode(), b"c", flags=0x800))
    with zipped(data) as package:
        assert set(contents(package)) == {"IM1\\x00.exe", "x\\x1b[2J\\x0ay", "gnp.\\u202eexe"}
        assert rules(package) == [("M13", "IM1\\x00.exe")]


@pytest.mark.parametrize(("raw", "flags", "shown"), [
    ("Müller".encode("cp437"), 0, "Müller"), ("Müller".encode(), 0, "Müller"),
    ("山田".encode("cp932"), 0, "山田"), ("山田".encode(), 0x800, "山田"),
    (b"\xff\xfe", 0x800, "\\xff\\xfe"),
])
def test_names_in_old_character_sets_are_shown_as_they_were_meant(
        zipped: Opener, raw: bytes, flags: int, shown: str) -> None:
    with zipped(zip_bytes(ZipItem(raw, b"x", flags=flags))) as package:
        assert [m.label for m in package.members()] == [shown]


@pytest.mark.parametrize("mode", [SYMLINK, FIFO, DEVICE])
def test_m14_links_and_devices_in_a_zip_are_refused(zipped: Opener, mode: int) -> None:
    data = zip_bytes(ZipItem(b"LINK", b"/etc/passwd", mode=mode),
                     ZipItem(b"IM1", b"x", mode=REGULAR))
    with zipped(data) as package:
        assert contents(package) == {"IM1": b"x"}
        assert rules(package) == [("M14", "LINK")]


def test_m15_entries_that_share_their_bytes_are_refused(zipped: Opener) -> None:
    bomb = overlapping_zip([b"%d" % n for n in range(50)], bytes(100_000))
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        assert len(archive.read("0")) > 100_000  # the bomb is a working one
    with zipped(bomb) as package:
        assert len(package) == 0
        assert {f.rule for f in package.findings} == {"M15"}
        assert len(package.findings) == 50


def test_m15_a_bomb_of_sixty_thousand_overlapping_entries_is_refused_whole(zipped: Opener) -> None:
    data = zip_bytes(*(ZipItem(b"%d" % n, offset=0, packed=b"") for n in range(60_000)))
    with pytest.raises(BudgetError):
        zipped(data)


def test_m15_an_entry_that_runs_into_the_list_is_refused(zipped: Opener) -> None:
    honest = ZipItem(b"IM1", b"x" * 50, method=0)
    data = bytearray(zip_bytes(honest))
    for at in (18, 22, data.index(b"PK\x01\x02") + 20, data.index(b"PK\x01\x02") + 24):
        struct.pack_into("<I", data, at, 60)
    with zipped(bytes(data)) as package:
        assert rules(package) == [("M15", "IM1")]


def test_m16_an_entry_that_grows_too_much_is_stopped_while_it_grows(zipped: Opener) -> None:
    data = zip_bytes(ZipItem(b"BOMB", bytes(80 * MIB)), ZipItem(b"IM1", b"good"))
    with zipped(data) as package:
        bomb, good = package.members()
        with pytest.raises(BudgetError, match="grows more than 250 times"):
            package.span(bomb)
        assert package.span(good).length == 4
        assert not list(Path(package.path).parent.glob("scratch/*.part"))


def test_m16_an_entry_that_lies_about_its_length_is_stopped_at_that_length(zipped: Opener) -> None:
    with zipped(zip_bytes(ZipItem(b"LIAR", bytes(10 * MIB), length=100))) as package:
        [liar] = package.members()
        with pytest.raises(DamagedError, match="more bytes than the zip says"):
            package.span(liar)


def test_m16_a_package_over_its_budget_is_refused_before_it_is_unpacked(zipped: Opener) -> None:
    data = zip_bytes(*(ZipItem(b"IM%d" % n, bytes(MIB)) for n in range(5)))
    with pytest.raises(BudgetError, match="holds more than"):
        zipped(data, Limits(package_bytes=4 * MIB))


def test_m16_a_file_over_its_own_limit_is_refused_alone(zipped: Opener) -> None:
    data = zip_bytes(ZipItem(b"LONG", bytes(2 * MIB)), ZipItem(b"IM1", b"x"))
    with zipped(data, Limits(member_bytes=MIB)) as package:
        assert [m.label for m in package.members()] == ["IM1"]
        assert rules(package) == [("M16", "LONG")]


def test_m17_a_zip_in_a_zip_is_opened_like_a_folder(zipped: Opener) -> None:
    inner = zip_bytes(ZipItem(b"IM1", b"inner" * 100), ZipItem(b"IM2", b"x", method=0))
    for method in (0, 8):
        data = zip_bytes(ZipItem(b"DICOM/inner.zip", inner, method=method),
                         ZipItem(b"IM1", b"outer"))
        with zipped(data) as package:
            assert contents(package) == {"IM1": b"outer", "DICOM/inner.zip!/IM1": b"inner" * 100,
                                         "DICOM/inner.zip!/IM2": b"x"}
            assert [m.parts for m in package.members()][1] == ("DICOM", "inner.zip", "IM1")
            assert all(package.unchanged(m) for m in package.members())
            assert package.findings == []


def test_m17_an_iso_in_a_zip_is_opened_too(zipped: Opener) -> None:
    disc = image({"DICOMDIR": b"directory"}).bytes()
    with zipped(zip_bytes(ZipItem(b"disc.iso", disc))) as package:
        assert contents(package) == {"disc.iso!/DICOMDIR": b"directory"}


def test_m17_two_readers_of_one_package_do_not_disturb_each_other(zipped: Opener) -> None:
    data = zip_bytes(ZipItem(b"inner.zip", zip_bytes(ZipItem(b"IM1", b"x", method=0)) + bytes(9)))
    with zipped(data) as one, open_package(one.path, LIMITS,
                                           scratch=one.path.parent / "scratch") as two:
        for package in (one, two):
            [member] = package.members()
            assert b"".join(package.span(member).chunks()) == b"x"
            assert package.unchanged(member)


def test_m17_a_zip_nested_too_deeply_is_not_opened_and_said_so(zipped: Opener) -> None:
    data = b"the innermost"
    for _ in range(3):
        data = zip_bytes(ZipItem(b"r.zip", data))
    with zipped(data) as package:
        assert [m.label for m in package.members()] == ["r.zip!/r.zip"]
        assert [(f.code, f.rule, f.subject) for f in package.findings] == [
            ("container-not-opened", "M17", "r.zip!/r.zip")]
    with zipped(data, Limits(nesting=2)) as package:
        assert [m.label for m in package.members()] == ["r.zip!/r.zip!/r.zip"]
        assert [f.code for f in package.findings] == ["container-not-opened"]


def test_m17_the_budget_is_shared_by_all_levels(zipped: Opener) -> None:
    inner = zip_bytes(*(ZipItem(b"IM%d" % n, b"x") for n in range(10)))
    data = zip_bytes(ZipItem(b"a.zip", inner), ZipItem(b"b.zip", inner))
    with zipped(data, Limits(entries=15)) as package:
        assert len(package) == 10
        assert rules(package) == [("M17", "b.zip")]


def test_m17_trouble_inside_a_nested_zip_is_named_with_its_place(zipped: Opener) -> None:
    inner = zip_bytes(ZipItem(b"../IM1", b"x"), ZipItem(b"IM2", b"y"))
    broken = zip_bytes(ZipItem(b"IM1", b"x"))[5:]
    secret = zip_bytes(encrypted_item(b"IM1", b"x", b"pw"))
    data = zip_bytes(ZipItem(b"a.zip", inner), ZipItem(b"b.zip", secret),
                     ZipItem(b"c.zip", b"no zip"), ZipItem(b"d.zip", b"PK\x03\x04" + broken[:40]))
    with zipped(data) as package:
        assert rules(package) == [("M10", "a.zip!/../IM1"), ("M17", "b.zip"), ("M17", "d.zip")]
        assert [m.label for m in package.members()] == ["b.zip", "c.zip", "d.zip", "a.zip!/IM2"]


def test_m18_too_many_entries_are_refused_by_the_end_record_alone(zipped: Opener) -> None:
    data = zip_bytes(*(ZipItem(b"%d" % n) for n in range(30)))
    with pytest.raises(BudgetError, match="more than 29 files"):
        zipped(data, Limits(entries=29))


def test_m19_a_name_of_two_thousand_folders_or_300_letters_costs_only_itself(
        zipped: Opener) -> None:
    data = zip_bytes(ZipItem(b"d/" * 2000 + b"IM1", b"x"), ZipItem(b"n" * 300, b"x"),
                     ZipItem(b"IM1", b"good"))
    with zipped(data) as package:
        assert contents(package) == {"IM1": b"good"}
        assert [f.rule for f in package.findings] == ["M19", "M19"]
        assert all(len(f.subject) <= 1024 for f in package.findings)


@pytest.mark.parametrize("changes", [
    {"local_name": b"IM2"}, {"local_method": 0}, {"local_length": 7}, {"offset": 3},
])
def test_m20_an_entry_whose_two_headers_disagree_is_refused(
        zipped: Opener, changes: dict[str, object]) -> None:
    data = zip_bytes(ZipItem(b"IM1", b"one", **changes),  # type: ignore[arg-type]
                     ZipItem(b"IM3", b"three"))
    with zipped(data) as package:
        assert contents(package) == {"IM3": b"three"}
        assert [(f.rule, f.severity) for f in package.findings] == [
                ("M20", "error"), ("M21", "error")]


@pytest.mark.parametrize("options", [
    {"prefix": b"MZ this is a program"}, {"between": b"hidden"}, {"comment": zip_bytes()},
    {"gap": zip_bytes(ZipItem(b"HIDDEN", b"x"))[:40]},
])
def test_m20_a_zip_that_others_may_read_differently_is_flagged(
        zipped: Opener, options: dict[str, bytes]) -> None:
    with zipped(zip_bytes(ZipItem(b"IM1", b"one"), **options)) as package:
        assert contents(package) == {"IM1": b"one"}
        assert [(f.rule, f.code, f.severity) for f in package.findings] == [
            ("M20", "zip-ambiguous", "error")]


def test_m20_padding_between_entries_is_only_odd(zipped: Opener) -> None:
    with zipped(zip_bytes(ZipItem(b"IM1", b"one"), gap=bytes(7))) as package:
        assert [(f.code, f.severity) for f in package.findings] == [("zip-ambiguous", "warning")]


def test_m20_bytes_after_the_end_are_flagged(zipped: Opener) -> None:
    with zipped(zip_bytes(ZipItem(b"IM1", b"one")) + b"trailing") as package:
        assert contents(package) == {"IM1": b"one"}
        assert [f.rule for f in package.findings] == ["M20"]


def test_m20_an_image_that_is_a_zip_as_well_is_flagged(tmp_path: Path) -> None:
    path = tmp_path / "IM1.dcm"
    path.write_bytes(bytes(128) + b"DICM" + bytes(50) + zip_bytes(ZipItem(b"IM1", b"one")))
    with open_package(path, LIMITS, scratch=tmp_path) as package:
        assert package.kind == "file"
        assert [(f.rule, f.code) for f in package.findings] == [("M20", "polyglot")]


def test_m20_bytes_after_the_packed_data_of_an_entry_are_refused(zipped: Opener) -> None:
    item = ZipItem(b"IM1", b"one", packed=deflate(b"one") + b"smuggled")
    with zipped(zip_bytes(item)) as package, pytest.raises(DamagedError, match="after its end"):
        contents(package)


def test_m21_a_wrong_checksum_costs_one_file(zipped: Opener) -> None:
    for method in (0, 8):
        data = zip_bytes(ZipItem(b"BAD", b"bad", method, crc=1), ZipItem(b"GOOD", b"good", method))
        with zipped(data) as package:
            bad, good = package.members()
            with pytest.raises(DamagedError, match="checksum"):
                package.span(bad)
            assert package.span(good).length == 4
            assert not list((package.path.parent / "scratch").glob("*0"))


@pytest.mark.parametrize("flags", [0, 8])
def test_m21_a_truncated_zip_gives_what_is_whole_and_is_flagged(zipped: Opener, flags: int) -> None:
    items = [ZipItem(b"IM%d" % n, random.Random(n).randbytes(500), flags=flags) for n in range(5)]
    whole = zip_bytes(*items)
    for length in (len(whole) - 1, whole.index(b"PK\x01\x02") + 10, 1800):
        with zipped(whole[:length]) as package:
            expected = {f"IM{n}": items[n].data for n in range(5 if length > 1800 else 3)}
            assert contents(package) == expected
            [finding] = package.findings
            assert (finding.code, finding.rule) == ("archive-damaged", "M21")
            assert f"{len(expected)} of its files" in finding.text


def test_m21_a_zip_cut_within_its_first_file_is_refused(zipped: Opener) -> None:
    with pytest.raises(DamagedError):
        zipped(zip_bytes(ZipItem(b"IM1", bytes(range(256))))[:60])


def test_m22_an_encrypted_zip_asks_for_its_password(zipped: Opener) -> None:
    data = zip_bytes(encrypted_item(b"IM1", b"secret" * 99, b"geheim"),
                     ZipItem(b"README", b"plain"))
    with pytest.raises(PasswordNeeded, match="its password is needed"):
        zipped(data)
    with pytest.raises(PasswordNeeded, match="does not open"):
        zipped(data, password="falsch")
    with zipped(data, password="geheim") as package:
        assert contents(package) == {"IM1": b"secret" * 99, "README": b"plain"}
        assert package.findings == []


def test_m22_a_password_with_accents_opens_whatever_wrote_it(zipped: Opener) -> None:
    for encoding in ("utf-8", "cp437", "cp1252"):
        data = zip_bytes(encrypted_item(b"IM1", b"secret", "Schlüssel".encode(encoding)))
        with zipped(data, password="Schlüssel") as package:
            assert contents(package) == {"IM1": b"secret"}


def test_m22_an_entry_with_another_password_costs_only_itself(zipped: Opener) -> None:
    many = [encrypted_item(b"IM%d" % n, b"x" * 99, b"one") for n in range(9)]
    data = zip_bytes(*many, encrypted_item(b"OTHER", b"y" * 99, b"two"))
    with zipped(data, password="one") as package:
        *same, other = package.members()
        assert all(package.span(m).length == 99 for m in same)
        with pytest.raises(DamagedError):
            package.span(other)


@pytest.mark.parametrize(("method", "name"), [(9, "Deflate64"), (14, "LZMA"), (77, "method 77")])
def test_m22_an_unknown_method_is_refused_by_name(zipped: Opener, method: int, name: str) -> None:
    data = zip_bytes(ZipItem(b"IM1", b"x", method=method), ZipItem(b"IM2", b"good"))
    with zipped(data) as package:
        assert contents(package) == {"IM2": b"good"}
        assert rules(package) == [("M22", "IM1")]
        assert name in package.findings[0].text


@pytest.mark.skipif(not shutil.which("7z"), reason="7z makes the zip")
@pytest.mark.parametrize("method", ["ZipCrypto", "AES128", "AES192", "AES256"])
def test_m22_password_zips_of_7z_are_read(zipped: Opener, tmp_path: Path, method: str) -> None:
    if method != "ZipCrypto":
        pytest.importorskip("cryptography")
    data = random.Random(5).randbytes(100_000) + bytes(500_000)
    (tmp_path / "IM1").write_bytes(data)
    subprocess.run(["7z", "a", "-tzip", "-bd", "-pgeheim", f"-mem={method}", "made.zip", "IM1"],
                   cwd=tmp_path, check=True, capture_output=True, timeout=60)
    made = (tmp_path / "made.zip").read_bytes()
    with zipped(made, password="geheim") as package:
        assert contents(package) == {"IM1": data}
    with pytest.raises(PasswordNeeded):
        zipped(made, password="falsch")
    broken = bytearray(made)
    broken[5000] ^= 1
    with zipped(bytes(broken), password="geheim") as package, pytest.raises(DamagedError):
        contents(package)


def test_m22_an_aes_zip_without_the_library_says_what_to_install(
        zipped: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib
    import sys
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)
    salt = bytes(16)
    check = hashlib.pbkdf2_hmac("sha1", b"geheim", salt, 1000, 66)[-2:]
    extra = struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, 8)
    item = ZipItem(b"IM1", b"x", method=99, flags=1, packed=salt + check + bytes(13), extra=extra)
    with pytest.raises(PasswordNeeded):
        zipped(zip_bytes(item))
    with pytest.raises(UnsupportedError) as error:
        zipped(zip_bytes(item), password="geheim")
    assert "mediasvc[secure]" in error.value.advice


def test_m23_a_zip_that_is_still_being_copied_is_growing_until_its_end_is_there(
        tmp_path: Path) -> None:
    whole = zip_bytes(*(ZipItem(b"IM%d" % n, random.Random(n).randbytes(900)) for n in range(9)))
    path = tmp_path / "drop.zip"
    for length in range(0, len(whole), 517):
        path.write_bytes(whole[:length])
        assert structure(path).state == "growing", length
    path.write_bytes(whole)
    assert structure(path).state == "complete"
    path.write_bytes(whole[:200] + whole[220:])
    assert structure(path).state == "damaged"
    assert structure(tmp_path / "gone.zip").state == "growing"
    assert structure(tmp_path).state == "complete"


def test_m28_a_disc_that_cannot_be_read_is_refused_with_words(
        zipped: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipped(zip_bytes(ZipItem(b"IM1", b"one"))) as package:
        def scratched(*_: object) -> bytes:
            raise OSError(5, "Input/output error")
        monkeypatch.setattr(os, "pread", scratched)
        with pytest.raises(MediumError, match="from byte 0 on"):
            open_package(package.path, LIMITS, scratch=package.path.parent)


def test_m25_a_zip_replaced_while_it_is_read_is_noticed(zipped: Opener) -> None:
    with zipped(zip_bytes(ZipItem(b"IM1", b"one"))) as package:
        [image_] = package.members()
        assert package.unchanged(image_)
        package.path.write_bytes(zip_bytes(ZipItem(b"IM1", b"other")))
        assert not package.unchanged(image_)
