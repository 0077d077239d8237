"""One mixed disc, shown to programs of others: every name and record is theirs to judge."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian

from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.work.planning.conform import examine_items
from mediasvc.work.planning.conform_rewrite import rewrite_items
from samples.synthesis import instance, study, to_bytes
from tests.carriers import tool
from tests.disc_things import broken, build, disc_instances, judge, new_sandbox

#: Of pydicom's own package: CT, MR, RT, SR-like, colour, odd UIDs; no download.
THEIRS = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "rtdose_1frame.dcm", "rtstruct.dcm",
          "ExplVR_BigEnd.dcm", "MR_small_RLE.dcm", "liver_1frame.dcm", "waveform_ecg.dcm",
          "reportsi.dcm", "JPEG2000.dcm", "SC_rgb_rle_2frame.dcm", "examples_overlay.dcm")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


def mixed(folder: Path) -> list[pydicom.FileDataset]:
    """What is ours and what comes with pydicom, made fit for a CD."""
    folder.mkdir()
    limits = {"transfer_syntaxes": [ExplicitVRLittleEndian], "sop_classes": [],
              "largest_file": 1 << 30}
    paths = []
    for number, ds in enumerate([*study(1, count=2), instance(1, 2, modality="SR"),
                                 instance(2, modality="US"), instance(2, 2, modality="MR")]):
        paths.append(folder / f"own{number}")
        paths[-1].write_bytes(to_bytes(ds))
    paths += [Path(str(found)) for name in THEIRS
              if (found := get_testdata_file(name, download=False))]
    made: dict[str, pydicom.FileDataset] = {}
    for path in paths:
        span = Span.of_file(path).as_json()
        [row] = examine_items([{"span": span, "patient": {}}], limits)
        if row.get("needs"):
            [row] = rewrite_items([{
                "span": span, "needs": row["needs"], "order": {},
                "preferred": [ExplicitVRLittleEndian],
                "temps": [str(folder / f"{path.name}.{step}") for step in "ab"]}])
            path = Path(row["path"])
        ds = pydicom.dcmread(path)
        made.setdefault(ds.SOPInstanceUID, ds)
    return list(made.values())


def said(*words: object, cwd: Path | None = None, warns: bool = False) -> str:
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, check=False)
    text = (done.stdout + done.stderr).decode("latin-1")
    assert done.returncode == 0 or warns, text
    return text


def test_programs_of_others_accept_every_name_and_instance_of_a_mixed_disc(
        sandbox: Sandbox, tmp_path: Path) -> None:
    instances = mixed(tmp_path / "in")
    assert len(instances) > 12
    files = disc_instances(tmp_path / "files", instances)
    image = tmp_path / "disc.iso"
    build(sandbox, image, files, tmp_path / "scratch", profile="STD-GEN-CD")
    verdict = judge(sandbox, image, "STD-GEN-CD")
    assert broken(verdict) <= {"E03", "RF-11"}, [row.text for row in verdict.failed]
    said(tool("7z"), "x", "-y", f"-o{tmp_path / 'out'}", image)
    names = {path.relative_to(tmp_path / "out").as_posix()
             for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert names == {line[1:].split(";")[0].rstrip(".") for line in said(
        tool("isoinfo"), "-f", "-i", image).split() if "." in line}
    assert names == {line[1:] for line in said(tool("isoinfo"), "-R", "-f", "-i", image).split()
                     if line[1:] in names}
    listed = said(tool("xorriso"), "-indev", image, "-find", "/", "-type", "f")
    assert names == {line.strip("'/") for line in listed.splitlines() if line.startswith("'/")}
    for program in ("dciodvfy", "dcdirdmp"):
        assert "Error" not in said(tool(program), "DICOMDIR", cwd=tmp_path / "out", warns=True)
    assert _again(tmp_path / "out") == _classes(tmp_path / "out")


def _classes(folder: Path) -> Counter[str]:
    return Counter(str(record.ReferencedSOPClassUIDInFile) for record in pydicom.dcmread(
        folder / "DICOMDIR").DirectoryRecordSequence if "ReferencedFileID" in record)


def _again(folder: Path) -> Counter[str]:
    """SOP classes in the directory that dcmmkdir makes of the same files; it invents, too."""
    shutil.move(folder / "DICOMDIR", folder.parent / "DICOMDIR")
    text = said(tool("dcmmkdir"), "--general-purpose", "-W", "+I", "+r", "DICOM", cwd=folder)
    assert "E:" not in text
    found = _classes(folder)
    (folder / "DICOMDIR").unlink()
    shutil.move(folder.parent / "DICOMDIR", folder / "DICOMDIR")
    return found
