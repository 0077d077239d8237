"""Tars as they arrive, plain and packed, honest and hostile; judged like zips (M10 to M22)."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mediasvc.errors import BudgetError, MediasvcError
from mediasvc.media.package import Package, open_package
from mediasvc.media.structure import structure
from mediasvc.settings import Limits

LIMITS = Limits()
Opener = Callable[..., Package]
FILES = {"DICOMDIR": b"directory", "DICOM/IM1": bytes(range(256)) * 40, "DICOM/IM2": b"two",
         "EMPTY": b""}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.fixture
def drop(tmp_path: Path) -> Opener:
    """``drop(bytes)`` opens them as a package."""

    def opener(data: bytes, limits: Limits = LIMITS) -> Package:
        path = tmp_path / "drop.tar"
        path.write_bytes(data)
        return open_package(path, limits, scratch=tmp_path / "scratch")

    return opener


def tar(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT,
        *more: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as made:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
        for entry in more:
            made.addfile(entry)
    return out.getvalue()


def odd(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def contents(package: Package) -> dict[str, bytes]:
    return {m.label: b"".join(package.span(m).chunks()) for m in package.members()}


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_and_packing_is_read(drop: Opener, form: int, pack: str) -> None:
    long = {f"{'folder/' * 12}{'n' * 120}": b"long", "Größe/患者": b"names"}
    if form == tarfile.USTAR_FORMAT:
        long = {f"{'folder/' * 12}{'n' * 90}": b"long"}
    with drop(PACKERS[pack](tar(FILES | long, form))) as package:
        assert package.kind == "tar"
        assert contents(package) == FILES | long
        assert package.findings == []


def test_a_plain_tar_is_read_where_it_lies(drop: Opener, tmp_path: Path) -> None:
    with drop(tar(FILES)) as package:
        assert {package.span(m).path for m in package.members()} == {str(tmp_path / "drop.tar")}
        assert not (tmp_path / "scratch").exists()


@pytest.mark.skipif(not shutil.which("tar"), reason="tar not installed")
@pytest.mark.parametrize("form", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_what_the_tar_program_writes_is_read(tmp_path: Path, form: str) -> None:
    for name, data in FILES.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(data)
    made = tmp_path / "made.tar"
    subprocess.run(["tar", "-C", str(tmp_path / "tree"), f"--format={form}", "-cf", str(made), "."],
                   check=True, timeout=60)
    with open_package(made, LIMITS, scratch=tmp_path / "scratch") as package:
        assert contents(package) == FILES
        assert package.findings == []


@pytest.mark.skipif(not shutil.which("tar"), reason="tar not installed")
@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_files_with_holes_are_refused_and_the_rest_is_read(tmp_path: Path, form: str) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    with (tree / "HOLES").open("wb") as file:
        for at in range(40):
            file.seek(at << 20)
            file.write(b"x" * 4096)
    (tree / "ZLAST").write_bytes(b"last")
    made = tmp_path / "made.tar"
    subprocess.run(["tar", "-C", str(tree), "--sparse", f"--format={form}", "-cf", str(made),
                    "HOLES", "ZLAST"], check=True, timeout=60)
    with open_package(made, LIMITS, scratch=tmp_path / "scratch") as package:
        assert contents(package) == {"ZLAST": b"last"}
        assert [(f.rule, "holes" in f.text) for f in package.findings] == [("M14", True)]


@pytest.mark.parametrize(("kind", "words"), [
    (tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "link"), (tarfile.CHRTYPE, "device"),
    (tarfile.BLKTYPE, "device"), (tarfile.FIFOTYPE, "FIFO"), (b"Q", "unknown")])
def test_m14_links_and_devices_are_refused(drop: Opener, kind: bytes, words: str) -> None:
    with drop(tar(FILES, tarfile.PAX_FORMAT, odd("EVIL", kind, "/etc/passwd"))) as package:
        assert contents(package) == FILES
        [finding] = package.findings
        assert (finding.rule, finding.subject, words in finding.text) == ("M14", "EVIL", True)


def test_m10_names_that_climb_are_refused_and_absolute_ones_are_plain(drop: Opener) -> None:
    with drop(tar({"../evil": b"x", "a/../../b": b"y", "/etc/shadow": b"z"})) as package:
        assert contents(package) == {"etc/shadow": b"z"}
        assert [(f.rule, f.severity) for f in package.findings] == [
            ("M10", "error"), ("M10", "error"), ("M10", "warning")]


def test_m11_entries_of_the_same_name_are_all_kept(drop: Opener) -> None:
    data = tar({"IM1": b"one"})[:1024] + tar({"IM1": b"two"})[:1024] + tar({"im1": b"three"})
    with drop(data) as package:
        assert [b"".join(package.span(m).chunks()) for m in package.members()] == [
            b"one", b"two", b"three"]
        assert [(f.rule, f.severity) for f in package.findings] == [("M11", "warning")]


def test_m19_names_too_deep_or_too_long_are_refused_alone(drop: Opener) -> None:
    with drop(tar({"d/" * 2000 + "IM1": b"x", "n" * 300: b"y", "IM2": b"z"})) as package:
        assert contents(package) == {"IM2": b"z"}
        assert {f.rule for f in package.findings} == {"M19"}


@pytest.mark.parametrize("pack", ["gz", "bz2", "xz"])
def test_m16_a_bomb_is_stopped_while_it_grows(drop: Opener, tmp_path: Path, pack: str) -> None:
    bomb = PACKERS[pack](tar({"IM1": bytes(100 << 20)}))
    with pytest.raises(BudgetError, match="grows"):
        drop(bomb)
    with pytest.raises(BudgetError, match="more than"):
        drop(bomb, Limits(package_bytes=10 << 20, inflate_ratio=10**6))
    assert not list((tmp_path / "scratch").iterdir())


def test_m18_a_tar_with_too_many_entries_is_refused(drop: Opener) -> None:
    with pytest.raises(BudgetError):
        drop(tar({f"IM{n}": b"" for n in range(40)}), Limits(entries=30))


def test_m21_a_tar_that_breaks_off_gives_what_is_whole(drop: Opener) -> None:
    whole = tar(FILES)
    end = len(whole.rstrip(b"\0"))
    for length in range(600, end, 700):
        with drop(whole[:length]) as package:
            assert contents(package).items() <= FILES.items()
            assert any(f.severity == "error" and f.rule == "M21" for f in package.findings)


@pytest.mark.parametrize("pack", ["gz", "bz2", "xz"])
def test_m21_a_packed_tar_that_breaks_off_is_said_to_be_cut(drop: Opener, pack: str) -> None:
    noise = random.Random(3).randbytes(3 << 20)
    whole = PACKERS[pack](tar({"IM1": b"one" * 9, "IM2": noise, "IM3": b"three"}))
    for length in (len(whole) - 4, len(whole) - 30_000):
        for _ in range(2):  # the second reader finds it unpacked, and the finding all the same
            with drop(whole[:length]) as package:
                assert contents(package)["IM1"] == b"one" * 9
                assert "tar-cut" in {f.code for f in package.findings}


@pytest.mark.parametrize("pack", ["gz", "bz2", "xz"])
def test_m21_a_packed_tar_that_is_damaged_gives_what_is_before_and_is_said_to_be_so(
        drop: Opener, pack: str) -> None:
    noise = random.Random(3).randbytes(3 << 20)
    whole = bytearray(PACKERS[pack](tar({"IM1": b"one" * 9, "IM2": noise, "IM3": b"three"})))
    whole[len(whole) - 6 if pack == "gz" else len(whole) // 2] ^= 0xFF
    for _ in range(2):
        with drop(bytes(whole)) as package:
            assert contents(package)["IM1"] == b"one" * 9
            assert ("error", "tar-packing-damaged") in {
                (f.severity, f.code) for f in package.findings}


def test_m21_what_a_small_damaged_gzip_holds_before_the_damage_is_read(drop: Opener) -> None:
    """It is unpacked in one step, which would lose all of it."""
    files = {f"IM{n}": random.Random(n).randbytes(4000) for n in range(6)}
    whole = bytearray(gzip.compress(tar(files), mtime=0))
    whole[len(whole) * 3 // 4:len(whole) * 3 // 4 + 30] = bytes(30)
    with drop(bytes(whole)) as package:
        found = contents(package)
    assert {"IM0", "IM1", "IM2"} <= found.keys()
    assert all(found[name] == files[name] for name in ("IM0", "IM1", "IM2"))


def test_m20_a_damaged_header_is_said_and_what_is_before_is_read(drop: Opener) -> None:
    data = bytearray(tar({"A": b"a", "B": b"b", "C": b"c"}))
    data[1024 + 3] ^= 1
    with drop(bytes(data)) as package:
        assert contents(package) == {"A": b"a"}
        assert [(f.code, f.severity) for f in package.findings] == [("tar-damaged", "error")]


def test_m20_something_behind_the_end_is_said(drop: Opener) -> None:
    with drop(tar(FILES) + b"MZ hidden") as package:
        assert contents(package) == FILES
        assert [(f.rule, f.code) for f in package.findings] == [("M20", "tar-goes-on")]


def test_streams_behind_each_other_are_one(drop: Opener) -> None:
    data = tar(FILES)
    with drop(gzip.compress(data[:5000]) + gzip.compress(data[5000:]) + bytes(900)) as package:
        assert contents(package) == FILES
        assert package.findings == []


def test_the_worst_numbers_never_crash(drop: Opener) -> None:
    honest = tar(FILES, tarfile.PAX_FORMAT, odd("LINK", tarfile.SYMTYPE, "x"))
    dice = random.Random(1)
    for _ in range(200):
        data = bytearray(honest)
        start = dice.randrange(len(FILES)) * 512
        for _ in range(dice.choice((1, 2, 5))):
            data[start + dice.choice((*range(124, 136), 156, 345, 482))] = dice.randrange(256)
        total = sum(data[start:start + 148]) + 8 * 32 + sum(data[start + 156:start + 512])
        data[start + 148:start + 156] = b"%06o\0 " % total
        try:
            with drop(bytes(data)) as package:
                contents(package)
        except MediasvcError:
            continue


def test_m23_a_tar_that_is_still_being_copied_is_growing(tmp_path: Path) -> None:
    whole = tar(FILES)
    path = tmp_path / "drop.tar"
    for length in range(600, len(whole.rstrip(b"\0")), 900):
        path.write_bytes(whole[:length])
        assert structure(path).state == "growing", length
    path.write_bytes(whole)
    assert structure(path).state == "complete"


def test_a_packed_file_that_is_no_tar_is_a_file(drop: Opener) -> None:
    with drop(gzip.compress(b"a report")) as package:
        assert (package.kind, len(package)) == ("file", 1)


def test_m17_a_tar_on_a_disc_is_opened_like_a_zip(tmp_path: Path) -> None:
    (tmp_path / "disc").mkdir()
    (tmp_path / "disc" / "IMAGES.TAR.GZ").write_bytes(gzip.compress(tar(FILES)))
    with open_package(tmp_path / "disc", LIMITS, scratch=tmp_path / "scratch") as package:
        assert set(contents(package)) == {f"IMAGES.TAR.GZ!/{name}" for name in FILES}
        assert package.unchanged(package.member(0))
        os.utime(tmp_path / "disc" / "IMAGES.TAR.GZ")
        assert not package.unchanged(package.member(0))
