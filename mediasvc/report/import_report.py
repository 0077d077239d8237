"""The import report of one package: what arrived, what was decided and what was changed.

It is the legal record of an import: one XHTML page that needs nothing else, whose SHA-256 goes into
the ledger's chain of events. Patients' data stand inside the page and nowhere else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mediasvc.errors import StateError, StorageError
from mediasvc.identity.match import Candidate, Query
from mediasvc.model import Finding, InstanceHeader, Patient
from mediasvc.report.spool import Spool
from mediasvc.store import ledger, refiles, reports
from mediasvc.store.expected import Procedure
from mediasvc.store.holds import order_numbers
from mediasvc.store.ledger import Counts, Event, Package, PatientGroup
from mediasvc.store.patients import patient_row, people
from mediasvc.store.refiles import Refile
from mediasvc.work import manifest
from mediasvc.work.desk import Desk
from mediasvc.work.index.patients import match
from mediasvc.work.intake.group_package import query_of
from mediasvc.work.intake.import_labels import Labels, labels
from mediasvc.work.placing.import_changes import Broken, Changed, changes

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


@dataclass(slots=True)
class StudySeen:
    """A study as a patient group has it; description and institution are those of its first
    instance."""

    study_date: str
    study_instance_uid: str
    description: str
    institution: str
    modalities: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)
    instances: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """A patient group as received; ``patient`` is whom it was filed under, if anybody,
    ``candidates`` whom it resembles today, ``order`` the numbers that it was given."""

    group: PatientGroup
    patient: Patient | None
    candidates: tuple[Candidate, ...]
    studies: tuple[StudySeen, ...]
    moves: tuple[Move, ...] = ()
    order: Procedure | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the page says. ``files`` and ``findings`` lie on the disk, because there may be
    hundreds of thousands; ``totals`` is the three-way count of files: named by DICOMDIR, on the
    disc, stored. ``head`` is (seq, hash) of the ledger when it was made."""

    institution: str
    made_at: str
    made_by: str
    package: Package
    labels: Labels
    counts: Counts
    people: tuple[Person, ...]
    changes: tuple[Changed, ...]
    broken: tuple[Broken, ...]
    files: Spool[manifest.Line]
    totals: Mapping[str, int]
    findings: Spool[Finding]
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
    lines, found = _listed(desk, number)
    with desk.store.read() as connection:
        package = ledger.package(connection, number)
        studies = _studies(connection, number)
        groups = ledger.groups(connection, number)
        known = {one.row: one for one in people(
            connection, [group.target for group in groups if group.target is not None])}
        persons = tuple(Person(group, known.get(group.target or 0), tuple(
            match(connection, _query(group), limit=5).candidates),
            studies.get(group.number, ()), _moves(connection, studies.get(group.number, ())),
            order_numbers(connection, number, group.number))
            for group in groups)
        return Facts(desk.settings.site.institution, ledger.now(), by, package, names,
                     ledger.counts(connection, number), persons, compared.changes,
                     compared.broken, lines, found,
                     Spool(desk.home.staging, ledger.findings(connection, number), asdict,
                           lambda row: Finding(**row)),
                     tuple(ledger.events(connection, "package", number)), ledger.head(connection))


def _query(group: PatientGroup) -> Query:
    """Of who was decided about only the person: that the Patient ID is known as somebody's may
    come from that very decision."""
    query = query_of(group)
    return query if group.state == "waiting" else replace(query, ids=())


def _listed(desk: Desk, number: int) -> tuple[Spool[manifest.Line], dict[str, int]]:
    found = dict.fromkeys(("files", "named", "missing", "unnamed", "other"), 0)

    def counted() -> Iterable[manifest.Line]:
        for line in manifest.lines(desk, number):
            found["named"] += bool(line.file_id)
            found["missing" if line.role == "missing" else "files"] += 1
            found["unnamed"] += line.role == "instance" and not line.file_id
            found["other"] += line.role == "non_dicom"
            yield line

    return Spool(desk.home.staging, counted(), asdict, lambda row: manifest.Line(**row)), found


def _studies(connection: Connection, number: int) -> dict[int | None, tuple[StudySeen, ...]]:
    """By patient group, oldest first."""
    found: dict[int | None, dict[tuple[str, str], StudySeen]] = {}
    for item in ledger.items(connection, number, role="instance"):
        if item.header:
            _see(found.setdefault(item.group_number, {}), item.header)
    return {group: tuple(studies[key] for key in sorted(studies))
            for group, studies in found.items()}


def _see(studies: dict[tuple[str, str], StudySeen], header: InstanceHeader) -> None:
    key = header.study_date, header.study_instance_uid
    seen = studies.get(key)
    if seen is None:
        seen = studies[key] = StudySeen(*key, header.study_description, header.institution_name)
    seen.modalities.update(filter(None, (header.modality,)))
    seen.series.add(header.series_instance_uid)
    seen.instances += 1


def _moves(connection: Connection, seen: Iterable[StudySeen]) -> tuple[Move, ...]:
    """In the order in which they were made, without those that were taken back."""
    studies = {one.study_instance_uid for one in seen}
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
    sha256, length = write_page(target, import_page(facts))
    with desk.store.transaction() as connection:
        seq = ledger.record(connection, "package", number, ACTION, by=by,
                            data={"sha256": sha256, "bytes": length})
        reports.put(connection, sha256, seq)
    return Made(target, sha256, length, seq, facts.broken)


def find_report(desk: Desk, sha256: str) -> Event | None:
    """The event that recorded a report of this hash, None when no report of ours has it."""
    with desk.store.read() as connection:
        return reports.find(connection, sha256)


def write_page(target: Path, page: bytes | Iterable[bytes]) -> tuple[str, int]:
    """Never over another file, readable by its owner alone, and on the disk before it counts;
    returns sha256 and length.

    Raises StateError when there is such a file, StorageError; of a page that could not be written
    to its end nothing stays.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(target, flags, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                digest = hashlib.sha256()
                for part in (page,) if isinstance(page, bytes) else page:
                    digest.update(part)
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
                return digest.hexdigest(), file.tell()
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise StateError("There is a file of that name already.", "Choose another name.") from None
    except OSError as error:
        raise StorageError(f"The page cannot be written ({error.strerror}).") from error
