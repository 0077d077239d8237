"""The child's side of building a disc: its DICOMDIR, read from the files that will stand on it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mediasvc.media.directory.dicomdir_write import FileSet, write_dicomdir
from mediasvc.media.directory.directory_entry import DirectoryEntry
from mediasvc.media.directory.directory_keys import scan
from mediasvc.media.directory.sequence_bytes import EXPLICIT
from mediasvc.span import Span
from mediasvc.standard.directory_records import ICON
from mediasvc.step import step


def write_directory(listing: str, target: str, file_set_id: str, file_set_uid: str, key_set: str,
                    scratch: str) -> dict[str, Any]:
    """Write the DICOMDIR of the files in ``listing`` (of `directory_listing`); returns records and
    findings."""
    written = write_dicomdir(
        Path(target), _entries(Path(listing), key_set), FileSet(file_set_id, file_set_uid),
        key_set=key_set, scratch=Path(scratch))
    return {"records": written.records, "findings": [asdict(row) for row in written.findings]}


def _entries(listing: Path, key_set: str) -> Iterator[DirectoryEntry]:
    with listing.open(encoding="utf-8") as lines:
        for line in lines:
            step()
            path, offset, length, file_id, icon = json.loads(line)
            entry = scan(Span(path, offset, length), tuple(file_id), key_set)
            if icon and entry.record_type == "IMAGE":
                entry.values[ICON.tag] = icon_item(Path(icon).read_bytes())
            yield entry


def icon_item(pixels: bytes) -> bytes:
    """The item of an Icon Image Sequence: a square of 8-bit grey (PS3.3 F.7)."""
    side = math.isqrt(len(pixels)).to_bytes(2, "little")
    element = EXPLICIT.element
    return EXPLICIT.item((
        element(0x00280002, "US", b"\1\0"), element(0x00280004, "CS", b"MONOCHROME2"),
        element(0x00280010, "US", side), element(0x00280011, "US", side),
        element(0x00280100, "US", b"\x08\0"), element(0x00280101, "US", b"\x08\0"),
        element(0x00280102, "US", b"\x07\0"), element(0x00280103, "US", b"\0\0"),
        element(0x7FE00010, "OB", pixels)))
