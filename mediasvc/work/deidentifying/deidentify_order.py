"""How an export is de-identified: options, the secret, and what is kept of it at home."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mediasvc.dicom.deidentify_keys import SECRET_BYTES, Keys
from mediasvc.errors import SettingsError
from mediasvc.model import InstanceHeader, Patient
from mediasvc.settings import Home, Site
from mediasvc.standard.deidentification import Policy
from mediasvc.standard.deidentification_blanking import BlankingRule, blanking_rules

FOLDER = "deidentification"
#: In the place of the institution on discs that may not name it.
ANONYMOUS = "De-identified images"
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Privacy:
    """``project``: whose key it is; empty: one that nobody keeps. ``mapping``: who became who is
    written into the home, never on the disc."""

    policy: Policy
    keys: Keys = field(repr=False)
    rules: tuple[BlankingRule, ...] = ()
    project: str = ""
    mapping: bool = False

    def uid(self, uid: str) -> str:
        """What an instance is called on the disc."""
        return uid if self.policy.has("uids") else self.keys.uid(uid)

    def site(self, site: Site) -> Site:
        """Whom the pages of the disc may name."""
        return site if self.policy.has("institution") else Site(institution=ANONYMOUS)

    def as_json(self, patient: Patient | None = None) -> dict[str, Any]:
        """What a child needs to know; the secret goes through its pipe alone."""
        row: dict[str, Any] = {
            "options": sorted(self.policy.options), "secret": self.keys.secret.hex(),
            "rules": [rule.as_json() for rule in self.rules], "subject": "", "also": []}
        if patient is not None:
            identifiers = [patient.key.patient_id, *(one.patient_id for one in
                                                     patient.identifiers)]
            row |= {"subject": str(patient.key),
                    "also": [text for text in (*identifiers, patient.demographics.patient_name,
                                               patient.demographics.patient_birth_date,
                                               patient.demographics.phone) if text]}
        return row


def privacy(home: Home, retain: Iterable[str], clean: Iterable[str], *, project: str = "",
            mapping: bool = False, site: Path | None = None) -> Privacy:
    """Raises SettingsError for words that are no options or no name of a project."""
    policy = Policy.of(retain, clean)
    keys = project_keys(home, project) if project else Keys.fresh()
    rules = blanking_rules(site) if policy.has("pixel") else ()
    return Privacy(policy, keys, rules, project, mapping)


def project_keys(home: Home, project: str) -> Keys:
    """The key of a project: the same every time, made when the project is first named."""
    if not _PROJECT.fullmatch(project):
        raise SettingsError("--project takes letters, digits, _ and -.")
    folder = _folder(home)
    path = folder / f"{project}.key"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        secret = bytes.fromhex(path.read_text("ascii").strip())
        if len(secret) < SECRET_BYTES:
            raise SettingsError(f"The key of project {project} is damaged.") from None
        return Keys(secret)
    with os.fdopen(fd, "w", encoding="ascii") as stream:
        keys = Keys.fresh()
        stream.write(keys.secret.hex() + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return keys


@dataclass(frozen=True, slots=True)
class Renamed:
    """One instance before and after; ``days`` that its dates moved back by."""

    before: InstanceHeader
    after: InstanceHeader
    days: int


def write_mapping(home: Home, name: str, rows: Iterable[Renamed]) -> Path:
    """Who became who, as JSON lines in HOME/deidentification/NAME.map, for the site alone."""
    path = _folder(home) / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.map"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps({
                name: [getattr(row.before, name), getattr(row.after, name)] for name in (
                    "patient_id", "study_instance_uid", "series_instance_uid",
                    "sop_instance_uid")} | {"issuer_of_patient_id":
                                            row.before.issuer_of_patient_id, "days": row.days})
                + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return path


def _folder(home: Home) -> Path:
    folder = home.root / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


