"""What a photo says of itself in EXIF: which side is up, and when it was taken (CIPA DC-008).

Nothing else is taken over; the segment itself, with its place of exposure, never goes along.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.foreign.tiff_directory import (
    Values,
    integer,
    read_directory,
    read_layout,
    text,
)

EXIF_MARK = b"Exif\0\0"
ORIENTATION, DATE_TIME, EXIF_POINTER, GPS_POINTER = 0x0112, 0x0132, 0x8769, 0x8825
DATE_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL = 0x9003, 0x9011

_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-]\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class Exif:
    """``orientation`` 1 to 8, ``taken`` a DT value (PS3.5 6.2) or empty."""

    orientation: int = 1
    taken: str = ""
    has_place: bool = False


def read_exif(data: bytes) -> Exif:
    """The bytes behind ``Exif\\0\\0``. A damaged block says nothing: the picture is what counts."""
    def read(position: int, length: int) -> bytes:
        if position < 0 or position + length > len(data):
            raise DamagedError("EXIF points outside of itself")
        return data[position:position + length]

    try:
        layout, first = read_layout(read)
        values, _ = read_directory(read, layout, first)
        inner: dict[int, Values] = {}
        if pointer := integer(values, EXIF_POINTER, 0):
            inner, _ = read_directory(read, layout, pointer)
    except (DamagedError, BudgetError):
        return Exif()
    return exif_of(values, inner)


def exif_of(values: dict[int, Values], inner: dict[int, Values]) -> Exif:
    """From the first directory and the one of EXIF that it points to."""
    orientation = integer(values, ORIENTATION, 1)
    taken = dicom_time(text(inner, DATE_TIME_ORIGINAL), text(inner, OFFSET_TIME_ORIGINAL))
    return Exif(orientation if 1 <= orientation <= 8 else 1,
                taken or dicom_time(text(values, DATE_TIME)), GPS_POINTER in values)


def dicom_time(when: str, offset: str = "") -> str:
    """A DT value, empty when the camera's clock was never set or the text is none."""
    found = _DATE.fullmatch(when.strip())
    if not found:
        return ""
    year, month, day, hour, minute, second = map(int, found.groups())
    if not (1900 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31
            and hour < 24 and minute < 60 and second < 60):
        return ""
    zone = _OFFSET.fullmatch(offset.strip())
    return "".join(found.groups()) + ("".join(zone.groups()) if zone else "")
