"""A correct DICOMDIR for a medium whose own one is wrong or absent, written from the files."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mediasvc.dicom.framing import read_framing
from mediasvc.errors import DamagedError, SettingsError, StateError, StorageError, UnsupportedError
from mediasvc.media.directory.dicomdir_write import FileSet, write_dicomdir
from mediasvc.media.directory.directory_entry import DirectoryEntry
from mediasvc.media.directory.directory_keys import read
from mediasvc.media.directory.file_id import COMPONENTS, CONFORMING
from mediasvc.model import Finding
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.work.intake.discover import Directory, Found

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


class ToName:
    """The files that the new DICOMDIR is to name. There may be hundreds of thousands: each waits as
    a line in ``scratch``, and what is kept is its File ID and where the line stands."""

    def __init__(self, scratch: Path) -> None:
        self.listing, self.order = scratch / "repaired.jsonl", scratch / "repaired.order"
        self.left_out = 0
        self.names: dict[str, str] = {}
        """File-set ID and UID of the first DICOMDIR of the medium."""
        self._lines = self.listing.open("wb")
        self._rows: list[tuple[bytes, int]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, found: Found) -> tuple[Finding, ...]:
        """Take in one file of the medium; what is wrong with its name."""
        if found.directory:
            self.names = self.names or _names(found.directory)
        if found.role != "instance" or found.span is None:
            return ()
        file_id = _file_id(found)
        if file_id is None:
            self.left_out += 1
            return (Finding("warning", "file-id-impossible", found.member.label,
                            "No File ID can name this file; it would have to be renamed.",
                            "R10-3"),)
        self._rows.append(("\\".join(file_id).encode(), self._lines.tell()))
        self._lines.write(json.dumps(
            [found.member.label, found.span.as_json(), file_id]).encode() + b"\n")
        return ()

    def close(self) -> None:
        """Say in which order the lines are to be read."""
        self._lines.close()
        self._rows.sort()
        with self.order.open("wb") as file:
            array("Q", (at for _, at in self._rows)).tofile(file)


def write_repaired(limits: Limits, target: Path, files: ToName, scratch: Path) -> Repaired:
    """Write it to ``target`` (new, mode 0600). File-set ID and UID stay those of the first DICOMDIR
    of the medium (R10-1). Raises StorageError, DamagedError."""
    files.close()
    if not len(files):  # PS3.11 D.3: an empty directory is none
        return Repaired(target, 0, 0, files.left_out, (Finding(
            "error", "nothing-to-name", "", "No DICOMDIR was written: it would name no file.",
            "R11-3"),))
    _create(target)
    seconds = limits.item_seconds + len(files) / FILES_PER_SECOND
    with Sandbox(1, limits.child_memory, seconds) as sandbox:
        answer = sandbox.call(
            "mediasvc.work.repaired_directory:write_directory", listing=str(files.listing),
            order=str(files.order), target=str(target), scratch=str(scratch),
            **(files.names or _names(None)))
    if answer.error:
        target.unlink(missing_ok=True)
        raise DamagedError(f"The DICOMDIR could not be written: it {answer.text}.")
    lost = int(answer.value["left_out"])
    return Repaired(target, int(answer.value["records"]), len(files) - lost,
                    lost + files.left_out,
                    tuple(Finding(**row) for row in answer.value["findings"]))


def _file_id(found: Found) -> list[str] | None:
    """The name that the file has on the medium, if a File ID can say it."""
    parts = [part.partition(";")[0].rstrip(".").upper() for part in found.member.parts]
    if not 0 < len(parts) <= COMPONENTS or not all(map(CONFORMING.fullmatch, parts)):
        return None
    return parts


def _names(first: Directory | None) -> dict[str, str]:
    from pydicom.uid import generate_uid

    name = "".join(one for one in first.file_set_id.upper() if one == " " or CONFORMING.fullmatch(
        one))[:16] if first else ""
    return {"file_set_id": name.strip(),
            "file_set_uid": (first.file_set_uid if first else "") or str(generate_uid(None))}


def _create(target: Path) -> None:
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise StorageError(f"The DICOMDIR cannot be written ({error.strerror}).") from error


def write_directory(listing: str, order: str, target: str, scratch: str, file_set_id: str,
                    file_set_uid: str) -> dict[str, Any]:
    """The child's side."""
    findings: list[Finding] = []
    written = write_dicomdir(Path(target), _entries(_lines(Path(listing), Path(order)), findings),
                             FileSet(file_set_id, file_set_uid), scratch=Path(scratch))
    return {"records": written.records, "left_out": len(findings),
            "findings": [asdict(one) for one in (*findings, *written.findings)]}


def _lines(listing: Path, order: Path) -> Iterator[bytes]:
    places = array("Q", order.read_bytes())
    with listing.open("rb") as file:
        for place in places:
            file.seek(place)
            yield file.readline()


def _entries(lines: Iterable[bytes], findings: list[Finding]) -> Iterator[DirectoryEntry]:
    for line in lines:
        label, span, file_id = json.loads(line)
        try:
            with Span.from_json(span).view() as view:
                yield read(read_framing(view), tuple(file_id))
        except (DamagedError, UnsupportedError) as error:
            findings.append(Finding("warning", "not-in-directory", label,
                                    f"Left out of the new DICOMDIR: {error.text}", "RF-3"))
