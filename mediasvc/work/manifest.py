"""The three-way manifest of a package, kept for ever (FIELD N1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from mediasvc.media.directory.dicomdir_repairs import CODE
from mediasvc.model import Finding
from mediasvc.store import addenda, index, ledger
from mediasvc.store.index import StoredInstance
from mediasvc.store.ledger import Item
from mediasvc.work.desk import Desk
from mediasvc.work.waiting.attached import Attached, attached_of

PAGE = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One file. ``file_id`` empty: DICOMDIR does not name it; role ``missing``: only DICOMDIR
    does. ``sha256`` is of the bytes on the disc, ``object_sha256`` of the object that the archive
    holds now; of a duplicate, too, as long as its twin is there."""

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
    """Of a file that is missing or of no use: the package that brought it in the end."""
    filed_with: int | None = None
    """Of a file that is no DICOM: the package as which it was wrapped and filed."""

    def as_json(self) -> dict[str, Any]:
        return {"in_dicomdir": bool(self.file_id), "on_disc": self.role != "missing",
                "stored": self.stored, **asdict(self)}

    @property
    def stored(self) -> bool:
        return bool(self.object_sha256)

    def came(self, package: int) -> str:
        """``later, with package 7``: of a file of ``package`` that another one brought."""
        when = "later" if (self.came_with or 0) > package else "before"
        return f"{when}, with package {self.came_with}"


def lines(desk: Desk, number: int) -> Iterator[Line]:
    """Every file of the package and every file that it lacks. Raises NotFoundError."""
    with desk.store.read() as connection:
        ledger.package(connection, number)
        late = addenda.came_with(connection, number, [
            item.sop_instance_uid for role in addenda.LACKED
            for item in ledger.items(connection, number, role=role, headers=False)])
        wrapped = attached_of(connection, number)
        items = iter(ledger.items(connection, number))
        while page := list(islice(items, PAGE)):
            present = index.instances(connection, [
                item.sop_instance_uid for item in page if item.state in ("archived", "duplicate")])
            for item in page:
                yield _line(item, wrapped.get(item.number), present, late)


def _line(item: Item, place: Attached | None, present: dict[str, StoredInstance],
          late: dict[str, int]) -> Line:
    """``present``: what the archive holds now; other objects than at first after a refile."""
    uid, stored = item.sop_instance_uid, ""
    filed_with: int | None = None
    if place is not None and place.stored is not None:
        uid, stored, filed_with = place.sop_instance_uid, place.stored.object_sha256, place.package
    elif item.state in ("archived", "duplicate") and uid in present:
        stored = present[uid].object_sha256
    return Line(item.label, item.file_id, item.role, item.length, item.sha256, item.state,
                item.reason, uid, stored, item.duplicate_of,
                late.get(uid) if item.role in addenda.LACKED else None, filed_with)


def repairs(desk: Desk, number: int) -> Iterator[Finding]:
    """What had to be repaired in DICOMDIR to read it, record by record."""
    with desk.store.read() as connection:
        yield from (one for one in ledger.findings(connection, number) if one.code == CODE)
