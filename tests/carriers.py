"""A folder put on other carriers by programs that are not ours, and read from them again."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pycdlib
import pytest

from samples.people import Person


def tool(name: str) -> str:
    """A witness beside this Python (pip) or on PATH (apt); skips where there is none."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def as_folder(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


def as_zip(folder: Path, to: Path) -> Path:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return to


def as_xorriso_iso(folder: Path, to: Path) -> Path:
    subprocess.run([tool("xorriso"), "-as", "mkisofs", "-quiet", "-J", "-R", "-o", str(to),
                    str(folder)], check=True, capture_output=True)
    return to


def as_plain_iso(folder: Path, to: Path) -> Path:
    """ISO 9660 level 1 without Joliet or Rock Ridge, by pycdlib."""
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=1, vol_ident="SAMPLE")
    for path in sorted(folder.rglob("*")):
        name = "/" + "/".join(path.relative_to(folder).parts).upper()
        if path.is_dir():
            iso.add_directory(name)
        else:
            stem, dot, suffix = path.name.upper().partition(".")
            iso.add_file(str(path), f"{name[:-len(path.name)]}{stem}{dot or '.'}{suffix};1")
    iso.write(str(to))
    iso.close()
    return to


Carrier = Callable[[Path, Path], Path]
CARRIERS: dict[str, Carrier] = {"folder": as_folder, "zip": as_zip, "xorriso.iso": as_xorriso_iso,
                                "plain.iso": as_plain_iso}


def unpack_iso(image: Path, to: Path) -> list[Path]:
    """Every file of an ISO image, read by pycdlib."""
    iso = pycdlib.PyCdlib()
    iso.open(str(image))
    files = []
    for folder, _, names in iso.walk(iso_path="/"):
        for name in names:
            target = to / folder.strip("/") / name.partition(";")[0].rstrip(".")
            target.parent.mkdir(parents=True, exist_ok=True)
            iso.get_file_from_iso(str(target), iso_path=f"{folder.rstrip('/')}/{name}")
            files.append(target)
    iso.close()
    return files


def write_index(file: Path, people: Iterable[tuple[str, Person]], issuer: str = "LOCAL") -> Path:
    """An index CSV: (local Patient ID, who it is)."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["patient_id", "issuer", "name", "birth_date", "sex"])
        for patient_id, one in people:
            rows.writerow([patient_id, issuer, one.patient_name, one.patient_birth_date,
                           one.patient_sex])
    return file
