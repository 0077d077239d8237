"""What one package lacks: files that are missing, unreadable, or that may not enter."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediasvc.model import Finding
from mediasvc.standard.finding_clauses import CLAUSES
from mediasvc.store import addenda, ledger
from mediasvc.store.ledger import Item, Package
from mediasvc.store.senders import Sender
from mediasvc.work.intake.discover import MEDIUM_ERROR

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

SECTOR = 2048
MISSING_CLAUSE = CLAUSES["missing-file"]
_PLACE = re.compile(r"from byte (\d+)")


@dataclass(frozen=True, slots=True)
class Lacked:
    """One file by its File ID (or path) and SOP Instance UID, ``""`` where nobody knows it.
    ``why`` in words, ``clause`` of the standard."""

    name: str
    sop_instance_uid: str
    why: str
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Lacking:
    """``came`` later with other packages, and is not asked for again."""

    package: Package
    sender: Sender
    missing: tuple[Lacked, ...]
    unreadable: tuple[Lacked, ...]
    refused: tuple[Lacked, ...]
    general: tuple[Finding, ...]
    came: int
    instances: int

    @property
    def nothing(self) -> bool:
        return not (self.missing or self.unreadable or self.refused)


def lacking(connection: Connection, number: int) -> Lacking:
    """Raises NotFoundError."""
    package = ledger.package(connection, number)
    findings: dict[str, list[Finding]] = defaultdict(list)
    for one in ledger.findings(connection, number):
        if one.severity == "error" or not one.subject:
            findings[one.subject].append(one)
    senders: Counter[Sender] = Counter()
    lost: dict[str, list[Lacked]] = {"missing": [], "unreadable": [], "refused": []}
    late = addenda.came_with(connection, number, [
        item.sop_instance_uid for role in addenda.LACKED
        for item in ledger.items(connection, number, role=role, headers=False)])
    for item in ledger.items(connection, number):
        if item.header:
            senders[Sender(item.header.institution_name, item.header.manufacturer,
                           item.header.software_versions)] += 1
        if item.role == "missing" and item.sop_instance_uid not in late:
            lost["missing"].append(Lacked(_name(item), item.sop_instance_uid, "is not on the disc",
                                          MISSING_CLAUSE))
        elif item.role == "refused" and item.sop_instance_uid not in late:
            kind, told = _refused(item, findings[item.label], package.kind == "iso")
            lost[kind].append(told)
    general = tuple(one for one in findings[""] if one.severity != "info" and one.code in CLAUSES)
    return Lacking(package, senders.most_common(1)[0][0] if senders else Sender("", "", ""),
                   tuple(lost["missing"]), tuple(lost["unreadable"]), tuple(lost["refused"]),
                   general, len(late), ledger.counts(connection, number).instances)


def _name(item: Item) -> str:
    return item.file_id or item.label


def _refused(item: Item, findings: list[Finding], is_image: bool) -> tuple[str, Lacked]:
    medium = next((one for one in findings if one.code == MEDIUM_ERROR), None)
    if medium is not None:
        return "unreadable", Lacked(_name(item), item.sop_instance_uid, _where(medium, is_image))
    told = next((one for one in findings if one.code in CLAUSES), findings[0] if findings else None)
    return "refused", Lacked(_name(item), item.sop_instance_uid,
                             told.text.rstrip(".") if told else "could not be read",
                             CLAUSES.get(told.code, "") if told else "")


def _where(finding: Finding, is_image: bool) -> str:
    """Of a disc image the byte is one of the disc, and so a sector."""
    found = _PLACE.search(finding.text)
    if not found:
        return "cannot be read from the disc"
    place = int(found[1])
    return (f"cannot be read from the disc from sector {place // SECTOR} on" if is_image else
            f"cannot be read from the disc from its byte {place} on")
