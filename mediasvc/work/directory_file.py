"""The child's side of building a disc: its DICOMDIR, read from the files that will stand on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mediasvc.media.dicomdir_write import FileSet, write_dicomdir
from mediasvc.media.directory_entry import DirectoryEntry
from mediasvc.media.directory_keys import scan
from mediasvc.media.disc_layout import DiscInstance, FileId


def write_listing(target: Path, placed: Iterable[tuple[FileId, DiscInstance]]) -> None:
    """What `write_directory` reads: a JSON line ``[path, File ID]`` for each instance."""
    with target.open("w", encoding="utf-8") as lines:
        for file_id, instance in placed:
            lines.write(json.dumps([instance.span.path, file_id]) + "\n")


def write_directory(listing: str, target: str, file_set_id: str, file_set_uid: str, key_set: str,
                    scratch: str) -> dict[str, Any]:
    """Write the DICOMDIR of the files in ``listing``; returns records and findings."""
    written = write_dicomdir(
        Path(target), _entries(Path(listing), key_set), FileSet(file_set_id, file_set_uid),
        key_set=key_set, scratch=Path(scratch))
    return {"records": written.records, "findings": [asdict(row) for row in written.findings]}


def _entries(listing: Path, key_set: str) -> Iterator[DirectoryEntry]:
    with listing.open(encoding="utf-8") as lines:
        for line in lines:
            path, file_id = json.loads(line)
            yield scan(path, tuple(file_id), key_set)
