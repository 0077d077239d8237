"""Real public media, where they are on this machine (`real_data` skips where they are not)."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest

from tests.carriers import as_folder, as_xorriso_iso, as_zip, tool, unpack_iso
from tests.conftest import Program, Result

STATES = ("archived", "duplicate", "quarantined", "held", "rejected")
DIRECTORY = "1.2.840.10008.1.3.10"
TREES = ["covid_pdi", "philips_ct", "wg04", "clunie_charset", "pydicom_dirtests",
         "pydicom_dirtests/77654033", "pydicom_dirtests/98892001", "pydicom_dirtests/98892003",
         "pydicom_dirtests/TINY_ALPHA"]
#: Headers of CT images without any image: such files are refused (FAULTS 0.3).
WITHOUT_PIXELS = {"pydicom_dirtests": 50, "pydicom_dirtests/TINY_ALPHA": 50}
CARRIERS = {"folder": as_folder, "zip": as_zip, "iso": as_xorriso_iso}
#: What the examples of PS3.3 Annex H and PS3.5 Annexes H to K say.
NAMES = {
    "SCSARAB": "قباني^لنزار", "SCSFREN": "Buc^Jérôme", "SCSGERM": "Äneas^Rüdiger",
    "SCSGREEK": "Διονυσιος", "H31EXAMPLE": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "H32EXAMPLE": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", "SCSHBRW": "שרון^דבורה",
    "I2EXAMPLE": "Hong^Gildong=洪^吉洞=홍^길동", "SCSRUSS": "Люкceмбypг",
    "X1EXAMPLE": "Wang^XiaoDong=王^小東=", "X2EXAMPLE": "Wang^XiaoDong=王^小东=",
}
#: Files of broken/ whose bytes contradict themselves: these may not enter as they are.
DAMAGED = {"mr_truncated.dcm", "rtplan_truncated.dcm", "gh177_undefined_length.dcm",
           "emri_small_jpeg_2k_lossless_too_short.dcm", "gh1376.dcm"}


def plain_walk(folder: Path) -> dict[str, str]:
    """sha256 → SOP Instance UID of everything that pydicom calls an instance."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            try:
                ds = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
            except pydicom.errors.InvalidDicomError:
                continue
            if ds.file_meta.get("MediaStorageSOPClassUID") != DIRECTORY:
                found[hashlib.sha256(data).hexdigest()] = ds.SOPInstanceUID
    return found


def manifest(cli: Program, package: object) -> list[dict[str, str]]:
    return [row for row in cli("manifest", package).of("file")
            if row["role"] in ("instance", "refused")]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("tree", TREES)
def test_every_instance_of_a_real_medium_is_accounted_for(
        cli: Program, real_data: Path, tmp_path: Path, tree: str, carrier: str) -> None:
    medium = CARRIERS[carrier](real_data / "media" / tree, tmp_path / f"medium.{carrier}")
    [package] = cli("ingest", medium).of("package")
    walked = plain_walk(real_data / "media" / tree)
    rows = manifest(cli, package["package"])
    assert package["instances"] == sum(package[state] for state in STATES) == len(rows)
    assert {row["sha256"] for row in rows} == set(walked)
    assert package["quarantined"] == WITHOUT_PIXELS.get(tree, 0)


def test_names_in_eleven_character_sets_are_shown_right(cli: Program, real_data: Path) -> None:
    seen = cli("inspect", real_data / "media" / "clunie_charset").of("patient")
    assert {row["patient_id"]: row["name"] for row in seen} == NAMES


def test_every_broken_file_is_a_clean_import_or_a_finding(cli: Program, real_data: Path) -> None:
    files = sorted((real_data / "broken").iterdir())
    done = cli.process("ingest", *files)
    assert done.code in (1, 2)
    assert "Traceback" not in done.stderr
    packages = {Path(row["path"]).name: row for row in done.of("package")}
    assert set(packages) == {path.name for path in files}
    silent = [name for name, row in packages.items()
              if not row["archived"] + row["held"] + row["duplicate"]
              and not row["findings"]["error"] + row["findings"]["warning"]]
    assert silent == []
    entered = {name for name in DAMAGED if packages[name]["archived"] + packages[name]["held"]}
    assert entered == set()


def test_all_broken_files_on_one_disc_add_up(cli: Program, real_data: Path,
                                             tmp_path: Path) -> None:
    disc = as_folder(real_data / "broken", tmp_path / "disc")
    [package] = cli("ingest", disc).of("package")
    assert package["state"] == "waiting"
    assert package["instances"] == sum(package[state] for state in STATES)
    states = {row["label"]: row["state"] for row in manifest(cli, package["package"])}
    assert {name for name in DAMAGED if states.get(name) not in (None, "quarantined")} == set()


# --- a disc made from real images -----------------------------------------------------------------

