"""Patients whom only a package knows: a provisional identifier of our own (DESIGN §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediasvc.identity.match import is_placeholder
from mediasvc.model import Demographics, PatientKey
from mediasvc.settings import Settings
from mediasvc.store import patients
from mediasvc.work.index.patients import patient_record

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

PROVENANCE = "decision"


def provisional_key(settings: Settings, package_id: int, group: int) -> PatientKey:
    """A Patient ID of our own that no other package or group ever gets, not even after an undo."""
    site = settings.site
    return PatientKey(f"{site.provisional_prefix}{package_id:06d}{group:02d}", site.issuer)


def add_provisional_patient(connection: Connection, settings: Settings, package_id: int,
                            group: int, demographics: Demographics) -> int:
    """Make a provisional patient for a decision about a package's group; returns the row."""
    record = patient_record(provisional_key(settings, package_id, group), demographics)
    return patients.add_provisional(connection, record, package_id)


def remember_identifier(connection: Connection, row: int, foreign: PatientKey,
                        package_id: int) -> None:
    """The foreign ID under which this patient came; a disc of the same sender will find them."""
    if is_placeholder(foreign.patient_id):
        return
    if foreign not in patients.patient_row(connection, row).valid_keys():
        patients.add_identifier(connection, row, foreign, provenance=PROVENANCE,
                                package_id=package_id)
