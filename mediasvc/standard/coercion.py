"""What an Importer writes into an instance (IHE RAD TF IRWF, RAD-61; PS3.3 C.12.1).

The tables say which attributes are rewritten when an instance is filed under a local patient and
where each value comes from. `mediasvc.work.placing.coerce` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Origin = Literal["patient_id", "issuer", "patient_name", "patient_birth_date", "patient_sex",
                 "accession_number", "empty"]


@dataclass(frozen=True, slots=True)
class Rule:
    """``when``: ``always`` writes the attribute; ``known`` only when we have a local value (the
    received one stays otherwise); ``present`` only where the instance has it."""

    tag: int
    vr: str
    keyword: str
    origin: Origin
    when: Literal["always", "known", "present"]
    clause: str


#: Identity attributes that take local values.
IDENTITY_RULES = (
    Rule(0x00100010, "PN", "PatientName", "patient_name", "known", "IRWF, PS3.3 C.7.1.1"),
    Rule(0x00100020, "LO", "PatientID", "patient_id", "always", "IRWF, PS3.3 C.7.1.1"),
    Rule(0x00100021, "LO", "IssuerOfPatientID", "issuer", "always", "IRWF, PS3.3 10.14"),
    Rule(0x00100024, "SQ", "IssuerOfPatientIDQualifiersSequence", "empty", "present",
         "PS3.3 10.14"),
    Rule(0x00100030, "DA", "PatientBirthDate", "patient_birth_date", "known", "PS3.3 C.7.1.1"),
    Rule(0x00100040, "CS", "PatientSex", "patient_sex", "known", "PS3.3 C.7.1.1"),
)

#: Foreign orders and stays end at our door; on the way out they are our own.
ORDER_RULES = (
    Rule(0x00080050, "SH", "AccessionNumber", "accession_number", "always", "IRWF"),
    Rule(0x00080051, "SQ", "IssuerOfAccessionNumberSequence", "empty", "present",
         "IRWF unscheduled"),
    Rule(0x00380010, "LO", "AdmissionID", "empty", "present",
         "IRWF: foreign ones must not survive"),
    Rule(0x00380014, "SQ", "IssuerOfAdmissionIDSequence", "empty", "present", "IRWF"),
)
#: Of the local order, where a scheduled import answers one (IRWF, RAD TF-2 4.61).
PROCEDURE_CODE_SEQUENCE = 0x00081032
REQUEST_ATTRIBUTES_SEQUENCE = 0x00400275

OTHER_PATIENT_IDS_SEQUENCE = 0x00101002
TYPE_OF_PATIENT_ID = 0x00100022

#: Provenance attributes: stamps of ours.
INSTANCE_COERCION_DATE_TIME = 0x00080015
CONTRIBUTING_EQUIPMENT_SEQUENCE = 0x0018A001
ORIGINAL_ATTRIBUTES_SEQUENCE = 0x04000561
INSTANCE_ORIGIN_STATUS = 0x04000600
IMPORTED = "IMPORTED"

#: (0400,0565) Reason for the Attribute Modification, PS3.3 C.12.1.1.9
COERCE, CORRECT = "COERCE", "CORRECT"

#: Purpose of Reference of our Contributing Equipment item, CID 7005.
MEDIA_IMPORTER = ("MEDIM", "DCM", "Portable Media Importer Equipment")
