"""What one value may look like in each Value Representation, as bytes without padding (PS3.5 6.2).

Text is judged as ASCII here; what needs a character set is decoded first (`CHARSET_VRS`).
"""

from __future__ import annotations

import re

from mediasvc.standard.value_representations import MOST_CHARACTERS

_DATE = (rb"\d{4}(?:(?:0[13578]|1[02])(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)(?:0[1-9]|[12]\d|30)"
         rb"|02(?:0[1-9]|[12]\d))")
_TIME = rb"(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?"
_MOMENT = (rb"\d{4}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12]\d|3[01])(?:" + _TIME + rb")?)?)?"
           rb"(?:[+-](?:0\d|1[0-4])[0-5]\d)?")
#: No control character, no backslash; `GROUP` neither the signs that part a name.
_SIGN, _GROUP = rb"[ -\[\]-~]", rb"[ -<>-\[\]^-~]"

#: VR → one value. Numbers in binary, sequences and text of several lines are not here.
ONE_VALUE: dict[str, bytes] = {
    "CS": rb"[A-Z0-9_ ]{0,16}",
    "DA": _DATE,
    "TM": _TIME,
    "DT": _MOMENT,
    "IS": rb" *[+-]?\d{1,11} *",
    "DS": rb"(?=.{1,16}(?:\\|$)) *[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)? *",
    "UI": rb"[012](?:\.(?:0|[1-9]\d*))+",
    "SH": _SIGN + rb"{0,16}",
    "LO": _SIGN + rb"{0,64}",
    "PN": rb"(?:" + _GROUP + rb"{0,64}=){0,2}" + _GROUP + rb"{0,64}",
}
#: VR → all values of an element.
PLAIN: dict[str, re.Pattern[bytes]] = {
    vr: re.compile(rb"(?s)" + one + rb"(?:\\" + one + rb")*") for vr, one in ONE_VALUE.items()}
PLAIN["ST"] = re.compile(rb"[\t\n\f\r -~]{0,1024}")

#: Values of keys that have several: tag → how many (None: any number). All others have one.
SEVERAL: dict[int, int | None] = {
    0x00080008: None,    # Image Type
    0x00081050: None,    # Performing Physician's Name
    0x00282112: None,    # Lossy Image Compression Ratio
    0x00200032: 3,       # Image Position (Patient)
    0x00200037: 6,       # Image Orientation (Patient)
    0x00280030: 2,       # Pixel Spacing
}
LEAST_INTEGER, MOST_INTEGER = -(1 << 31), (1 << 31) - 1
LONGEST_UID = MOST_CHARACTERS["UI"]
#: Below 0 (ITU-T) and 1 (ISO) only these arcs exist (X.660); others can belong to nobody.
_UID = re.compile(rb"(?:2\.(?:0|[1-9]\d*)|0\.[0-59]|1\.[0-3])(?:\.(?:0|[1-9]\d*))*")


def is_uid(value: bytes) -> bool:
    """Whether others accept it as a UID."""
    return len(value) <= LONGEST_UID and _UID.fullmatch(value) is not None
