"""The three-way manifest of a package, kept for ever (FIELD N1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from mediasvc.media.dicomdir_repairs import CODE
from mediasvc.model import Finding
from mediasvc.store import addenda, ledger
from mediasvc.work.attached import attached_of
from mediasvc.work.desk import Desk


@dataclass(frozen=True, slots=True)
class Line:
    """One file. ``file_id`` empty: DICOMDIR does not name it; role ``missing``: only DICOMDIR
    does. ``sha256`` is of the bytes on the disc, ``object_sha256`` of what we stored."""

    label: str
    file_id: str
    role: str
    length: int
    sha256: str
    state: str
    reason: str
    sop_instance_uid: str
    object_sha256: str
    duplicate_of: str
    came_with: int | None = None
    """Of a missing file: the package that brought it in the end."""
    filed_with: int | None = None
    """Of a file that is no DICOM: the package as which it was wrapped and filed."""

    def as_json(self) -> dict[str, Any]:
        return {"in_dicomdir": bool(self.file_id), "on_disc": self.role != "missing",
                "stored": self.state in ("archived", "duplicate") or self.filed_with is not None,
                **asdict(self)}


def lines(desk: Desk, number: int) -> Iterator[Line]:
    """Every file of the package and every file that it lacks. Raises NotFoundError."""
    with desk.store.read() as connection:
        ledger.package(connection, number)
        late = addenda.came_with(connection, [
            item.sop_instance_uid for item in ledger.items(connection, number, role="missing")])
        wrapped = attached_of(connection, number)
        for item in ledger.items(connection, number):
            place = wrapped.get(item.number)
            if place is not None and place.stored is not None:
                yield Line(item.label, item.file_id, item.role, item.length, item.sha256,
                           item.state, item.reason, place.sop_instance_uid,
                           place.stored.object_sha256,
                           item.duplicate_of, filed_with=place.package)
                continue
            yield Line(item.label, item.file_id, item.role, item.length, item.sha256, item.state,
                       item.reason, item.sop_instance_uid, item.object_sha256, item.duplicate_of,
                       late.get(item.sop_instance_uid) if item.role == "missing" else None)


def repairs(desk: Desk, number: int) -> Iterator[Finding]:
    """What had to be repaired in DICOMDIR to read it, record by record."""
    with desk.store.read() as connection:
        yield from (one for one in ledger.findings(connection, number) if one.code == CODE)
