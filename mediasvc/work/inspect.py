"""`mediasvc inspect`: everything that can be said of a package without taking it in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediasvc.model import Finding, InstanceHeader
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Settings
from mediasvc.work.building.private_folder import private_folder
from mediasvc.work.intake.directories import compare
from mediasvc.work.intake.discover import (
    NOTHING_DICOM,
    Report,
    Source,
    list_package,
    screen_package,
)
from mediasvc.work.intake.seen import Seen
from mediasvc.work.repaired_directory import Repaired, ToName, require_new, write_repaired


@dataclass(slots=True)
class StudySeen:
    date: str
    description: str
    modalities: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)
    instances: int = 0


@dataclass(slots=True)
class PatientSeen:
    header: InstanceHeader
    studies: dict[str, StudySeen] = field(default_factory=dict)


@dataclass(slots=True)
class Inspection:
    """Counts and trees; findings are handed out as they come."""

    kind: str = ""
    roles: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    patients: dict[tuple[str, str, str, str], PatientSeen] = field(default_factory=dict)
    referenced: int = 0
    missing: int = 0
    unreferenced: int = 0
    repaired: Repaired | None = None

    def summary(self) -> dict[str, Any]:
        studies = {uid for patient in self.patients.values() for uid in patient.studies}
        series = {uid for patient in self.patients.values()
                  for study in patient.studies.values() for uid in study.series}
        return {
            "kind": self.kind, "instances": self.roles["instance"],
            "patients": len(self.patients), "studies": len(studies), "series": len(series),
            "referenced": self.referenced, "missing": self.missing,
            "unreferenced": self.unreferenced, "refused": self.roles["refused"],
            "non_dicom": self.roles["non_dicom"],
            "findings": {s: self.severities[s] for s in ("error", "warning", "info")},
        } | ({"repaired_dicomdir": {
            "path": str(self.repaired.path), "records": self.repaired.records,
            "named": self.repaired.named, "left_out": self.repaired.left_out,
        }} if self.repaired else {})


def inspect(path: Path, settings: Settings, sandbox: Sandbox,
            tell: Callable[[Finding], None], report: Report,
            password: str | None = None, repaired: Path | None = None) -> Inspection:
    """Look at all of ``path``; each `Finding` goes to ``tell`` once. ``repaired``: a new file for a
    correct DICOMDIR.

    Raises DamagedError when it cannot be opened at all, PasswordNeeded, BudgetError.
    """
    seen = Inspection()
    if repaired is not None:
        require_new(repaired, path)

    def note(findings: tuple[Finding, ...]) -> None:
        for finding in findings:
            seen.severities[finding.severity] += 1
            tell(finding)

    with private_folder() as scratch:
        source = Source(path.absolute(), scratch, settings.limits, settings.inbox.ignore,
                        password)
        listing = list_package(sandbox, source)
        seen.kind = listing.kind
        note(listing.findings)
        compared = Seen(listing.members)
        to_name = ToName(scratch) if repaired is not None else None
        for found in screen_package(sandbox, source, listing, report):
            note(found.findings)
            seen.roles[found.role] += 1
            compared.add(found)
            if to_name is not None:
                note(to_name.add(found))
            if found.header is not None and found.role == "instance":
                _count(seen, found.header)
        comparison = compare(compared)
        note(comparison.findings)
        seen.referenced, seen.missing = comparison.referenced, len(comparison.missing)
        seen.unreferenced = comparison.unreferenced
        if not seen.roles["instance"] + seen.roles["refused"]:
            note((NOTHING_DICOM,))
        if repaired is not None and to_name is not None:
            seen.repaired = write_repaired(settings.limits, repaired, to_name, scratch)
            note(seen.repaired.findings)
    return seen


def _count(seen: Inspection, header: InstanceHeader) -> None:
    key = (header.patient_id, header.issuer_of_patient_id, header.patient_name,
           header.patient_birth_date)
    patient = seen.patients.setdefault(key, PatientSeen(header))
    study = patient.studies.setdefault(
        header.study_instance_uid, StudySeen(header.study_date, header.study_description))
    study.modalities.add(header.modality)
    study.series.add(header.series_instance_uid)
    study.instances += 1
