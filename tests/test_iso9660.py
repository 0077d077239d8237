"""The ISO 9660 reader against writers and readers of other code bases."""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hostile_media import SECTOR, image

from mediasvc.errors import DamagedError
from mediasvc.media.iso.iso9660 import joliet_name, plain_name, read_volumes
from mediasvc.media.package import open_package
from mediasvc.media.structure import structure
from mediasvc.media.window import Window
from mediasvc.settings import Limits
from mediasvc.span import Span

LIMITS = Limits()
TOOLS = {"xorriso": ["xorriso", "-as", "mkisofs", "-quiet"],
         "genisoimage": ["genisoimage", "-quiet"]}
OPTIONS = {
    "level 1": [], "level 2": ["-iso-level", "2"], "level 3": ["-iso-level", "3"],
    "level 4": ["-iso-level", "4"], "Joliet": ["-J", "-joliet-long"], "Rock Ridge": ["-R"],
    "both": ["-J", "-joliet-long", "-R"], "UDF bridge": ["-udf", "-J", "-joliet-long", "-R"],
}
LONG = {"Joliet", "Rock Ridge", "both", "UDF bridge"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disc with 8.3 names for DICOM and long ones, in several scripts, for the rest."""
    root = tmp_path_factory.mktemp("tree")
    chance = random.Random(1)
    names = ["DICOMDIR", "README.TXT", "VIEWER/Grüße aus der Klinik.html", "VIEWER/日本語.txt",
             "VIEWER/" + "n" * 90 + ".txt", "EMPTY"]
    names += [f"DICOM/PT000001/ST000001/SE{s:06d}/IM{n:06d}" for s in (1, 2) for n in range(40)]
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "EMPTY" else chance.randbytes(chance.randrange(1, 5000)))
    return root


def hashes(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob("*") if path.is_file()}


def make(root: Path, to: Path, tool: str, options: list[str]) -> None:
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    done = subprocess.run([*TOOLS[tool], *options, "-o", str(to), str(root)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def read(path: Path) -> tuple[dict[str, str], list[str]]:
    with open_package(path, LIMITS, scratch=path.parent / "scratch") as package:
        assert package.kind == "iso"
        found = {"/".join(m.shown): package.span(m).sha256() for m in package.members()}
        assert len(found) == len(package)
        return found, [finding.code for finding in package.findings]


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("tool", TOOLS)
def test_discs_of_the_usual_programs_give_the_same_files(
        tree: Path, tmp_path: Path, tool: str, option: str) -> None:
    if (tool, option) == ("xorriso", "UDF bridge"):
        pytest.skip("xorriso writes no UDF")
    path = tmp_path / "drop.iso"
    make(tree, path, tool, OPTIONS[option])
    found, findings = read(path)
    expected = hashes(tree)
    assert sorted(found.values()) == sorted(expected.values())
    assert findings == []
    assert structure(path).state == "complete"
    if option in LONG and option != "Joliet":
        assert found == expected
    dicom = {name: digest for name, digest in expected.items() if name.startswith("DICOM")}
    assert {name: found.get(name) for name in dicom} == dicom


def test_the_names_that_a_directory_would_use_survive_long_names(
        tree: Path, tmp_path: Path) -> None:
    path = tmp_path / "drop.iso"
    make(tree, path, "genisoimage", OPTIONS["both"])
    with open_package(path, LIMITS, scratch=tmp_path) as package:
        members = {"/".join(m.shown): m.parts for m in package.members()}
    assert members["DICOM/PT000001/ST000001/SE000001/IM000001"] == (
        "DICOM", "PT000001", "ST000001", "SE000001", "IM000001")
    assert len("".join(members["VIEWER/" + "n" * 90 + ".txt"][-1])) <= 12


def test_folders_that_rock_ridge_moved_are_where_they_belong(tmp_path: Path) -> None:
    deep = tmp_path / "tree" / "A/B/C/D/E/F/G/H/I/J/K"
    deep.mkdir(parents=True)
    (deep / "IM000001").write_bytes(b"deep")
    make(tmp_path / "tree", tmp_path / "drop.iso", "genisoimage", OPTIONS["Rock Ridge"])
    found, findings = read(tmp_path / "drop.iso")
    assert found == hashes(tmp_path / "tree")
    assert findings == []


def test_every_cut_of_a_disc_is_noticed(tree: Path, tmp_path: Path) -> None:
    path = tmp_path / "drop.iso"
    make(tree, path, "xorriso", ["-no-pad"])
    whole = path.read_bytes()
    files = len(read(path)[0])
    for sectors in range(1, len(whole) // SECTOR - 16, 23):
        path.write_bytes(whole[:-sectors * SECTOR])
        assert structure(path).state == "growing"
        try:
            found, findings = read(path)
        except DamagedError:
            continue
        assert findings
        assert len(found) == files or "iso-truncated" in findings


def test_a_disc_of_the_library_that_writes_ours_is_read_alike(tmp_path: Path) -> None:
    pycdlib = pytest.importorskip("pycdlib")
    disc = pycdlib.PyCdlib()
    disc.new(interchange_level=3, joliet=3, rock_ridge="1.09", udf="2.60")
    expected = {}
    for number in range(300):
        data = random.Random(number).randbytes(number * 7 + 1)
        expected[f"image {number:04d}"] = hashlib.sha256(data).hexdigest()
        disc.add_fp(io.BytesIO(data), len(data), f"/IM{number:06d}.;1",
                    rr_name=f"image {number:04d}", joliet_path=f"/image {number:04d}",
                    udf_path=f"/image {number:04d}")
    disc.write(str(tmp_path / "drop.iso"))
    disc.close()
    found, findings = read(tmp_path / "drop.iso")
    assert found == expected
    assert findings == []


def test_isoinfo_and_7z_list_the_same_files(tree: Path, tmp_path: Path) -> None:
    if not shutil.which("isoinfo") or not shutil.which("7z"):
        pytest.skip("isoinfo and 7z are the oracles")
    path = tmp_path / "drop.iso"
    make(tree, path, "genisoimage", OPTIONS["both"])
    ours = set(read(path)[0])
    listed = subprocess.run(["isoinfo", "-R", "-f", "-i", str(path)], capture_output=True,
                            timeout=60, check=True).stdout.decode().split("\n")
    assert ours <= {name.lstrip("/") for name in listed}
    out = tmp_path / "out"
    subprocess.run(["7z", "x", "-bd", f"-o{out}", str(path)], capture_output=True, timeout=60,
                   check=True)
    assert {name for name in ours if name.startswith("DICOM")} <= set(hashes(out))


@pytest.mark.parametrize("option", ["level 1", "Joliet", "Rock Ridge", "both"])
@pytest.mark.parametrize("medium", [
    "covid_pdi", "philips_ct", "wg04", "clunie_charset", "pydicom_dirtests"])
def test_real_media_as_discs_give_the_same_files(
        real_data: Path, tmp_path: Path, medium: str, option: str) -> None:
    root = real_data / "media" / medium
    make(root, tmp_path / "drop.iso", "xorriso", OPTIONS[option])
    found, findings = read(tmp_path / "drop.iso")
    assert sorted(found.values()) == sorted(hashes(root).values())
    assert findings == []


@pytest.mark.parametrize(("raw", "name"), [
    (b"IM000001.;1", "IM000001"), (b"IM000001;1", "IM000001"), (b"README.TXT;1", "README.TXT"),
    (b"A.;2", "A.;2"), (b"..;1", ".."), (b"\xe9.;1", "\udce9"), (b"A.B.;1", "A.B")])
def test_plain_names_lose_version_and_dot(raw: bytes, name: str) -> None:
    assert plain_name(raw) == name


def test_joliet_names_may_be_any_sixteen_bits() -> None:
    assert joliet_name("Grüße;1".encode("utf-16-be")) == "Grüße"
    assert joliet_name(b"\xd8\x00") == "\ud800"
    assert joliet_name(b"odd") is None


def test_the_descriptors_tell_name_and_size(tmp_path: Path) -> None:
    made = image({"A": b"a"}, joliet={"A": b"a"})
    made.data[16 * SECTOR + 40:16 * SECTOR + 48] = b"FILESET1"
    path = tmp_path / "a.iso"
    path.write_bytes(made.bytes())
    window = Window(Span.of_file(path))
    primary, joliet = read_volumes(window)
    window.close()
    assert primary.identifier.rstrip() == "FILESET1"
    assert primary.space == path.stat().st_size
    assert (primary.joliet, joliet.joliet, joliet.sector) == (False, True, 17)


def test_a_file_longer_than_four_gigabytes_is_one_run_of_bytes(tmp_path: Path) -> None:
    """Two extents that follow each other, most of it a hole in the image."""
    made = image({"A.DAT": b"a" * SECTOR, "B.DAT": b"b"})
    first = 0xFFFFF800
    made.set_flags("A.DAT", 0x80)
    made.set_extent("A.DAT", 100)
    made.set_length("A.DAT", first)
    made.set_extent("B.DAT", 100 + first // SECTOR)
    made.set_length("B.DAT", 5000)
    made.put_both(16 * SECTOR + 80, 100 + first // SECTOR + 3)
    path = tmp_path / "drop.iso"
    path.write_bytes(made.bytes())
    with path.open("r+b") as file:
        file.truncate((100 + first // SECTOR + 3) * SECTOR)
    with open_package(path, LIMITS, scratch=tmp_path) as package:
        [member] = package.members()
        assert member.length == first + 5000
        assert package.span(member) == Span(str(path), 100 * SECTOR, first + 5000)
        assert package.findings == []
