"""Elements that decide whose data a data set holds, or what its pixels mean.

When one of these stands twice, two readers show two different truths (FAULTS 0.7, P07): pydicom
takes the last, DCMTK the first.
"""

from __future__ import annotations

#: Whole groups: patient identity (PS3.3 C.2) and image pixel description (C.7.6.3).
DECISIVE_GROUPS = frozenset({0x0002, 0x0010, 0x0028, 0x7FE0})

DECISIVE_TAGS = frozenset({
    0x00080005,  # Specific Character Set
    0x00080016,  # SOP Class UID
    0x00080018,  # SOP Instance UID
    0x00080020,  # Study Date
    0x00080050,  # Accession Number
    0x00080060,  # Modality
    0x0020000D,  # Study Instance UID
    0x0020000E,  # Series Instance UID
    0x00200010,  # Study ID
    0x00200011,  # Series Number
    0x00200013,  # Instance Number
    0x00200052,  # Frame of Reference UID
    0x04000561,  # Original Attributes Sequence
})

#: Without these an instance cannot be filed (FAULTS P09): tag → words.
REQUIRED_UIDS = {
    "sop_class_uid": "SOP Class UID",
    "sop_instance_uid": "SOP Instance UID",
    "study_instance_uid": "Study Instance UID",
    "series_instance_uid": "Series Instance UID",
}


def is_decisive(tag: int) -> bool:
    return tag in DECISIVE_TAGS or tag >> 16 in DECISIVE_GROUPS
