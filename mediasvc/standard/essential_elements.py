"""What an instance of a kind is about: an element of Type 1 that holds the thing itself.

A file that was cut between two elements looks whole; these rows tell it from one that is.
Image classes need pixel data instead (PS3.3 C.7.6.3).
"""

from __future__ import annotations

#: Directory Record Type → (of each of these groups one tag must be there, what is missing
#: otherwise, clause).
ESSENTIAL_ELEMENTS: dict[str, tuple[tuple[tuple[int, ...], ...], str, str]] = {
    "WAVEFORM": (((0x54000100,),), "no waveform", "PS3.3 C.10.9"),
    "ENCAP DOC": (((0x00420011,), (0x00420012,)), "no whole document", "PS3.3 C.24.2"),
    "SPECTROSCOPY": (((0x56000020,),), "no spectroscopy data", "PS3.3 C.8.14.4"),
    "SR DOCUMENT": (((0x0040A040,),), "no content", "PS3.3 C.17.3"),
    "KEY OBJECT DOC": (((0x0040A040,),), "no content", "PS3.3 C.17.6"),
    "IMAGE": (((0x7FE00010, 0x7FE00008, 0x7FE00009),), "no pixel data", "P02, PS3.3 C.7.6.3"),
}

#: Composite objects that belong to no patient and no study (PS3.3 A.39, A.43, A.58 to A.61).
WITHOUT_STUDY = frozenset({"HANGING PROTOCOL", "PALETTE", "IMPLANT", "IMPLANT ASSY",
                           "IMPLANT GROUP"})
