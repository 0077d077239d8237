"""Single-frame images and the multi-frame objects that they are converted to (PS3.3 A.70 to A.72,
A.8.3 to A.8.5; PS3.4 C.3.5).

Modules are named with the attributes that the top level of a multi-frame object takes over where
all its frames agree. What stands in no row here goes into the Unassigned Converted Attributes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mediasvc.standard.sop_classes import STORAGE

Kind = Literal["enhanced", "capture"]


def _tags(row: str) -> tuple[int, ...]:
    return tuple(int(tag, 16) for tag in row.split())


#: Module → attributes (PS3.3); the clause stands beside it.
MODULES: dict[str, tuple[int, ...]] = {
    # C.7.1.1
    "Patient": _tags(
        "00081120 00100010 00100020 00100021 00100024 00100026 00100027 00100030 00100032 00100033 "
        "00100034 00100035 00100040 00100200 00100212 00100213 00100216 00100218 00100219 00101000 "
        "00101001 00101002 00101100 00102160 00102201 00102202 00102292 00102293 00102294 00102297 "
        "00102298 00102299 00104000 00120062 00120063 00120064"),
    # C.7.1.3, C.7.2.3, C.7.3.2
    "Clinical Trial": _tags(
        "00120010 00120020 00120021 00120030 00120031 00120040 00120042 00120081 00120082 00120050 "
        "00120051 00120083 00120060 00120071 00120072"),
    # C.7.2.1
    "General Study": _tags(
        "00080020 00080030 00080050 00080051 00080090 00080096 0008009C 0008009D 00081030 00081032 "
        "00081048 00081049 00081060 00081062 00081110 0020000D 00200010 00321034 00401012"),
    # C.7.2.2
    "Patient Study": _tags(
        "00081080 00081084 00101010 00101020 00101021 00101030 00102180 001021B0 00102203 00380010 "
        "00380014 00380060 00380062 00380064"),
    # C.7.3.1; Series Date and Time are the earliest ones (PS3.4 C.3.5)
    "General Series": _tags(
        "00080060 0008103E 0008103F 00081050 00081052 00081070 00081072 00081111 00081250 00102210 "
        "00180015 00181030 00185100 00200011 00200060 00280108 00280109 00400244 00400245 00400250 "
        "00400251 00400253 00400254 00400260 00400275 00400280"),
    # C.7.4.1
    "Frame of Reference": _tags("00200052 00201040"),
    # C.7.4.2
    "Synchronization": _tags(
        "00181061 0018106A 0018106C 00181800 00181801 00181802 00181803 00200200"),
    # C.7.5.1
    "General Equipment": _tags(
        "00080070 00080080 00080081 00081010 00081040 00081090 00181000 00181008 00181020 00181050 "
        "00181200 00181201 00280120 00280121"),
    # C.8.6.1
    "SC Equipment": _tags("00080064 00181010 00181016 00181018 00181019 00181022 00181023"),
    # C.7.6.3
    "Image Pixel": _tags(
        "00280002 00280004 00280006 00280010 00280011 00280034 00280100 00280101 00280102 00280103 "
        "00282000 00282002"),
    # C.7.6.4
    "Contrast/Bolus": _tags(
        "00180010 00180012 00180014 00181040 00181041 00181042 00181043 00181044 00181046 00181047 "
        "00181048 00181049"),
    # C.7.6.14
    "Acquisition Context": _tags("00400555 00400556"),
    # C.7.6.12
    "Device": _tags("00500010"),
    # C.8.15.2, C.8.13.1, C.8.22.3: those that classic images may have too
    "Enhanced Image": _tags(
        "0008002A 00189004 00189073 00200012 00204000 00280301 00280302 00282110 "
        "00282112 00282114 20500020 300A012C"),
    # C.7.6.1
    "General Image": _tags("00200020 00204000 00282110 00282112 00282114"),
    # C.8.6.3
    "SC Multi-frame Image": _tags(
        "00280301 00280302 20500020 00281052 00281053 00281054 00182010 00182020 00182030"),
    # C.11.2
    "VOI LUT": _tags("00281050 00281051 00281055 00281056 00283010"),
    # C.12.1
    "SOP Common": _tags(
        "00080005 00080201 00080110 00080123 00080124 00080300 00280303 01000410 01000420 01000424 "
        "01000426 04000561"),
}

#: Type 2 attributes, written empty where nobody says them.
_TYPE_2 = _tags("00100010 00100020 00100030 00100040 00080020 00080030 00080050 00080090 00200010 "
                "00200011 00080070")

#: Empty ones stay with the unassigned attributes: the enhanced modules want a value or none.
NOT_EMPTY = frozenset(_tags(
    "00081090 00181000 00181020 00280301 00280302 00282110 00189004 00120062 00280120 00180015 "
    "0008002A 00200052 00120010 00120020 00120030 00081110 00081111 00081120 00081250 00500010 "
    "00081032 00400260 00400275 00180012 00180014"))

_COMMON = ("Patient", "Clinical Trial", "General Study", "Patient Study", "General Series",
           "General Equipment", "Image Pixel", "SOP Common")
_ENHANCED = (*_COMMON, "Frame of Reference", "Synchronization", "Acquisition Context", "Device",
             "Enhanced Image")
_CAPTURE = (*_COMMON, "SC Equipment", "General Image", "SC Multi-frame Image", "VOI LUT", "Device")


@dataclass(frozen=True, slots=True)
class Macro:
    """A functional group: its sequence and the classic attributes that it takes (C.7.6.16.2)."""

    name: str
    sequence: int
    tags: tuple[int, ...]
    clause: str


PIXEL_MEASURES = Macro("Pixel Measures", 0x00289110, _tags("00180050 00180088 00280030"),
                       "C.7.6.16.2.1")
PLANE_POSITION = Macro("Plane Position (Patient)", 0x00209113, _tags("00200032"), "C.7.6.16.2.3")
PLANE_ORIENTATION = Macro("Plane Orientation (Patient)", 0x00209116, _tags("00200037"),
                          "C.7.6.16.2.4")
FRAME_VOI_LUT = Macro("Frame VOI LUT", 0x00289132, _tags("00281050 00281051 00281055 00281056"),
                      "C.7.6.16.2.10")
PIXEL_VALUES = Macro("Pixel Value Transformation", 0x00289145, _tags("00281052 00281053 00281054"),
                     "C.7.6.16.2.9, C.8.15.3.10")
IRRADIATION_EVENT = Macro("Irradiation Event Identification", 0x00189477, _tags("00083010"),
                          "C.8.15.3.12")
#: Those whose values are taken over as they stand; shared when all frames have the same.
PLAIN_MACROS = (PIXEL_MEASURES, PLANE_POSITION, PLANE_ORIENTATION)

FRAME_CONTENT, FRAME_ANATOMY = 0x00209111, 0x00209071
REFERENCED_IMAGE, DERIVATION_IMAGE, SOURCE_IMAGE = 0x00081140, 0x00089124, 0x00082112
REFERENCED_EVIDENCE, SOURCE_EVIDENCE = 0x00089092, 0x00089154
CONVERSION_SOURCE = 0x00209172
UNASSIGNED_SHARED, UNASSIGNED_PER_FRAME = 0x00209170, 0x00209171
SHARED_GROUPS, PER_FRAME_GROUPS = 0x52009229, 0x52009230


@dataclass(frozen=True, slots=True)
class Conversion:
    """From one classic SOP Class to its multi-frame twin.

    ``frame_type`` is the sequence of its Frame Type macro, 0 where it has none. ``needs``: macros
    that must be there even where the source says nothing (usage M). ``rescale_type`` is what an
    absent Rescale Type means.
    """

    classic: str
    enhanced: str
    name: str
    kind: Kind
    modules: tuple[str, ...]
    frame_type: int
    needs: tuple[Macro, ...]
    rescale_type: str
    clause: str

    @property
    def top_level(self) -> frozenset[int]:
        return frozenset(tag for module in self.modules for tag in MODULES[module])

    @property
    def empty(self) -> tuple[int, ...]:
        """Type 2 attributes of its modules."""
        return _TYPE_2


CT = Conversion(STORAGE + "2", STORAGE + "2.2", "Legacy Converted Enhanced CT Image", "enhanced",
                (*_ENHANCED, "Contrast/Bolus"), 0x00189329, (PIXEL_VALUES, FRAME_VOI_LUT), "HU",
                "A.70")
MR = Conversion(STORAGE + "4", STORAGE + "4.4", "Legacy Converted Enhanced MR Image", "enhanced",
                (*_ENHANCED, "Contrast/Bolus"), 0x00189226, (), "US", "A.71")
PET = Conversion(STORAGE + "128", STORAGE + "128.1", "Legacy Converted Enhanced PET Image",
                 "enhanced", _ENHANCED, 0x00189751, (PIXEL_VALUES, FRAME_VOI_LUT), "US", "A.72")


def _capture(tail: str, name: str, clause: str) -> Conversion:
    return Conversion(STORAGE + "7", STORAGE + tail, name, "capture", _CAPTURE, 0, (), "US", clause)


CAPTURE_BYTE = _capture("7.2", "Multi-frame Grayscale Byte Secondary Capture Image", "A.8.3")
CAPTURE_WORD = _capture("7.3", "Multi-frame Grayscale Word Secondary Capture Image", "A.8.4")
CAPTURE_COLOUR = _capture("7.4", "Multi-frame True Color Secondary Capture Image", "A.8.5")

#: Photometric Interpretations of compressed true colour frames; native ones are RGB by pixel
#: (A.8.5.4).
CAPTURE_COLOURS = ("RGB", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")

#: Classic SOP Class → conversion; Secondary Capture is chosen by its pixels.
CONVERSIONS = {one.classic: one for one in (CT, MR, PET)}
SECONDARY_CAPTURE = STORAGE + "7"
BY_ENHANCED = {one.enhanced: one for one in (CT, MR, PET, CAPTURE_BYTE, CAPTURE_WORD,
                                             CAPTURE_COLOUR)}

#: What no multi-frame object may hold (A.70.3.1, A.71.3.1, A.72.3.1; PS3.4 C.3.5), what its own
#: structure says, and signatures, which are of the classic image. Split gives all of it back.
LEFT_OUT = frozenset(_tags(
    "00080016 00080018 00280008 00280009 00700001 4FFE0001 FFFAFFFA 0018A001 00209172"))

#: Value 3 of Image Type, an image's flavor (C.8.16.1.3); what is not here is written VOLUME.
FLAVORS = frozenset(re.findall(
    r"\S+", "ANGIO CARDIAC CARDIAC_GATED CARDRESP_GATED DYNAMIC FLUOROSCOPY LOCALIZER MOTION "
    "PERFUSION PRE_CONTRAST POST_CONTRAST RESP_GATED REST STATIC STRESS VOLUME NON_PARALLEL "
    "PARALLEL ANGIO_TIME ASL CINE DIFFUSION DIXON FLOW_ENCODED FLUID_ATTENUATED FMRI MAX_IP MIN_IP "
    "M_MODE METABOLITE_MAP MULTIECHO PROTON_DENSITY REALTIME STIR TAGGING TEMPERATURE T1 T2 "
    "T2_STAR TOF VELOCITY ATTENUATION WHOLE_BODY"))
#: Value 3 of a classic Image Type → Volume Based Calculation Technique (C.8.16.2.1.3).
CALCULATIONS = {"MPR": "MPR", "CURVED_MPR": "CURVED_MPR", "MAX_IP": "MAX_IP", "MIN_IP": "MIN_IP"}

#: Of PS3.16: (code value, coding scheme, meaning).
UNKNOWN = ("261665006", "SCT", "Unknown")
CONVERTER = ("109106", "DCM", "Enhanced Multi-frame Conversion Equipment")
#: Contribution Description (PS3.4 C.3.5).
TO_ENHANCED = "Legacy Enhanced Image created from Classic Images"
TO_CLASSIC = "Classic Image created from Enhanced Image"

#: Body Part Examined → Anatomic Region (PS3.16 annex L; SNOMED CT).
ANATOMY = {
    "ABDOMEN": ("818981001", "Abdomen"), "ANKLE": ("70258002", "Ankle joint"),
    "AORTA": ("15825003", "Aorta"), "ARM": ("40983000", "Upper arm"),
    "BRAIN": ("12738006", "Brain"), "BREAST": ("76752008", "Breast"),
    "CHEST": ("816094009", "Chest"), "CSPINE": ("122494005", "Cervical spine"),
    "ELBOW": ("16953009", "Elbow joint"), "FOOT": ("56459004", "Foot"),
    "HAND": ("85562004", "Hand"), "HEAD": ("69536005", "Head"), "HEART": ("80891009", "Heart"),
    "HIP": ("24136001", "Hip joint"), "KIDNEY": ("64033007", "Kidney"),
    "KNEE": ("72696002", "Knee"), "LEG": ("30021000", "Lower leg"), "LIVER": ("10200004", "Liver"),
    "LSPINE": ("122496007", "Lumbar spine"), "LUNG": ("39607008", "Lung"),
    "NECK": ("45048000", "Neck"), "PELVIS": ("816092008", "Pelvis"),
    "PROSTATE": ("41216001", "Prostate"), "SHOULDER": ("16982005", "Shoulder"),
    "SKULL": ("89546000", "Skull"), "SPINE": ("421060004", "Spine"),
    "TSPINE": ("122495006", "Thoracic spine"), "WHOLEBODY": ("38266002", "Entire body"),
    "WRIST": ("74670003", "Wrist joint"),
}
