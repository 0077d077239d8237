"""The import report of one package: what arrived, what was decided and what was changed.

It is the legal record of an import: one XHTML page that needs nothing else, whose SHA-256 goes into
the ledger's chain of events. Patients' data stand inside the page and nowhere else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mediasvc.errors import StateError, StorageError
from mediasvc.identity.match import Candidate
from mediasvc.model import Finding, InstanceHeader, Patient
from mediasvc.store import ledger, refiles, reports
from mediasvc.store.ledger import Counts, Event, Package, PatientGroup
from mediasvc.store.patients import patient_row, people
from mediasvc.store.refiles import Refile
from mediasvc.work import manifest
from mediasvc.work.desk import Desk
from mediasvc.work.group_package import query_of
from mediasvc.work.import_changes import Broken, Changed, changes
from mediasvc.work.import_labels import Labels, labels
from mediasvc.work.patients import match

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

#: The action of the event that holds the report's hash.
ACTION = "import-report"


@dataclass(frozen=True, slots=True)
class Move:
    """Studies of a patient group were moved to another patient and are there now."""

    refile: Refile
    came_from: Patient
    went_to: Patient


@dataclass(frozen=True, slots=True)
class Person:
    """A patient group as received; ``patient`` is whom it was filed under, if anybody, and
    ``candidates`` whom it resembles today."""

    group: PatientGroup
    patient: Patient | None
    candidates: tuple[Candidate, ...]
    headers: tuple[InstanceHeader, ...]
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the page says. ``head`` is (seq, hash) of the ledger when it was made."""

    institution: str
    made_at: str
    made_by: str
    package: Package
    labels: Labels
    counts: Counts
    people: tuple[Person, ...]
    changes: tuple[Changed, ...]
    broken: tuple[Broken, ...]
    files: tuple[manifest.Line, ...]
    findings: tuple[Finding, ...]
    events: tuple[Event, ...]
    head: tuple[int, str]


@dataclass(frozen=True, slots=True)
class Made:
    path: Path
    sha256: str
    length: int
    event: int
    broken: tuple[Broken, ...]


def gather(desk: Desk, number: int, by: str) -> Facts:
    """Read everything that the page will say. Raises NotFoundError."""
    names = labels(desk, number)
    compared = changes(desk, number)
    lines = tuple(manifest.lines(desk, number))
    with desk.store.read() as connection:
        package = ledger.package(connection, number)
        headers: dict[int | None, list[InstanceHeader]] = {}
        for item in ledger.items(connection, number, role="instance"):
            if item.header:
                headers.setdefault(item.group_number, []).append(item.header)
        groups = ledger.groups(connection, number)
        known = {one.row: one for one in people(
            connection, [group.target for group in groups if group.target is not None])}
        persons = tuple(Person(group, known.get(group.target or 0), tuple(
            match(connection, query_of(group), limit=5).candidates),
            tuple(headers.get(group.number, ())),
            _moves(connection, headers.get(group.number, ()))) for group in groups)
        return Facts(desk.settings.site.institution, ledger.now(), by, package, names,
                     ledger.counts(connection, number), persons, compared.changes,
                     compared.broken, lines,
                     tuple(ledger.findings(connection, number)),
                     tuple(ledger.events(connection, "package", number)), ledger.head(connection))


def _moves(connection: Connection, headers: Sequence[InstanceHeader]) -> tuple[Move, ...]:
    """In the order in which they were made, without those that were taken back."""
    studies = {header.study_instance_uid for header in headers}
    return tuple(Move(one, patient_row(connection, one.patient),
                      patient_row(connection, one.target))
                 for one in refiles.refiles(connection, ("done",)) if studies & {*one.studies})


def make_report(desk: Desk, number: int, target: Path, by: str) -> Made:
    """Write the report of package ``number`` to ``target`` (new, mode 0600) and its hash into the
    ledger. Raises NotFoundError, StateError when there is such a file, StorageError."""
    from mediasvc.report.import_report_page import import_page

    if target.exists():
        raise StateError("There is a file of that name already.", "Choose another name.")
    facts = gather(desk, number, by)
    page = import_page(facts)
    sha256 = hashlib.sha256(page).hexdigest()
    write_page(target, page)
    with desk.store.transaction() as connection:
        seq = ledger.record(connection, "package", number, ACTION, by=by,
                            data={"sha256": sha256, "bytes": len(page)})
        reports.put(connection, sha256, seq)
    return Made(target, sha256, len(page), seq, facts.broken)


def find_report(desk: Desk, sha256: str) -> Event | None:
    """The event that recorded a report of this hash, None when no report of ours has it."""
    with desk.store.read() as connection:
        return reports.find(connection, sha256)


def write_page(target: Path, page: bytes) -> None:
    """Never over another file, readable by its owner alone, and on the disk before it counts.

    Raises StateError when there is such a file, StorageError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise StateError("There is a file of that name already.", "Choose another name.") from None
    except OSError as error:
        raise StorageError(f"The page cannot be written ({error.strerror}).") from error


def totals(facts: Facts) -> Mapping[str, int]:
    """The three-way count of files: named by DICOMDIR, on the disc, stored."""
    held = [line for line in facts.files if line.role != "missing"]
    return {
        "files": len(held), "named": sum(bool(line.file_id) for line in facts.files),
        "missing": len(facts.files) - len(held),
        "unnamed": sum(line.role == "instance" and not line.file_id for line in held),
        "other": sum(line.role == "non_dicom" for line in held)}
