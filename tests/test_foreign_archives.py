"""Archives of every kind that only 7-Zip reads: the right state, with the right words.

Most are written by `foreign_archives`, not by 7-Zip, so that it is tested as what reads them.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from mediasvc.media.package import open_package
from mediasvc.media.packed import seven_zip
from mediasvc.model import Finding
from mediasvc.settings import Limits
from samples.synthesis import study, write_disc
from tests import foreign_archives
from tests.conftest import Program
from tests.test_seven_zip import pack

pytestmark = pytest.mark.skipif(seven_zip.program() is None, reason="no 7-Zip")
KINDS = sorted(foreign_archives.WRITERS)
HOSTILE = {"../../evil": b"1", "fine": b"3"}


def disc_files(folder: Path) -> dict[str, bytes]:
    write_disc(folder, study(1, 1, count=3), extras={"README.TXT": b"hello"})
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def opened(path: Path, **limits: object) -> tuple[dict[str, bytes], list[Finding]]:
    with open_package(path, Limits.model_validate(limits),
                      scratch=path.with_suffix(".scratch")) as package:
        files = {}
        for member in package.members():
            with suppress(DamagedError):
                files[member.label] = Path(package.span(member).path).read_bytes()
        return files, package.findings


def file(folder: Path, data: bytes) -> Path:
    (folder / "a").write_bytes(data)
    return folder / "a"


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_comes_out_as_it_went_in(kind: str, tmp_path: Path) -> None:
    files = disc_files(tmp_path / "d")
    found, findings = opened(file(tmp_path, foreign_archives.WRITERS[kind](files)))
    assert found == files
    assert [one.code for one in findings] == ["read-by-7z"]


@pytest.mark.parametrize("kind", ["-twim", "-t7z"])
def test_what_7z_itself_writes_comes_out_too(kind: str, tmp_path: Path) -> None:
    files = disc_files(tmp_path / "d")
    assert opened(pack(tmp_path / "d", tmp_path / "a.bin", kind))[0] == files


@pytest.mark.parametrize(("program", "command"), [
    ("gcab", ["-c", "-z", "{out}"]), ("arj", ["a", "-r", "-i", "{out}"]),
    ("jlha", ["aq", "{out}"])])
def test_what_other_programs_pack_comes_out_too(program: str, command: list[str], tmp_path: Path,
                                                ) -> None:
    """Really compressed, where the program is installed."""
    if not shutil.which(program):
        pytest.skip(f"no {program}")
    files = disc_files(tmp_path / "d")
    out = tmp_path / ("a.arj" if program == "arj" else "a.bin")
    subprocess.run([program, *(one.format(out=out) for one in command), *sorted(files)],
                   cwd=tmp_path / "d", check=True, capture_output=True, timeout=30)
    assert opened(out)[0] == files


@pytest.mark.parametrize("kind", ["cab", "rar5", "arj"])
def test_import_ends_in_the_right_state(kind: str, cli: Program, tmp_path: Path) -> None:
    files = disc_files(tmp_path / "d")
    files.pop(max(name for name in files if name.startswith("DICOM/")))
    done = cli("ingest", file(tmp_path, foreign_archives.WRITERS[kind](files)))
    [package] = done.of("package")
    assert (package["state"], package["kind"]) == ("waiting", "archive")
    assert (package["instances"], package["held"], package["missing"]) == (2, 2, 1)
    assert {"read-by-7z", "incomplete"} <= {row["code"] for row in done.of("finding")}


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_seen_and_never_taken_for_whole(kind: str, tmp_path: Path) -> None:
    files = disc_files(tmp_path / "d")
    data = bytearray(foreign_archives.WRITERS[kind](files))
    data[bytes(data).index(b"hello")] ^= 1
    found, findings = opened(file(tmp_path, bytes(data)))
    codes = {one.code for one in findings}
    if kind != "cab":  # whose checksum of 0 says that there is none
        assert "README.TXT" not in found
        assert "archive-damaged" in codes
    cut = file(tmp_path, bytes(data[:len(data) * 2 // 3]))
    shutil.rmtree(cut.with_suffix(".scratch"))
    try:
        found, findings = opened(cut)
    except DamagedError as error:  # nothing of it came out
        found, findings = {}, [Finding("error", "archive-damaged", "", str(error))]
    assert len(found) < len(files)
    assert "archive-damaged" in {one.code for one in findings}


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_header_of_a_file_is_never_taken_for_the_end(kind: str, tmp_path: Path) -> None:
    """7-Zip stops there in silence, as if nothing more came."""
    files = {f"DICOM/A{number}": bytes([64 + number]) * 30 for number in range(1, 4)}
    whole = foreign_archives.WRITERS[kind](files)
    first, second = (whole.index(data) for data in list(files.values())[:2])
    spots = range(first - 8, first) if kind == "cab" else range(first + 30, second, 4)
    quiet = []
    for spot in spots:
        data = bytearray(whole)
        data[spot] ^= 0x40
        with suppress(DamagedError):
            found, findings = opened(file(tmp_path, bytes(data)))
            if len(found) < len(files) and "archive-damaged" not in {f.code for f in findings}:
                quiet.append(spot)
        shutil.rmtree(tmp_path / "a.scratch", ignore_errors=True)
    assert not quiet


def test_padding_behind_an_archive_is_no_damage(tmp_path: Path) -> None:
    files = disc_files(tmp_path / "d")
    found, findings = opened(file(tmp_path, foreign_archives.lzh(files) + bytes(2048)))
    assert (found, [one.code for one in findings]) == (files, ["read-by-7z"])


def test_manifest_names_the_file_that_an_archive_lists_and_cannot_give(
        cli: Program, tmp_path: Path) -> None:
    files = disc_files(tmp_path / "d")
    del files["DICOMDIR"]
    data = bytearray(foreign_archives.rar4(files))
    data[bytes(data).index(files["README.TXT"])] ^= 1
    done = cli("ingest", file(tmp_path, bytes(data)))
    [package] = done.of("package")
    assert (package["state"], package["held"], package["quarantined"]) == ("waiting", 3, 1)
    rows = {row["label"]: row for row in cli("manifest", package["package"]).of("file")}
    assert rows.keys() == files.keys()
    assert rows["README.TXT"]["state"] == "quarantined"


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_climb_never_leave(kind: str, tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    home.mkdir(parents=True)
    found, findings = opened(file(home, foreign_archives.WRITERS[kind](HOSTILE)))
    assert "fine" in found
    assert not any(".." in name.split("/") for name in found)
    refused = any(one.rule == "M10" for one in findings)
    assert refused or "evil" in found  # 7-Zip itself takes the dots away from some kinds
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert {path.name for path in home.iterdir()} == {"a", "a.scratch"}


@pytest.mark.parametrize("data", [
    foreign_archives.rar4({"link": b"/etc/passwd"}, mode=0o120777),
    foreign_archives.rar5({"link": b""}, link_to="/etc/passwd")], ids=["rar4", "rar5"])
def test_links_are_not_followed(data: bytes, tmp_path: Path) -> None:
    found, findings = opened(file(tmp_path, data))
    assert found == {}
    assert "M14" in {one.rule for one in findings}


@pytest.mark.parametrize("kind", KINDS)
def test_more_than_the_limits_allow_is_refused(kind: str, tmp_path: Path) -> None:
    path = file(tmp_path, foreign_archives.WRITERS[kind]({"zeros": bytes(2 << 20)}))
    with pytest.raises(BudgetError):
        opened(path, package_bytes=1 << 20)


@pytest.mark.parametrize("data", [
    foreign_archives.rar4({"A": b"abc"}, encrypted=True)], ids=["rar4"])
def test_password_is_said(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="with a password"):
        opened(file(tmp_path, data))


def test_names_that_are_encrypted_are_said_too(tmp_path: Path) -> None:
    disc_files(tmp_path / "d")
    with pytest.raises(UnsupportedError, match="with a password"):
        opened(pack(tmp_path / "d", tmp_path / "a.7z", "-psecret", "-mhe=on"))


@pytest.mark.parametrize("data", [
    foreign_archives.rar4({"A": b"abc" * 99}, method=0x33),
    foreign_archives.rar5({"A": b"abc" * 99}, method=3)], ids=["rar4", "rar5"])
def test_rar_that_this_7z_cannot_unpack_says_what_is_lacking(
        data: bytes, tmp_path: Path) -> None:
    tool = seven_zip.program()
    assert tool
    known = subprocess.run([tool, "i"], capture_output=True, text=True, check=True).stdout
    if "Rar3" in known or "40301" in known:
        pytest.skip("this 7-Zip has the module for RAR")
    with pytest.raises(UnsupportedError, match="does not know") as error:
        opened(file(tmp_path, data))
    assert "p7zip-rar" in str(error.value)


@pytest.mark.skipif(not shutil.which("xorriso"), reason="no xorriso")
def test_apple_disk_image_is_opened_down_to_its_files(tmp_path: Path) -> None:
    files = disc_files(tmp_path / "d")
    disc = tmp_path / "disc.iso"
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-hfsplus", "-o", str(disc),
                    str(tmp_path / "d")], check=True, capture_output=True)
    volume = bytearray(disc.read_bytes())
    volume[32768:32768 + 8 * 2048] = bytes(8 * 2048)
    found, _ = opened(file(tmp_path, foreign_archives.dmg(bytes(volume))))
    images = {label.rpartition("/")[2]: data for label, data in found.items()
              if data[128:132] == b"DICM"}
    assert len(images) == 4
    assert images["DICOMDIR"] == files["DICOMDIR"]


@pytest.mark.parametrize("text", [b"a note about -lh5- methods", b"\x60\xea\xff\xff" + bytes(40)])
def test_other_files_are_not_taken_for_archives(text: bytes, tmp_path: Path) -> None:
    with open_package(file(tmp_path, text), Limits(), scratch=tmp_path / "s") as package:
        assert package.kind == "file"
