"""Which pixel data may show who the patient is: burned-in text, screens, scanned paper (E.3.1).

``certain``: the instance says so, or the kind of object is made of it. ``likely``: that kind of
device writes names into its pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_STORAGE = "1.2.840.10008.5.1.4.1.1."
SECONDARY_CAPTURE = tuple(_STORAGE + tail for tail in ("7", "7.1", "7.2", "7.3", "7.4"))
ULTRASOUND = tuple(_STORAGE + tail for tail in ("6", "6.1", "3", "3.1", "6.2"))
X_RAY_SCREENS = tuple(_STORAGE + tail for tail in ("12.1", "12.1.1", "12.2", "12.2.1", "12.3"))
PHOTOGRAPHS = (_STORAGE + "77.1.",)
#: Encapsulated PDF, CDA, STL, OBJ, MTL: a document nobody can clean here.
DOCUMENTS = _STORAGE + "104."
STRUCTURED_REPORTS = _STORAGE + "88."
KEY_OBJECTS = _STORAGE + "88.59"
#: (0008,0064) Conversion Type of paper, film and screens (PS3.3 C.8.6.1).
_SCANNED = {"DF": "a scanned film", "SD": "a scanned document", "WSD": "a screen of a workstation",
            "DV": "a digitised video", "DRW": "a drawing"}


@dataclass(frozen=True, slots=True)
class Risk:
    level: Literal["certain", "likely"]
    text: str


def pixel_risk(sop_class_uid: str, values: Mapping[str, str]) -> Risk | None:
    """``values``: burned_in, recognizable, conversion, image_type (upper case, ``\\`` between)."""
    if values.get("burned_in") == "YES":
        return Risk("certain", "it says that text is burned into its pixels")
    if values.get("burned_in") == "NO":
        return None
    if (scanned := _SCANNED.get(values.get("conversion", ""))) is not None:
        return Risk("likely", f"it is {scanned}")
    if sop_class_uid in SECONDARY_CAPTURE:
        return Risk("likely", "secondary captures often show names")
    if sop_class_uid in ULTRASOUND:
        return Risk("likely", "ultrasound devices write names into their pictures")
    if "SCREEN" in values.get("image_type", ""):
        return Risk("likely", "it is a saved screen")
    if sop_class_uid in X_RAY_SCREENS and "SECONDARY" in values.get("image_type", ""):
        return Risk("likely", "saved angiography screens may show names")
    if sop_class_uid.startswith(PHOTOGRAPHS) or values.get("recognizable") == "YES":
        return Risk("likely", "a photograph or video may show a face or a label")
    return None
