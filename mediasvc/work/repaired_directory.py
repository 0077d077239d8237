"""A correct DICOMDIR for a medium whose own one is wrong or absent, written from the files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mediasvc.dicom.framing import read_framing
from mediasvc.errors import DamagedError, SettingsError, StateError, StorageError, UnsupportedError
from mediasvc.media.dicomdir_write import FileSet, write_dicomdir
from mediasvc.media.directory_entry import DirectoryEntry
from mediasvc.media.directory_keys import read
from mediasvc.media.file_id import COMPONENTS, CONFORMING
from mediasvc.model import Finding
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.work.discover import Directory, Found

#: On a busy machine; the child that writes gets that much time besides its share.
FILES_PER_SECOND = 50


@dataclass(frozen=True, slots=True)
class Repaired:
    """``left_out``: instances that the new DICOMDIR cannot name, each with a finding."""

    path: Path
    records: int
    named: int
    left_out: int
    findings: tuple[Finding, ...]


def require_new(target: Path, medium: Path) -> None:
    """Raises SettingsError when it would lie on the medium, StateError when there is a file."""
    if medium.is_dir() and target.absolute().is_relative_to(medium.absolute()):
        raise SettingsError("The medium itself is never written to.", "Choose another place.")
    if target.exists():
        raise StateError("There is a file of that name already.", "Choose another name.")


def write_repaired(limits: Limits, target: Path, files: Sequence[Found], scratch: Path,
                   ) -> Repaired:
    """Write it to ``target`` (new, mode 0600). File-set ID and UID stay those of the first DICOMDIR
    of the medium (R10-1). Raises StorageError, DamagedError."""
    directories = [found.directory for found in files if found.directory]
    named, findings = [], []
    for found in files:
        if found.role != "instance" or found.span is None:
            continue
        file_id = _file_id(found)
        if file_id is None:
            findings.append(Finding("warning", "file-id-impossible", found.member.label,
                                    "No File ID can name this file; it would have to be renamed.",
                                    "R10-3"))
        else:
            named.append((found, file_id))
    listing = scratch / "repaired.json"
    with listing.open("w", encoding="utf-8") as lines:
        for found, file_id in sorted(named, key=lambda row: row[1]):
            span = found.span.as_json() if found.span else {}
            lines.write(json.dumps([found.member.label, span, file_id]) + "\n")
    if not named:  # PS3.11 D.3: an empty directory is none
        return Repaired(target, 0, 0, len(findings), (*findings, Finding(
            "error", "nothing-to-name", "", "No DICOMDIR was written: it would name no file.",
            "R11-3")))
    _create(target)
    seconds = limits.item_seconds + len(named) / FILES_PER_SECOND
    with Sandbox(1, limits.child_memory, seconds) as sandbox:
        answer = sandbox.call(
            "mediasvc.work.repaired_directory:write_directory", listing=str(listing),
            target=str(target), scratch=str(scratch), **_names(directories))
    if answer.error:
        target.unlink(missing_ok=True)
        raise DamagedError(f"The DICOMDIR could not be written: it {answer.text}.")
    findings += [Finding(**row) for row in answer.value["findings"]]
    lost = int(answer.value["left_out"])
    return Repaired(target, int(answer.value["records"]), len(named) - lost,
                    lost + sum(one.code == "file-id-impossible" for one in findings),
                    tuple(findings))


def _file_id(found: Found) -> list[str] | None:
    """The name that the file has on the medium, if a File ID can say it."""
    parts = [part.partition(";")[0].rstrip(".").upper() for part in found.member.parts]
    if not 0 < len(parts) <= COMPONENTS or not all(map(CONFORMING.fullmatch, parts)):
        return None
    return parts


def _names(directories: Sequence[Directory]) -> dict[str, str]:
    from pydicom.uid import generate_uid

    first = directories[0] if directories else None
    name = "".join(one for one in first.file_set_id.upper() if one == " " or CONFORMING.fullmatch(
        one))[:16] if first else ""
    return {"file_set_id": name.strip(),
            "file_set_uid": (first.file_set_uid if first else "") or str(generate_uid(None))}


def _create(target: Path) -> None:
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise StorageError(f"The DICOMDIR cannot be written ({error.strerror}).") from error


def write_directory(listing: str, target: str, scratch: str, file_set_id: str, file_set_uid: str,
                    ) -> dict[str, Any]:
    """The child's side."""
    findings: list[Finding] = []
    written = write_dicomdir(Path(target), _entries(Path(listing), findings),
                             FileSet(file_set_id, file_set_uid), scratch=Path(scratch))
    return {"records": written.records, "left_out": len(findings),
            "findings": [asdict(one) for one in (*findings, *written.findings)]}


def _entries(listing: Path, findings: list[Finding]) -> Iterator[DirectoryEntry]:
    with listing.open(encoding="utf-8") as lines:
        for line in lines:
            label, span, file_id = json.loads(line)
            try:
                with Span.from_json(span).view() as view:
                    yield read(read_framing(view), tuple(file_id))
            except (DamagedError, UnsupportedError) as error:
                findings.append(Finding("warning", "not-in-directory", label,
                                        f"Left out of the new DICOMDIR: {error.text}", "RF-3"))
