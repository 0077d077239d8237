"""Containers that only 7-Zip reads: unpacked under our own rules, and said so."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mediasvc.errors import BudgetError, DamagedError, MediasvcError, UnsupportedError
from mediasvc.media.package import open_package
from mediasvc.media.packed import seven_zip
from mediasvc.settings import Limits
from samples.synthesis import study, write_disc
from tests.conftest import Program

pytestmark = pytest.mark.skipif(seven_zip.program() is None, reason="no 7-Zip")


def pack(folder: Path, target: Path, *options: str) -> Path:
    tool = seven_zip.program()
    assert tool
    subprocess.run([tool, "a", "-bd", *options, str(target), "."], cwd=folder, check=True,
                   capture_output=True)
    return target


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    write_disc(tmp_path / "d", study(1, 1, count=3), extras={"README.TXT": b"hello", "EMPTY": b""})
    return tmp_path / "d"


def opened(path: Path, tmp_path: Path, **limits: object) -> dict[str, bytes]:
    found = Limits.model_validate(limits)
    with open_package(path, found, scratch=tmp_path / "scratch") as package:
        return {member.label: Path(package.span(member).path).read_bytes()
                for member in package.members()}


def test_archive_gives_the_same_files(disc: Path, tmp_path: Path) -> None:
    found = opened(pack(disc, tmp_path / "a.7z"), tmp_path)
    assert found == {path.relative_to(disc).as_posix(): path.read_bytes()
                     for path in disc.rglob("*") if path.is_file()}


def test_import_says_who_unpacked_it(cli: Program, disc: Path, tmp_path: Path) -> None:
    done = cli("ingest", pack(disc, tmp_path / "a.7z"))
    [package] = done.of("package")
    assert (package["instances"], package["kind"], package["missing"]) == (3, "archive", 0)
    [said] = [row for row in done.of("finding") if row["code"] == "read-by-7z"]
    assert (said["severity"], "7-Zip unpacked it" in said["text"]) == ("warning", True)


def test_without_7z_it_is_refused_with_words(disc: Path, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(disc, tmp_path / "a.7z")
    monkeypatch.setattr(seven_zip, "program", lambda: None)
    with pytest.raises(UnsupportedError, match="7-Zip is not installed here"):
        opened(path, tmp_path)


def test_names_that_climb_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "d" / "inner"
    folder.mkdir(parents=True)
    (tmp_path / "d" / "evil").write_bytes(b"x")
    (folder / "fine").write_bytes(b"y")
    (folder / "link").symlink_to("fine")
    tool = seven_zip.program()
    assert tool
    subprocess.run([tool, "a", "-bd", "-spf", "-snl", "../../a.7z", "../evil", "fine", "link"],
                   cwd=folder, check=True, capture_output=True)
    with open_package(tmp_path / "a.7z", Limits(), scratch=tmp_path / "s") as package:
        assert [member.label for member in package.members()] == ["fine"]
        assert {finding.rule for finding in package.findings} >= {"M10", "M14"}


def test_bomb_and_slowness_end_with_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "zeros").write_bytes(bytes(90 << 20))
    path = pack(tmp_path / "d", tmp_path / "a.7z", "-mx1")
    with pytest.raises(BudgetError, match="zip bomb"):
        opened(path, tmp_path)
    with pytest.raises(BudgetError):
        opened(path, tmp_path, package_bytes=1 << 20)
    monkeypatch.setattr(seven_zip, "SHARE", 0.0)
    with pytest.raises(BudgetError, match="took too long"):
        opened(path, tmp_path)


def test_damaged_archive_gives_what_its_checksums_prove(disc: Path, tmp_path: Path) -> None:
    path = pack(disc, tmp_path / "a.7z", "-mx0", "-ms=off")
    data = bytearray(path.read_bytes())
    place = bytes(data).index((disc / "README.TXT").read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with open_package(path, Limits(), scratch=tmp_path / "s") as package:
        members = {member.label: member for member in package.members()}
        assert len(members) == 6
        with pytest.raises(DamagedError, match="could not unpack it whole"):
            package.span(members.pop("README.TXT"))
        assert all(package.span(member).length == member.length for member in members.values())
        assert "archive-damaged" in {finding.code for finding in package.findings}


def test_cut_archive_and_one_with_a_password_are_refused(disc: Path, tmp_path: Path) -> None:
    path = pack(disc, tmp_path / "a.7z")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(MediasvcError):
        opened(path, tmp_path)
    with pytest.raises(UnsupportedError, match="with a password"):
        opened(pack(disc, tmp_path / "b.7z", "-psecret"), tmp_path)


@pytest.mark.skipif(not shutil.which("xorriso"), reason="no xorriso")
def test_disc_of_apple_without_iso_9660_is_read(disc: Path, tmp_path: Path) -> None:
    path = tmp_path / "apple.iso"
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-hfsplus", "-o", str(path), str(disc)],
                   check=True, capture_output=True)
    data = bytearray(path.read_bytes())
    data[32768:32768 + 8 * 2048] = bytes(8 * 2048)
    path.write_bytes(data)
    found = opened(path, tmp_path)
    images = {label.rpartition("/")[2]: data for label, data in found.items()
              if data[128:132] == b"DICM"}
    assert len(images) == 4
    assert images["DICOMDIR"] == (disc / "DICOMDIR").read_bytes()
