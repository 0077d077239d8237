"""A wrong DICOMDIR: what was repaired is told record by record, and a correct one can be had."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest

from mediasvc.media.directory.dicomdir import read_dicomdir
from samples.synthesis import study, write_disc
from tests.conftest import Program


def shifted(folder: Path, by: int = 22) -> bytes:
    """All offsets off by a constant, as after an edit behind the directory's back."""
    path = folder / "DICOMDIR"
    ds = pydicom.dcmread(path)
    elements = [ds[0x00041200], ds[0x00041202]]
    elements += [record[tag] for record in ds.DirectoryRecordSequence
                 for tag in (0x00041400, 0x00041420)]
    for element in elements:
        element.value = element.value + by if element.value else 0
    ds.save_as(path)
    return path.read_bytes()


def test_every_shifted_offset_is_told(tmp_path: Path) -> None:
    write_disc(tmp_path, study(1, 1, count=2))
    data = shifted(tmp_path)
    found = read_dicomdir(memoryview(data))
    assert len(found.references) == 2
    links = [one for one in found.repairs if one.kind == "shift"]
    assert links
    for one in links:
        said = int(one.said.rpartition(" ")[2])
        assert (said - int(one.read), one.why) == (22, "all offsets are off by 22 bytes")
        assert one.text.startswith(f"DICOMDIR said {one.said} at offset {one.offset}, read as ")


@pytest.mark.parametrize(("tag", "value", "said"), [
    ("ReferencedSOPClassUIDInFile", "1.2.840.10008.5.1.4.1.1.4", "Referenced SOP Class UID 1.2"),
    ("ReferencedTransferSyntaxUIDInFile", "", "no Referenced Transfer Syntax UID"),
])
def test_key_that_the_file_contradicts_is_told(cli: Program, tmp_path: Path, tag: str, value: str,
                                               said: str) -> None:
    write_disc(tmp_path / "d", study(1, 1, count=1))
    ds = pydicom.dcmread(tmp_path / "d" / "DICOMDIR")
    for record in ds.DirectoryRecordSequence:
        if record.DirectoryRecordType == "IMAGE":
            setattr(record, tag, value)
    ds.save_as(tmp_path / "d" / "DICOMDIR")
    [package] = cli("ingest", tmp_path / "d").of("package")
    [repair] = cli("manifest", package["package"]).of("repair")
    assert f"DICOMDIR said {said}" in repair["text"]
    assert "because the file says so." in repair["text"]


def test_lower_case_names_are_told_by_file(cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", study(1, 1, count=2), lower_case=True)
    found = [row for row in cli("inspect", tmp_path / "d").of("finding")
             if row["code"] == "directory-repair"]
    assert len(found) == 2
    assert "read as dicom/pt000001" in found[0]["text"]


def test_correct_dicomdir_is_written_beside_the_medium(cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", study(1, 1, count=3))
    before = shifted(tmp_path / "d")
    target = tmp_path / "DICOMDIR"
    done = cli("inspect", tmp_path / "d", "--repaired-dicomdir", target)
    assert done.summary["repaired_dicomdir"] | {"path": ""} == {
        "path": "", "named": 3, "records": 6, "left_out": 0}
    assert (tmp_path / "d" / "DICOMDIR").read_bytes() == before
    assert target.stat().st_mode & 0o777 == 0o600
    fixed = read_dicomdir(memoryview(target.read_bytes()))
    assert (fixed.findings, fixed.repairs, len(fixed.references)) == ((), (), 3)
    shutil.copy(target, tmp_path / "d" / "DICOMDIR")
    again = cli("inspect", tmp_path / "d").summary
    assert (again["referenced"], again["missing"], again["unreferenced"]) == (3, 0, 0)
    if tool := shutil.which("dcdirdmp"):
        subprocess.run([tool, target], check=True, capture_output=True)


def test_empty_directory_is_not_written(cli: Program, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    done = cli("inspect", tmp_path / "d", "--repaired-dicomdir", tmp_path / "DICOMDIR")
    assert "nothing-to-name" in {row["code"] for row in done.of("finding")}
    assert not (tmp_path / "DICOMDIR").exists()


def test_medium_is_never_written_to(cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", study(1, 1, count=1), dicomdir=False)
    assert cli("inspect", tmp_path / "d", "--repaired-dicomdir", tmp_path / "d" / "DICOMDIR"
               ).code == 3
    assert not (tmp_path / "d" / "DICOMDIR").exists()
    target = tmp_path / "there"
    target.write_bytes(b"x")
    assert cli("inspect", tmp_path / "d", "--repaired-dicomdir", target).code == 2
    assert target.read_bytes() == b"x"


def test_file_that_no_file_id_can_name_is_left_out(cli: Program, tmp_path: Path) -> None:
    paths = write_disc(tmp_path / "d", study(1, 1, count=2), dicomdir=False)
    paths[0].rename(paths[0].with_name("a name.dcm"))
    done = cli("inspect", tmp_path / "d", "--repaired-dicomdir", tmp_path / "DICOMDIR")
    assert "file-id-impossible" in {row["code"] for row in done.of("finding")}
    assert (done.summary["repaired_dicomdir"]["named"],
            done.summary["repaired_dicomdir"]["left_out"]) == (1, 1)
