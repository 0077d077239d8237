"""What the parent orders and a child carries out (`mediasvc.work.placing.coerce`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from mediasvc.standard.coercion import COERCE


@dataclass(frozen=True, slots=True)
class Order:
    """Under whom an instance is filed, and who says so. Empty demographics are unknown to us."""

    patient_id: str
    issuer: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    foreign_issuer: str
    """Issuer of the received Patient ID where the file names none."""
    source: str
    """Source of Previous Values (0400,0564)."""
    institution: str
    station_name: str
    software: str
    at: str
    """DT with offset, the same for a whole package."""
    reason: str = COERCE
    incoming: bool = True
    """On the way in a foreign order gives way to ours; on the way out it is ours already."""
    accession_number: str = ""
    """Of the local order; empty when the import is unscheduled, and so are the next six."""
    requested_procedure_id: str = ""
    requested_procedure_description: str = ""
    scheduled_procedure_step_id: str = ""
    procedure_code: str = ""
    coding_scheme: str = ""
    code_meaning: str = ""

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Order:
        return cls(**row)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
