"""What a label says of a released disc (IHE PDI: patient, date, institution, kind of content)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mediasvc.errors import StateError
from mediasvc.media.page import words
from mediasvc.settings import Site
from mediasvc.store import burns, index, patients
from mediasvc.store.discs import Disc
from mediasvc.work.deidentifying.deidentify_order import ANONYMOUS
from mediasvc.work.desk import Desk

WITH_WEB, WITHOUT_WEB = "DICOM PLUS WEB", "DICOM ONLY"


@dataclass(frozen=True, slots=True)
class LabelStudy:
    date: str
    description: str
    modalities: str


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """Everything as it is printed. Of several patients none is named, nor that of a disc that was
    de-identified."""

    patient: str
    patient_id: str
    birth_date: str
    created: str
    institution: str
    contact: str
    content: str
    part: str
    file_set_id: str
    recipient: str
    studies: tuple[LabelStudy, ...]

    def fields(self) -> tuple[tuple[str, str], ...]:
        """For a robot's label template, in this order."""
        rows = (("PATIENT", self.patient), ("PATIENT_ID", self.patient_id),
                ("BIRTH_DATE", self.birth_date), ("CREATED", self.created),
                ("INSTITUTION", self.institution), ("CONTENT", self.content),
                ("PART", self.part), ("FILE_SET", self.file_set_id))
        return tuple((name, value.replace("\r", " ").replace("\n", " ")) for name, value in rows)


def label_facts(desk: Desk, disc: Disc) -> LabelFacts:
    """Raises StateError unless the disc is released: no label exists before."""
    if disc.state != "released":
        raise StateError(f"Disc {disc.id} is {disc.state}; a label is for a released one.")
    with desk.store.read() as connection:
        noted = burns.noted(connection, disc.id)
        named = "deidentified" not in noted
        on_it = burns.studies_on(connection, disc.id) if named else {}
        studies = list(index.studies(connection, uids=list(on_it)))
        # copies with loss have other UIDs than the index: whose they are was noted
        rows = {study.patient.row for study in studies} or noted.get("patients", ())
        people = patients.people(connection, list(rows)) if named else []
    only = people[0] if len(people) == 1 else None
    site = desk.settings.site
    if not named and "institution" not in noted["deidentified"].split():
        site = Site(institution=ANONYMOUS)
    return LabelFacts(
        patient=words.person_name(only.demographics.patient_name) if only else
        (f"{len(people)} patients" if people else ""),
        patient_id=only.key.patient_id if only else "",
        birth_date=words.date(only.demographics.patient_birth_date) if only else "",
        created=f"{datetime.fromisoformat(disc.created_at):%Y-%m-%d}",
        institution=site.institution, contact=site.contact,
        content=WITHOUT_WEB if "-SEC-" in disc.profile or disc.path.endswith(".eml") else WITH_WEB,
        part=f"Disc {disc.part}" if disc.part else "", file_set_id=disc.file_set_id,
        recipient=disc.recipient,
        studies=tuple(sorted((LabelStudy(words.date(study.study_date), study.study_description,
                                         ", ".join(on_it[study.study_instance_uid]))
                              for study in studies), key=lambda study: study.date, reverse=True)))
