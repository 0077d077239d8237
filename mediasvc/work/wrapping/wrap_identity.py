"""Whose file is it, and what else is known of it: the side file, or the patient of the index."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediasvc.errors import SettingsError, StateError
from mediasvc.model import Patient, PatientKey
from mediasvc.work.wrapping.wrap_uids import stable_uid

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

LIMIT = 1 << 20
#: The short words of the side file.
WORDS = {"patient_id": "PatientID", "issuer": "IssuerOfPatientID", "name": "PatientName",
         "birth_date": "PatientBirthDate", "sex": "PatientSex", "study": "StudyInstanceUID",
         "study_date": "StudyDate", "study_time": "StudyTime", "study_id": "StudyID",
         "study_description": "StudyDescription", "accession_number": "AccessionNumber",
         "series_description": "SeriesDescription", "title": "DocumentTitle",
         "modality": "Modality"}
#: Who the patient is; two statements of it must be the same.
PATIENT = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex")
#: What the file itself says, or the wrapping makes; nobody else may.
OWN = frozenset({
    "SOPClassUID", "SOPInstanceUID", "ImageType", "SpecificCharacterSet", "FrameTime",
    "CineRate", "RecommendedDisplayFrameRate", "PageNumberVector", "EncapsulatedDocument",
    "EncapsulatedDocumentLength", "MIMETypeOfEncapsulatedDocument", "StereoPairsPresent",
    "DerivationCodeSequence", "VerificationFlag", "ValueType", "ContinuityOfContent",
    "ContentSequence", "HL7InstanceIdentifier", "ListOfMIMETypes"})
#: The only attributes of group 0028 that a person may give: they describe what is to be seen.
SEEN = frozenset({"BurnedInAnnotation", "RecognizableVisualFeatures", "PixelSpacing",
                  "QualityControlImage"})
#: Below are commands, file headers and directories; from the curves on waveforms, overlays, pixels.
FIRST_GROUP, IMAGE_GROUP, CURVE_GROUP = 0x0008, 0x0028, 0x5000
#: A study of files that came without one is the same for the same values of these.
STUDY_KEYS = ("PatientID", "IssuerOfPatientID", "StudyDate", "StudyID", "AccessionNumber",
              "StudyDescription")


@dataclass(frozen=True, slots=True)
class Identity:
    """Attributes by keyword as in JSON; ``patient`` is set when the index knows the person."""

    attributes: dict[str, Any]
    patient: Patient | None = None

    def with_modality(self, modality: str | None) -> Identity:
        more = {"Modality": modality} if modality else {}
        return Identity(self.attributes | more, self.patient)

    @property
    def key(self) -> tuple[str, str]:
        """(Patient ID, issuer), as they were said."""
        return (str(self.attributes["PatientID"]),
                str(self.attributes.get("IssuerOfPatientID") or ""))

    @property
    def has_study(self) -> bool:
        """Whether somebody said which study, or of which day."""
        return bool(self.attributes.get("StudyInstanceUID") or self.attributes.get("StudyDate"))

    def on(self, study_date: str) -> Identity:
        """With the day of the study where nobody said it."""
        if self.has_study or not study_date:
            return self
        return Identity(self.attributes | {"StudyDate": study_date}, self.patient)

    @property
    def study_uid(self) -> str:
        """The one that was given, or the same for all files of the person on this day."""
        known = self.attributes
        return str(known.get("StudyInstanceUID")
                   or stable_uid("study", *(str(known.get(key) or "") for key in STUDY_KEYS)))


def read_identity(path: Path) -> Identity:
    """The side file of CONTRACT. Raises SettingsError; values are never quoted."""
    return identity_of(read_values(path, "the identity file"), "the identity file")


def read_values(path: Path, what: str) -> dict[str, Any]:
    """The JSON object of a side file, by keyword. Raises SettingsError."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LIMIT + 1)
        values = json.loads(data) if len(data) <= LIMIT else None
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{what} cannot be read as JSON") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{what} is no JSON object of at most 1 MiB")
    return {WORDS.get(str(key), str(key)): value for key, value in values.items()}


def identity_of(attributes: dict[str, Any], what: str) -> Identity:
    """Attributes by keyword, checked. Raises SettingsError; ``what`` says where they stand."""
    for keyword in attributes:
        _check_keyword(keyword, what)
    if not isinstance(attributes.get("PatientID"), str) or not attributes["PatientID"].strip():
        raise SettingsError(f"{what} has no patient_id.", "It is never assumed.")
    check_values(attributes)
    return Identity(attributes)


def index_identity(connection: Connection, key: PatientKey, study: str | None) -> Identity:
    """A patient of the index; with ``study`` also what the archive knows of that study.

    Raises NotFoundError, and StateError when the study is another patient's.
    """
    from mediasvc.store import index
    from mediasvc.store.patients import patient

    person = patient(connection, key)
    known = person.demographics
    attributes: dict[str, Any] = {
        "PatientID": person.key.patient_id, "IssuerOfPatientID": person.key.issuer,
        "PatientName": known.patient_name, "PatientSex": known.patient_sex}
    if len(known.patient_birth_date) == 8:  # a year alone is no DA
        attributes["PatientBirthDate"] = known.patient_birth_date
    for found in index.studies(connection, uids=[study]) if study else ():
        if found.patient.row != person.row:
            raise StateError("This study is filed under another patient.")
        attributes |= {
            "StudyDate": found.study_date, "StudyTime": found.study_time,
            "StudyID": found.study_id, "AccessionNumber": found.accession_number,
            "StudyDescription": found.study_description}
    return with_study(Identity(attributes, person), study)


def with_study(identity: Identity, study: str | None) -> Identity:
    """Raises SettingsError for what is no UID, or another one than the side file gives."""
    if study is None:
        return identity
    if identity.attributes.get("StudyInstanceUID", study) != study:
        raise SettingsError("the identity file and --study name different studies")
    attributes = identity.attributes | {"StudyInstanceUID": study}
    check_values(attributes)
    return Identity(attributes, identity.patient)


def check_values(attributes: dict[str, Any]) -> None:
    """Every value must fit its VR (PS3.5 6.2). Raises SettingsError."""
    from mediasvc.work.wrapping.wrap_elements import element

    for keyword, value in attributes.items():
        element(keyword, value)


def _check_keyword(keyword: str, what: str) -> None:
    from pydicom.datadict import keyword_dict, tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None:
        near = difflib.get_close_matches(keyword, [*WORDS, *keyword_dict], n=2)
        raise SettingsError(f"{what} has an attribute {keyword!r} that DICOM does not",
                            f"Did you mean {' or '.join(near)}?" if near else "")
    group = tag >> 16
    framed = group < FIRST_GROUP or group == IMAGE_GROUP or group >= CURVE_GROUP
    if keyword in OWN or (framed and keyword not in SEEN):
        raise SettingsError(f"{keyword} comes from the file itself and cannot be given")