@pytest.fixture(scope="module")
def filed(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A home in which all of covid_pdi is filed, each patient as a new one."""
    program = Program(tmp_path_factory.mktemp("real") / "home")
    [package] = program("ingest", real_data / "media" / "covid_pdi").of("package")
    for group in program("queue", "show", package["package"]).of("group"):
        done = program("queue", "decide", package["package"], "--group", group["group"], "--new",
                       "--by", "A. Clerk")
        assert done.code in (0, 1), done.stderr
    return program


def largest_patient(program: Program) -> str:
    counts: dict[str, int] = {}
    for row in program("studies", "list").of("study"):
        key = f"{row['patient_id']}@{row['issuer']}"
        counts[key] = counts.get(key, 0) + row["instances"]
    return max(counts, key=lambda key: counts[key])


@pytest.fixture(scope="module")
def image(filed: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("disc") / "out.iso"
    done = filed("export", "--patient", largest_patient(filed), "--profile", "STD-GEN-CD",
                 "--to", to)
    assert (done.code, done.of("disc")[0]["verdict"]) == (0, "pass"), done.stderr
    return to


@pytest.fixture(scope="module")
def unpacked(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked") / "disc"
    unpack_iso(image, folder)
    return folder


def images(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != "DICOMDIR" and pydicom.misc.is_dicom(path)]


def say(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool(str(arguments[0])), *map(str, arguments[1:])], timeout=120,
                          capture_output=True, text=True, encoding="latin-1", check=False)


def test_foreign_programs_read_the_disc(image: Path, unpacked: Path) -> None:
    instances = len(plain_walk(unpacked))
    listed = say("7z", "l", image)
    assert listed.returncode == 0
    assert "DICOMDIR" in listed.stdout
    tree = say("isoinfo", "-f", "-i", image)
    assert tree.returncode == 0
    assert "/DICOMDIR.;1" in tree.stdout or "/DICOMDIR;1" in tree.stdout
    dumped = say("dcmdump", unpacked / "DICOMDIR")
    assert dumped.returncode == 0
    assert dumped.stdout.count("DirectoryRecordType") >= instances + 3
    printed = say("dcdirdmp", unpacked / "DICOMDIR")
    assert (printed.stdout + printed.stderr).count("->") == instances
    checked = say("dciodvfy", unpacked / "DICOMDIR")
    assert [line for line in (checked.stdout + checked.stderr).splitlines()
            if line.startswith("Error")] == []


def test_every_pixel_on_the_disc_is_the_source_s(real_data: Path, unpacked: Path) -> None:
    sources = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, (
        path for path in (real_data / "media" / "covid_pdi" / "DICOM").rglob("*")
        if path.is_file()))}
    out = [pydicom.dcmread(path) for path in images(unpacked)]
    assert len(out) == len(plain_walk(unpacked)) > 0
    for ds in out:
        assert (ds.pixel_array == sources[ds.SOPInstanceUID].pixel_array).all()


def verdict(cli: Program, path: Path) -> Result:
    done = cli("check-disc", path)
    assert done.summary["verdict"] == ("pass" if done.code == 0 else "fail")
    return done


def test_the_disc_passes_each_rule(cli: Program, image: Path, unpacked: Path) -> None:
    assert [row["text"] for row in verdict(cli, image).of("rule")
            if row["level"] == "must" and not row["pass"]] == []
    assert verdict(cli, unpacked).code in (0, 1)


def test_a_byte_that_changed_on_the_disc_fails_it(cli: Program, image: Path, unpacked: Path,
                                                 tmp_path: Path) -> None:
    data = bytearray(image.read_bytes())
    place = data.index(images(unpacked)[0].read_bytes()[-4000:])
    data[place] ^= 0x40
    (tmp_path / "flipped.iso").write_bytes(data)
    done = verdict(cli, tmp_path / "flipped.iso")
    assert done.code == 1
    assert [row["text"] for row in done.of("rule") if not row["pass"]]


def test_a_file_that_is_gone_fails_the_disc(cli: Program, unpacked: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(unpacked, tmp_path / "disc"))
    gone = images(folder)[0]
    gone.unlink()
    done = verdict(cli, folder)
    assert done.code == 1
    assert any(gone.name in row["text"] for row in done.of("rule") if not row["pass"])


def test_a_changed_offset_in_dicomdir_fails_the_disc(cli: Program, unpacked: Path,
                                                     tmp_path: Path) -> None:
    folder = Path(shutil.copytree(unpacked, tmp_path / "disc"))
    directory = pydicom.dcmread(folder / "DICOMDIR")
    directory.DirectoryRecordSequence[1].OffsetOfReferencedLowerLevelDirectoryEntity += 2
    directory.save_as(folder / "DICOMDIR", enforce_file_format=True)
    assert verdict(cli, folder).code == 1
