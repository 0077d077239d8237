"""Patient IDs that say nobody (FAULTS I08): they are never a key."""

from __future__ import annotations

#: Compared without case and without anything but letters and digits.
PLACEHOLDERS = frozenset({
    "", "0", "none", "null", "nil", "na", "nn", "nan", "unknown", "unk", "unknownid", "undefined",
    "unbekannt", "inconnu", "desconocido", "sconosciuto", "onbekend", "okand", "ukendt", "ukjent",
    "anonymous", "anonymized", "anonymised", "anon", "anonym", "anonymus", "anonyme", "anonimo",
    "deidentified", "removed", "deleted", "redacted", "hidden", "withheld", "noname", "nobody",
    "noid", "nopid", "nopatientid", "patient", "patientid", "patid", "id", "pid", "mrn", "test",
    "testpatient", "testid", "phantom", "qa", "qc", "service", "demo", "dummy", "sample", "default",
    "emergency", "notfall", "temp", "tmp", "todo", "tbd", "johndoe", "janedoe", "missing",
    "notavailable", "notapplicable", "notspecified", "unspecified", "unidentified", "nodata",
    "empty", "blank",
})
#: One of these repeated is a placeholder from so many characters on.
_REPEATED = {"0": 1, "9": 3, "x": 2}


def is_placeholder(patient_id: str) -> bool:
    """The Patient ID identifies nobody and never matches anything."""
    bare = "".join(filter(str.isalnum, patient_id.casefold()))
    if bare in PLACEHOLDERS:
        return True
    return len(set(bare)) == 1 and len(bare) >= _REPEATED.get(bare[0], len(bare) + 1)
