"""What the queue shows of a package: counts, groups with candidates, and why it waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from mediasvc.identity.match import Candidate
from mediasvc.model import Finding
from mediasvc.store import ledger
from mediasvc.store.expected import Expected
from mediasvc.store.holds import Hold, holds
from mediasvc.store.item_headers import StudyHeld, studies_of
from mediasvc.store.ledger import Counts, Package, PatientGroup
from mediasvc.work.desk import Desk
from mediasvc.work.index.expect import awaited
from mediasvc.work.index.patients import match
from mediasvc.work.intake.group_package import query_of

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class GroupView:
    """``hold``: somebody put it aside. ``studies``: what there is of the patient. ``awaited``: by
    row, the candidates whose disc was announced."""

    group: PatientGroup
    candidates: list[Candidate]
    hold: Hold | None = None
    studies: tuple[StudyHeld, ...] = ()
    awaited: Mapping[int, Expected] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PackageView:
    """``missing``: how many files DICOMDIR names that the disc does not hold. ``holds`` are those
    of its waiting groups, ``aside``: all of them are put aside."""

    package: Package
    counts: Counts
    patients: int
    missing: int
    findings: dict[str, int]
    holds: tuple[Hold, ...] = ()
    aside: bool = False

    def as_json(self) -> dict[str, Any]:
        package, counts = self.package, self.counts
        return {
            "package": str(package.id), "path": package.path, "kind": package.kind,
            "source": package.source, "state": package.state, "reason": package.reason,
            "instances": counts.instances, "archived": counts.archived,
            "duplicate": counts.duplicate, "quarantined": counts.quarantined,
            "held": counts.held + counts.pending, "rejected": counts.rejected,
            "patients": self.patients, "missing": self.missing, "findings": self.findings,
            "on_hold": self.aside, "holds": [asdict(one) for one in self.holds],
            "arrived_at": package.arrived_at,
            "duplicate_of": str(package.duplicate_of) if package.duplicate_of else None,
        }


def view(desk: Desk, number: int) -> PackageView:
    """Raises NotFoundError."""
    with desk.store.read() as connection:
        package = ledger.package(connection, number)
        # A duplicate has no groups of its own: its patients are those of the first arrival.
        owner = package.duplicate_of or number
        # Instances with a conflict wait in a group that has no issuer: it is no patient.
        patients = sum(bool(group.patient_id or group.patient_name or group.issuer)
                       for group in ledger.groups(connection, owner))
        put_aside = tuple(holds(connection, number).values())
        waiting = sum(group.state == "waiting" for group in ledger.groups(connection, number))
        return PackageView(package, ledger.counts(connection, number), patients,
                           ledger.role_counts(connection, number).get("missing", 0),
                           ledger.finding_counts(connection, number), put_aside,
                           0 < waiting == len(put_aside))


def group_views(desk: Desk, number: int) -> list[GroupView]:
    """Each patient group with its studies and ranked candidates."""
    with desk.store.read() as connection:
        aside = holds(connection, number)
        who = awaited(connection, ledger.package(connection, number).source)
        return [GroupView(group, _candidates(connection, group), aside.get(group.number),
                          tuple(studies_of(connection, number, group.number)), who)
                for group in ledger.groups(connection, number)]


def _candidates(connection: Connection, group: PatientGroup) -> list[Candidate]:
    if group.state != "waiting":
        return []
    return list(match(connection, query_of(group), limit=CANDIDATES).candidates)


def findings(desk: Desk, number: int) -> list[Finding]:
    with desk.store.read() as connection:
        return list(ledger.findings(connection, number))
