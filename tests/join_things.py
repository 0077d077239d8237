"""Series for the tests of joining and splitting, made without the program."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pydicom
from pydicom.uid import ExplicitVRLittleEndian

from mediasvc.span import Span
from mediasvc.standard.legacy_converted import SECONDARY_CAPTURE
from mediasvc.work.joining import join_file, join_scan, split_file
from mediasvc.work.joining.join_kind import Scanned, group_of, kinds_of
from samples import synthesis
from tests.conftest import Program

BUDGET = 1 << 30


def series(folder: Path, count: int = 3, *, modality: str = "CT", start: int = 1,
           transfer_syntax: str = ExplicitVRLittleEndian, **keywords: Any) -> list[Path]:
    """``count`` files IM0001.dcm …, whose Instance Numbers count up from ``start``."""
    folder.mkdir(exist_ok=True)
    keywords.setdefault("FrameOfReferenceUID", synthesis.uid(1, 1, 1, 0))
    paths = []
    for number in range(start, start + count):
        made = synthesis.instance(1, 1, 1, number, modality=modality,
                                  transfer_syntax=transfer_syntax, **keywords)
        path = folder / f"IM{number:04d}.dcm"
        path.write_bytes(synthesis.to_bytes(made))
        paths.append(path)
    return paths


def pages(folder: Path, rows: int = 16, columns: int = 16) -> list[Path]:
    """Secondary Capture images of eight bits."""
    seen = {"SOPClassUID": SECONDARY_CAPTURE, "ConversionType": "WSD", "ImageType": None,
            "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
            "PhotometricInterpretation": "MONOCHROME2", "PixelRepresentation": 0}
    folder.mkdir()
    paths = []
    for number in range(1, 4):
        samples = bytes((number * k) % 256 for k in range(rows * columns))
        made = synthesis.instance(1, 1, 1, number, modality="CR", rows=rows, columns=columns,
                                  PixelData=samples + bytes(len(samples) % 2), **seen)
        made["PixelData"].VR = "OB"
        path = folder / f"IM{number:04d}.dcm"
        path.write_bytes(synthesis.to_bytes(made))
        paths.append(path)
    return paths


def digests(folder: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]


def uid_of(path: Path) -> str:
    return str(pydicom.dcmread(path).SOPInstanceUID)


def joined(cli: Program, folder: Path, out: Path, *more: object) -> dict[str, Any]:
    """The one row ``joined`` of a call that must succeed."""
    done = cli("join", *more, folder, out)
    assert done.code == 0, (done.stdout, done.stderr)
    (row,) = done.of("joined")
    return row


def joined_here(paths: list[Path], out: Path) -> Path:
    """Without sandbox or command: the child's side alone, in this process."""
    files = [Scanned(path.name, Span.of_file(path), join_scan.scan_file(Span.of_file(path)))
             for path in paths]
    (members,) = kinds_of(files, apart=False)
    group = group_of("1.2.3", 1, members)
    join_file.join_files(
        [{"span": one.span.as_json(), "sop_class": one.facts["sop_class"],
          "sop_uid": one.sop_uid, "frame_bytes": one.facts["frame_bytes"]}
         for one in group.files], str(out),
        {"enhanced": group.conversion.enhanced, "series": group.series, "number": 1,
         "native": group.native, "syntax": group.transfer_syntax_uid, "known": {},
         "bits_allocated": int(group.files[0].facts["kind"]["Bits Allocated"])})
    return out


def split_here(path: Path, folder: Path, **how: Any) -> dict[str, Any]:
    folder.mkdir()
    return split_file.split_file(Span.of_file(path).as_json(), str(folder), BUDGET, **how)
