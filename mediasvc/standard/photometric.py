"""Photometric Interpretations as the standard defines them (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Photometric:
    """``native``: whether it may stand on pixel data that are not compressed."""

    term: str
    samples: int
    native: bool = True
    retired: bool = False


PHOTOMETRIC = {row.term: row for row in (
    Photometric("MONOCHROME1", 1),
    Photometric("MONOCHROME2", 1),
    Photometric("PALETTE COLOR", 1),
    Photometric("RGB", 3),
    Photometric("YBR_FULL", 3),
    Photometric("YBR_FULL_422", 3),
    Photometric("YBR_PARTIAL_420", 3, native=False),
    Photometric("YBR_ICT", 3, native=False),
    Photometric("YBR_RCT", 3, native=False),
    Photometric("XYB", 3, native=False),
    Photometric("YBR_PARTIAL_422", 3, retired=True),
    Photometric("HSV", 3, retired=True),
    Photometric("ARGB", 4, retired=True),
    Photometric("CMYK", 4, retired=True),
)}

MONOCHROME = frozenset({"MONOCHROME1", "MONOCHROME2"})
#: One sample per pixel.
GREY = frozenset(term for term, row in PHOTOMETRIC.items() if row.samples == 1)
#: Colour that every lossless encoder may keep as it is.
COLOUR = frozenset({"RGB", "YBR_FULL"})
#: What JPEG 2000 makes of RGB and takes back (PS3.5 8.2.4).
TRANSFORMED = frozenset({"YBR_RCT", "YBR_ICT"})
