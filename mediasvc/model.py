"""Frozen values that travel between layers. No files, no database, no libraries."""

from __future__ import annotations

from dataclasses import dataclass, fields
from sys import intern
from typing import Any, Literal, Self

Severity = Literal["error", "warning", "info"]
#: Where an instance of a package ended (FAULTS invariant 1); ``pending`` only while the line runs.
ItemState = Literal["pending", "archived", "duplicate", "quarantined", "held", "rejected"]
PackageState = Literal["receiving", "waiting", "done", "failed", "duplicate", "discarded"]
#: What a file of a package is; ``missing`` is named by DICOMDIR and not there.
Role = Literal["instance", "dicomdir", "non_dicom", "refused", "missing"]
PackageKind = Literal["folder", "iso", "zip", "tar", "archive", "mail", "file"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One trouble with one thing.

    ``subject`` is the label of a file on the package, or ``""`` for the package itself.
    ``rule`` names the clause or our own rule id (``R10-3``, ``M07``, ``PS3.10 7.5``).
    """

    severity: Severity
    code: str
    subject: str
    text: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class PatientKey:
    """Patient ID with its issuer: the only key a patient has (DESIGN §5)."""

    patient_id: str
    issuer: str

    def __str__(self) -> str:
        return f"{self.patient_id}@{self.issuer}"

    @classmethod
    def parse(cls, text: str, default_issuer: str = "") -> Self:
        """``ID[@ISSUER]``; the last ``@`` separates."""
        patient_id, at, issuer = text.rpartition("@")
        return cls(patient_id, issuer) if at else cls(issuer, default_issuer)


@dataclass(frozen=True, slots=True)
class Demographics:
    """Who a patient is said to be. Names in DICOM PN form, dates YYYYMMDD, empty = unknown."""

    patient_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    address: str = ""
    postcode: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class InstanceHeader:
    """What the index needs to know of one instance, read without decoding pixels.

    Strings are decoded and stripped of padding, empty when absent; numbers are 0 when absent.
    ``uncertain_text`` is set when a character set was missing, unknown or violated, so that
    identity text may not be believed (such names never link by rule).
    """

    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    transfer_syntax_uid: str = ""
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    modality: str = ""
    study_date: str = ""
    study_time: str = ""
    study_id: str = ""
    accession_number: str = ""
    study_description: str = ""
    series_number: str = ""
    series_description: str = ""
    instance_number: str = ""
    manufacturer: str = ""
    manufacturer_model_name: str = ""
    software_versions: str = ""
    institution_name: str = ""
    specific_character_set: str = ""
    photometric_interpretation: str = ""
    rows: int = 0
    columns: int = 0
    number_of_frames: int = 0
    samples_per_pixel: int = 0
    bits_allocated: int = 0
    bits_stored: int = 0
    high_bit: int = 0
    pixel_representation: int = 0
    planar_configuration: int = 0
    uncertain_text: bool = False

    def as_json(self) -> dict[str, Any]:
        """Only what is set, for the sandbox pipe and the item table."""
        return {name: value for name in HEADER_FIELDS if (value := getattr(self, name))}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        """The inverse of `as_json`, for what a child answered: unknown keys and wrong types raise
        TypeError. Equal texts are one: the instances of a disc differ in few."""
        known: dict[str, Any] = {}
        for name, value in row.items():
            kind = type(value)
            if kind is not HEADER_FIELDS.get(name):
                raise TypeError(f"header field {name!r}")
            known[name] = intern(value) if kind is str else value
        return cls(**known)


#: The fields of `InstanceHeader` with their types, looked up once: a disc has thousands.
HEADER_FIELDS: dict[str, type] = {one.name: type(one.default) for one in fields(InstanceHeader)}


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """The attributes that say how one frame's samples lie (PS3.3 C.7.6.3).

    Arrays that belong to it are ``(rows, columns)`` or, with more than one sample,
    ``(rows, columns, samples_per_pixel)`` (colour by pixel, whatever planar_configuration says),
    dtype ``uint8/uint16/uint32`` or, where pixel_representation is 1, ``int8/int16/int32``.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    photometric_interpretation: str
    planar_configuration: int = 0

    @property
    def samples(self) -> int:
        return self.rows * self.columns * self.samples_per_pixel

    @property
    def native_bytes(self) -> int:
        """Bytes of one native frame, without padding (1-bit frames rounded up)."""
        return (self.samples * self.bits_allocated + 7) // 8


@dataclass(frozen=True, slots=True)
class Identifier:
    """A further identifier of a patient. ``valid_to`` is empty while it is valid."""

    patient_id: str
    issuer: str
    provenance: str = ""
    valid_from: str = ""
    valid_to: str = ""

    @property
    def key(self) -> PatientKey:
        return PatientKey(self.patient_id, self.issuer)


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient of the local index; ``row`` is the number of the database row."""

    row: int
    key: PatientKey
    demographics: Demographics
    identifiers: tuple[Identifier, ...] = ()
    provisional: bool = False

    def valid_keys(self) -> frozenset[PatientKey]:
        """The patient's own key and every identifier that is valid now."""
        return frozenset({self.key, *(one.key for one in self.identifiers if not one.valid_to)})
