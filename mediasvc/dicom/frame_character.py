"""What kind of image a frame is: Image Type and its companions (PS3.3 C.8.16)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mediasvc.dicom.classic_header import EXPLICIT, Elements, text_of
from mediasvc.standard.legacy_converted import CALCULATIONS, FLAVORS

IMAGE_TYPE, FRAME_TYPE = 0x00080008, 0x00089007
PIXEL_PRESENTATION, VOLUMETRIC_PROPERTIES, CALCULATION = 0x00089205, 0x00089206, 0x00089207
IMAGE_POSITION, IMAGE_ORIENTATION = 0x00200032, 0x00200037


@dataclass(frozen=True, slots=True)
class Character:
    """Four values of Frame Type or Image Type, and the three of C.8.16.2."""

    type: tuple[str, ...]
    volumetric: str
    calculation: str

    def elements(self, type_tag: int) -> dict[int, bytes]:
        return {
            type_tag: EXPLICIT.element(type_tag, "CS", "\\".join(self.type).encode()),
            PIXEL_PRESENTATION: EXPLICIT.element(PIXEL_PRESENTATION, "CS", b"MONOCHROME"),
            VOLUMETRIC_PROPERTIES: EXPLICIT.element(
                VOLUMETRIC_PROPERTIES, "CS", self.volumetric.encode()),
            CALCULATION: EXPLICIT.element(CALCULATION, "CS", self.calculation.encode())}


def character(header: Elements) -> Character:
    """From a classic header. Without a position it can be no part of a volume (C.8.16.2.1.2)."""
    said = [value.strip() for value in text_of(header, IMAGE_TYPE).split("\\")]
    said += [""] * (4 - len(said))
    first = "ORIGINAL" if said[0] == "ORIGINAL" else "DERIVED"
    flavor = said[2] if said[2] in FLAVORS else "VOLUME"
    contrast = "NONE" if first == "ORIGINAL" or said[3] not in FLAVORS else said[3]
    placed = text_of(header, IMAGE_POSITION) and text_of(header, IMAGE_ORIENTATION)
    return Character((first, "PRIMARY", flavor, contrast), "VOLUME" if placed else "DISTORTED",
                     CALCULATIONS.get(said[2], "NONE") if first == "DERIVED" else "NONE")


def of_all(frames: Iterable[Character]) -> Character:
    """The one of the whole image: MIXED where its frames differ."""
    every = list(frames)
    kinds = zip(*(one.type for one in every), strict=True)
    return Character(tuple(_common(values) for values in kinds),
                     _common(one.volumetric for one in every),
                     _common(one.calculation for one in every))


def _common(values: Iterable[str]) -> str:
    found = set(values)
    return found.pop() if len(found) == 1 else "MIXED"
