"""The data set around a payload: what the file says, what the person says, what the IOD asks."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mediasvc.errors import SettingsError, UnsupportedError
from mediasvc.standard import wrap_iods as iods
from mediasvc.work.wrapping.wrap_elements import dataset_of
from mediasvc.work.wrapping.wrap_identity import Identity
from mediasvc.work.wrapping.wrap_plan import Plan
from mediasvc.work.wrapping.wrap_text import CREATOR, CREATOR_TAG, RECIPE_TAG
from mediasvc.work.wrapping.wrap_uids import PLACEHOLDER, stable_uid

if TYPE_CHECKING:
    from pydicom import Dataset

UTF8 = "ISO_IR 192"
#: Instance Numbers count seconds from here, so that a series sorts by time (IS holds 31 bits).
EPOCH = datetime(2000, 1, 1)


def compose(plan: Plan, identity: Identity, derived: dict[str, Any]) -> Dataset:
    """All elements but the payload; SOP Instance UID is `wrap_uids.PLACEHOLDER`.

    ``derived`` says what was done to the source before. Raises SettingsError when a Type 1
    attribute is missing.
    """
    date, time = plan.taken[:8], plan.taken[8:14]
    study = identity.study_uid
    series = stable_uid("series", study, plan.modality, plan.sop_class.uid)
    values: dict[str, Any] = {
        "SpecificCharacterSet": UTF8, "StudyDate": date,
        "ContentDate": date, "ContentTime": time, "AcquisitionDateTime": plan.taken,
        "InstanceNumber": _number(plan.taken), "SeriesNumber": plan.series,
        "ImageType": _image_type(plan, bool(derived)), "PatientOrientation": None}
    if "Frame of Reference" in plan.sop_class.modules:
        values["FrameOfReferenceUID"] = stable_uid("frame of reference", study)
    values |= plan.values | {"SeriesInstanceUID": series} | _given(identity.attributes) | derived
    if plan.sop_class is iods.BASIC_TEXT_SR:
        values = _dated(values)
    values |= {"SOPClassUID": plan.sop_class.uid, "SOPInstanceUID": PLACEHOLDER,
               "StudyInstanceUID": study, "Modality": plan.modality}
    made = dataset_of(_complete(plan.sop_class, values) | _profile(plan))
    if plan.recipe:
        made.add_new(CREATOR_TAG, "LO", CREATOR)
        made.add_new(RECIPE_TAG, "OB", plan.recipe)
    return made


def _dated(values: dict[str, Any]) -> dict[str, Any]:
    """A document has a day and a time (C.17.2); a text itself says none, so the study's count.

    Raises UnsupportedError where nobody said a day.
    """
    date = values.get("ContentDate") or values.get("StudyDate")
    if not date:
        raise UnsupportedError("nobody says of which day the text is",
                               "Give StudyDate or ContentDate in an identity file.")
    time = values.get("ContentTime") or values.get("StudyTime") or "00"
    return values | {"ContentDate": date, "ContentTime": time}


def _given(attributes: dict[str, Any]) -> dict[str, Any]:
    """What is empty does not hide what the file says."""
    return {keyword: value for keyword, value in attributes.items() if value not in (None, "")}


def _complete(sop_class: iods.SopClass, values: dict[str, Any]) -> dict[str, Any]:
    """Every attribute of the modules is there; documents carry no attributes of images."""
    whole = dict(values)
    for module in sop_class.modules:
        for row in iods.MODULES[module]:
            value = whole.get(row.keyword)
            if value is None or value == "":
                value = row.default
            if value is None and row.type == "1":
                raise SettingsError(f"{row.keyword} is needed for a {sop_class.name}",
                                    "Give it in the identity file.")
            whole[row.keyword] = value
    if whole.get("AnatomicRegionSequence") and not values.get("Laterality"):
        whole.pop("Laterality", None)  # the region says it (C.7.3.1, 2C)
    if "General Image" not in sop_class.modules:
        for keyword in ("ImageType", "PatientOrientation"):
            whole.pop(keyword, None)
    known = {row.keyword for module in sop_class.modules for row in iods.MODULES[module]}
    return {keyword: value for keyword, value in whole.items()
            if value not in (None, "") or keyword in known}


def _image_type(plan: Plan, derived: bool) -> list[str]:
    """PS3.3 C.7.6.1.1.2: original or derived, primary or secondary."""
    if "SC Equipment" in plan.sop_class.modules:
        return ["DERIVED", "SECONDARY"]
    return ["DERIVED" if derived else "ORIGINAL", "PRIMARY"]


def _number(taken: str) -> int:
    try:
        when = datetime.strptime(taken[:14], "%Y%m%d%H%M%S")
    except ValueError:
        return 1
    return max(1, int((when - EPOCH).total_seconds()))


def _profile(plan: Plan) -> dict[str, Any]:
    """The ICC Profile module of a colour picture (PS3.3 C.11.15)."""
    if not plan.icc or plan.values.get("SamplesPerPixel") != 3:
        return {}
    return {"ICCProfile": base64.b64decode(plan.icc)}
