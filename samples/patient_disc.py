"""The disc that a patient brings along: several modalities, extras, and the usual damage."""

from __future__ import annotations

import csv
from pathlib import Path

from samples.disc import write_disc
from samples.kinds import PDF
from samples.synthesis import instance

#: How the other hospital knows her. No issuer: like almost every disc.
FOREIGN = {"PatientID": "EX-55213", "PatientName": "Mustermann^Erika",
           "PatientBirthDate": "19640812", "PatientSex": "F",
           "InstitutionName": "Hospital Elsewhere"}

#: The local index: she herself under her own number, people who are easily taken for her,
#: and the people of the disc that pydicom carries.
INDEX = [
    ("100231", "Mustermann^Erika^Maria", "19640812", "F", "12 Sample Street", "12345"),
    ("100877", "Mustermann^Erik", "19640812", "M", "12 Sample Street", "12345"),
    ("101402", "Mustermann^Erika", "19910228", "F", "3 Other Road", "54321"),
    ("100019", "Muster^Erika", "19640821", "F", "", "99999"),
    ("104555", "Doe^Archibald", "19500101", "M", "1 Main Street", "11111"),
    ("104556", "Doe^Peter", "19710630", "M", "2 Main Street", "11111"),
    ("104557", "Doe^Petra", "19710630", "F", "2 Main Street", "11111"),
    ("100500", "Specimen^Alma", "19880309", "F", "", ""),
]

EXTRAS = {
    "AUTORUN.INF": b"[autorun]\r\nopen=VIEWER\\VIEWER.EXE\r\n",
    "VIEWER/VIEWER.EXE": b"MZ\x90\x00" + b"\0" * 60 + b"This is no program, only its look.\r\n",
    "VIEWER/VIEWER.INI": b"[viewer]\r\nlanguage=en\r\n",
    "README.TXT": b"Images of one patient. Start VIEWER\\VIEWER.EXE.\r\n",
    "REPORT.PDF": PDF,
}


def write_patient_disc(folder: Path) -> None:
    """29 instances named by DICOMDIR: two of them are not there, one has lost its end."""
    plan = [("CT", 12, {"rows": 128, "columns": 128}), ("MR", 6, {"rows": 96, "columns": 96}),
            ("CR", 1, {"rows": 400, "columns": 320}), ("US", 1, {"rows": 120, "columns": 160}),
            ("CINE", 1, {"rows": 120, "columns": 160, "frames": 16}),
            ("PT", 5, {"rows": 64, "columns": 64}), ("SR", 1, {}), ("DOC", 1, {}), ("KO", 1, {})]
    instances = [instance(1, 1, series, number, modality=kind, **size, **FOREIGN)
                 for series, (kind, count, size) in enumerate(plan, 1)
                 for number in range(1, count + 1)]
    paths = write_disc(folder, instances, extras=EXTRAS, missing={5, 14})
    damaged = paths[9]
    damaged.write_bytes(damaged.read_bytes()[:-9000])


def write_index(file: Path) -> None:
    """The CSV that ``mediasvc patients load`` takes."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["patient_id", "issuer", "name", "birth_date", "sex", "address", "postcode"])
        rows.writerows((number, "LOCAL", name, birth_date, sex, address, postcode)
                       for number, name, birth_date, sex, address, postcode in INDEX)
