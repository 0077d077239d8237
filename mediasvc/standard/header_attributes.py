"""The attributes of `InstanceHeader` (PS3.6, PS3.3 C.7)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeaderAttribute:
    """``field`` of `InstanceHeader` and the element that it is read from."""

    field: str
    tag: int
    vr: str


HEADER_ATTRIBUTES = (
    HeaderAttribute("specific_character_set", 0x00080005, "CS"),
    HeaderAttribute("sop_class_uid", 0x00080016, "UI"),
    HeaderAttribute("sop_instance_uid", 0x00080018, "UI"),
    HeaderAttribute("study_date", 0x00080020, "DA"),
    HeaderAttribute("study_time", 0x00080030, "TM"),
    HeaderAttribute("accession_number", 0x00080050, "SH"),
    HeaderAttribute("modality", 0x00080060, "CS"),
    HeaderAttribute("manufacturer", 0x00080070, "LO"),
    HeaderAttribute("institution_name", 0x00080080, "LO"),
    HeaderAttribute("study_description", 0x00081030, "LO"),
    HeaderAttribute("series_description", 0x0008103E, "LO"),
    HeaderAttribute("manufacturer_model_name", 0x00081090, "LO"),
    HeaderAttribute("patient_name", 0x00100010, "PN"),
    HeaderAttribute("patient_id", 0x00100020, "LO"),
    HeaderAttribute("issuer_of_patient_id", 0x00100021, "LO"),
    HeaderAttribute("patient_birth_date", 0x00100030, "DA"),
    HeaderAttribute("patient_sex", 0x00100040, "CS"),
    HeaderAttribute("software_versions", 0x00181020, "LO"),
    HeaderAttribute("study_instance_uid", 0x0020000D, "UI"),
    HeaderAttribute("series_instance_uid", 0x0020000E, "UI"),
    HeaderAttribute("study_id", 0x00200010, "SH"),
    HeaderAttribute("series_number", 0x00200011, "IS"),
    HeaderAttribute("instance_number", 0x00200013, "IS"),
    HeaderAttribute("samples_per_pixel", 0x00280002, "US"),
    HeaderAttribute("photometric_interpretation", 0x00280004, "CS"),
    HeaderAttribute("planar_configuration", 0x00280006, "US"),
    HeaderAttribute("number_of_frames", 0x00280008, "IS"),
    HeaderAttribute("rows", 0x00280010, "US"),
    HeaderAttribute("columns", 0x00280011, "US"),
    HeaderAttribute("bits_allocated", 0x00280100, "US"),
    HeaderAttribute("bits_stored", 0x00280101, "US"),
    HeaderAttribute("high_bit", 0x00280102, "US"),
    HeaderAttribute("pixel_representation", 0x00280103, "US"),
)

#: A header is complete behind this tag.
LAST_HEADER_TAG = HEADER_ATTRIBUTES[-1].tag

#: Fields of which the value is a number; all others are text.
NUMBERS = frozenset({"samples_per_pixel", "planar_configuration", "number_of_frames", "rows",
                     "columns", "bits_allocated", "bits_stored", "high_bit",
                     "pixel_representation"})

#: Text that says whose images these are: when it is uncertain, no rule may link by it.
IDENTITY_FIELDS = frozenset({"patient_name", "patient_id", "issuer_of_patient_id"})
