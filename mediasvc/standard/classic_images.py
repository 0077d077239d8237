"""From the frames of enhanced multi-frame objects back to classic single-frame images (PS3.4 C.3.5,
PS3.3 A.3, A.4, A.8.1, A.21).
"""

from __future__ import annotations

from mediasvc.standard import legacy_converted as table
from mediasvc.standard.sop_classes import STORAGE

#: Multi-frame SOP Class → the classic one that its frames become (PS3.4 table C.3.5-1). An Enhanced
#: PET object does not say what a PET image must (Units, Series Type, Decay Correction; C.8.9).
CLASSIC_OF = {
    STORAGE + "2.1": table.CT.classic, STORAGE + "4.1": table.MR.classic,
    **{one.enhanced: one.classic for one in (table.CT, table.MR, table.PET)},
    **{one.enhanced: one.classic for one in (
        table.CAPTURE_BYTE, table.CAPTURE_WORD, table.CAPTURE_COLOUR)},
}


def _tags(row: str) -> frozenset[int]:
    return frozenset(int(tag, 16) for tag in row.split())


#: What only a multi-frame object says of itself: structure, dimensions, concatenation, its kind of
#: image as a whole (C.7.6.6, C.7.6.16, C.7.6.17, C.8.16), and the evidence of all its frames.
ONLY_MULTI_FRAME = _tags(
    "52009229 52009230 00280008 00280009 00182001 00181063 00181065 00209221 00209222 00209311 "
    "00209157 00209161 00209162 00209163 00209228 00200242 00220028 00286010 20500020 00089007 "
    "00089205 00089206 00089207 00089092 00089154 00880200 00189074 00189151 00209156 00209072 "
    "00209172 00281101 00281102 00281103 00281201 00281202 00281203 00281199")

#: Attributes of functional groups → those of classic modules, and their VR (C.8.2.1, C.8.3.1).
RENAMED = {
    0x00189082: (0x00180081, "DS"),  # Effective Echo Time → Echo Time
    0x00189328: (0x00181150, "IS"),  # Exposure Time in ms → Exposure Time
    0x00189330: (0x00181151, "IS"),  # X-Ray Tube Current in mA → X-Ray Tube Current
    0x00189332: (0x00181152, "IS"),  # Exposure in mAs → Exposure
}

#: Type 2 attributes that are written empty where the object says nothing.
_GENERAL = {0x00200011: "IS"}
_PLANE = {0x00180050: "DS", 0x00201040: "LO", 0x00200012: "IS"}
EMPTY: dict[str, dict[int, str]] = {
    table.CT.classic: {**_GENERAL, **_PLANE, 0x00180060: "DS", 0x00185100: "CS"},  # C.8.2.1
    table.MR.classic: {**_GENERAL, **_PLANE, 0x00180022: "CS", 0x00180023: "CS", 0x00180080: "DS",
                       0x00180081: "DS", 0x00180091: "IS", 0x00185100: "CS"},  # C.8.3.1
    table.PET.classic: {**_GENERAL, **_PLANE},  # C.8.9
    table.SECONDARY_CAPTURE: {**_GENERAL, 0x00200020: "CS"},  # C.8.6.1
}

#: Pulse sequence of an enhanced image (C.8.13.5.8) → Scanning Sequence (C.8.3.1.1.2).
ECHOES = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}
#: (attribute, values that mean no) → a further value of Scanning Sequence.
SCANNING = ((0x00189018, ("NO",), "EP"), (0x00189009, ("NO",), "IR"))
#: The same for Sequence Variant (C.8.3.1.1.3).
VARIANTS = ((0x00189033, ("SINGLE",), "SK"), (0x00189020, ("NONE",), "MTC"),
            (0x00189017, ("NONE",), "SS"), (0x00189016, ("NONE",), "SP"),
            (0x00189029, ("NONE",), "OSP"))
