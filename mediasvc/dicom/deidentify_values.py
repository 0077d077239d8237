"""Values in the place of identifying ones: dummies by VR, shifted dates (PS3.15 E.3.1, E.3.6)."""

from __future__ import annotations

import re
from datetime import date, timedelta

DUMMY = {
    "AE": b"REMOVED", "AS": b"000Y", "CS": b"REMOVED", "DA": b"19000101", "DS": b"0",
    "DT": b"19000101000000", "IS": b"0", "LO": b"REMOVED", "LT": b"REMOVED", "PN": b"REMOVED",
    "SH": b"REMOVED", "ST": b"REMOVED", "TM": b"000000", "UC": b"REMOVED", "UR": b"urn:removed",
    "UT": b"REMOVED"}
_ZEROS = {"FL": 4, "SL": 4, "UL": 4, "OF": 4, "OL": 4, "AT": 4, "FD": 8, "OD": 8, "OV": 8,
          "SV": 8, "UV": 8}
#: What values of these VRs are made of (PS3.5 6.2), generously; anything else may be a name.
_PLAIN = {vr: re.compile(pattern) for vr, pattern in {
    "IS": rb"[\d+\- \\\0]*", "DS": rb"[\d+\-.eE \\\0]*", "UI": rb"[\d.\\ \0]*",
    "DA": rb"[\d.:\- \\\0]*", "TM": rb"[\d.: \\\0\-]*", "DT": rb"[\d.+\- \\\0]*",
    "AS": rb"[\dDWMY \\\0]*"}.items()}
_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})", re.ASCII)
_TAIL = re.compile(r"(\d{2}|\d{4}|\d{6}(\.\d{1,6})?)?([+-]\d{4})?", re.ASCII)


def dummy(vr: str) -> bytes:
    """A value that is legal for the VR and says nothing."""
    return DUMMY.get(vr) or bytes(_ZEROS.get(vr, 2))


def is_plain(value: bytes, vr: str) -> bool:
    """Whether a value has only the signs that its VR allows; of other VRs nothing is said."""
    pattern = _PLAIN.get(vr)
    return pattern is None or pattern.fullmatch(value) is not None


def shifted(value: bytes, vr: str, days: int) -> bytes | None:
    """The dates of a DA or DT value, each that many days earlier; times of day (TM) stay.

    None where a value is no date at all, so that nothing is kept of it.
    """
    text = value.decode("latin-1").strip(" \0")
    if vr == "TM":
        return value if re.fullmatch(r"[\d:.\\ ]*", text, re.ASCII) else None
    parts = [_one(part.strip(), vr, days) for part in text.split("\\")]
    if any(part is None for part in parts):
        return None
    return "\\".join(part or "" for part in parts).encode("ascii")


def _one(text: str, vr: str, days: int) -> str | None:
    if not text:
        return ""
    short = re.fullmatch(r"(\d{4})(\d{2})?", text, re.ASCII) if vr == "DT" else None
    if short:
        moved = _earlier(int(short[1]), int(short[2] or 1), 1, days)
        return moved[:len(text)] if moved else None
    match = _DATE.match(text)
    if match is None or not _TAIL.fullmatch(text[match.end():]):
        return None
    if vr == "DA" and text[match.end():]:
        return None
    moved = _earlier(int(match[1]), int(match[2]), int(match[3]), days)
    return moved + text[match.end():] if moved else None


def _earlier(year: int, month: int, day: int, days: int) -> str | None:
    try:
        return f"{date(year, month, day) - timedelta(days):%Y%m%d}".rjust(8, "0")
    except (ValueError, OverflowError):
        return None

