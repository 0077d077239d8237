"""The nearest legal form of a value that a directory record repeats (PS3.5 6.2).

Instances go out as they are, but a DICOMDIR is ours: what stands in it must be legal even where the
instance is not. What has no legal form is left out; a UID is replaced by one made of it, always the
same, so that records still agree with each other.
"""

from __future__ import annotations

import re
import uuid
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from mediasvc.dicom.encode_text import encode_text
from mediasvc.dicom.text import decode
from mediasvc.media.directory.record_text import ASCII, Repertoire
from mediasvc.standard.legal_values import (
    LEAST_INTEGER,
    MOST_INTEGER,
    ONE_VALUE,
    PLAIN,
    SEVERAL,
    is_uid,
)
from mediasvc.standard.value_representations import CHARSET_VRS, MOST_CHARACTERS

WIDTHS = {"US": 2, "UL": 4}
LINES = 1024
_ONE = {vr: re.compile(one, re.DOTALL) for vr, one in ONE_VALUE.items()}


@lru_cache(maxsize=8192)
def legal(tag: int, vr: str, value: bytes, text: Repertoire = ASCII) -> bytes:
    """``value`` (without padding) as a record may have it; empty when nothing legal comes of it.

    Sequences go through `legal_items`.
    """
    if not value or is_legal(tag, vr, value):
        return value
    if vr in WIDTHS:
        return value[:WIDTHS[vr]] if len(value) >= WIDTHS[vr] else b""
    if vr in CHARSET_VRS:
        return _text(tag, vr, value, text)
    values = [_nearest(vr, one) for one in value.split(b"\\")]
    several = SEVERAL.get(tag, 1)
    if several == 1:
        return next(filter(None, values), b"")
    if several is not None and (len(values) != several or not all(values)):
        return b""
    return b"\\".join(values) if any(values) else b""


def is_legal(tag: int, vr: str, value: bytes) -> bool:
    """Whether a value may stand in a record as it is, without a character set."""
    if vr in WIDTHS:
        return len(value) == WIDTHS[vr]
    pattern = PLAIN.get(vr)
    if pattern is None:
        return value.isascii()
    if not pattern.fullmatch(value):
        return False
    if vr == "UI":
        return is_uid(value)
    if vr == "IS" and not all(LEAST_INTEGER <= int(one) <= MOST_INTEGER
                              for one in value.split(b"\\")):
        return False
    several = SEVERAL.get(tag, 1)
    return several is None or vr == "ST" or value.count(b"\\") + 1 == several


def legal_uid(value: bytes) -> bytes:
    """The UID, or the one that stands for it everywhere in a directory."""
    if not value or is_uid(value):
        return value
    made = uuid.uuid5(uuid.NAMESPACE_OID, value.decode("latin-1"))
    return b"2.25.%d" % made.int


def _nearest(vr: str, value: bytes) -> bytes:
    value = value.strip(b" \0")
    if vr == "UI":
        return legal_uid(value)
    made = _OTHERS[vr](value) if vr in _OTHERS else b""
    return made if vr in _ONE and _ONE[vr].fullmatch(made) else b""


def _code(value: bytes) -> bytes:
    """Capital letters; other signs become _."""
    return re.sub(rb"[^A-Z0-9_ ]", b"_", value.upper())[:16].rstrip(b" ")


def _date(value: bytes) -> bytes:
    """ACR-NEMA wrote 1994.11.05; ISO writes 1994-11-05; some put the time behind it."""
    return re.sub(rb"^(\d{4})[.\-/](\d\d)[.\-/](\d\d)", rb"\1\2\3", value)[:8]


def _time(value: bytes) -> bytes:
    found = re.match(rb"(\d\d)(?::?(\d\d)(?::?(\d\d)(\.\d{1,6})?)?)?", value)
    return b"".join(part or b"" for part in found.groups()) if found else b""


def _moment(value: bytes) -> bytes:
    return re.sub(rb"[^\d.+]", b"", value)


def _integer(value: bytes) -> bytes:
    number = _number(value)
    if number is None or number != number.to_integral_value():
        return b""
    return b"%d" % int(number) if LEAST_INTEGER <= number <= MOST_INTEGER else b""


def _decimal(value: bytes) -> bytes:
    """As many digits as sixteen characters hold."""
    number = _number(value)
    if number is None:
        return b""
    shown = [b"%.*g" % (digits, float(number)) for digits in range(16, 0, -1)]
    return next((text for text in shown if len(text) <= 16), b"")


def _number(value: bytes) -> Decimal | None:
    try:
        number = Decimal(value.decode("ascii").replace(",", "."))
    except (InvalidOperation, UnicodeDecodeError):
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 300 else None


_OTHERS = {"CS": _code, "DA": _date, "TM": _time, "DT": _moment, "IS": _integer, "DS": _decimal}


def _text(tag: int, vr: str, value: bytes, text: Repertoire) -> bytes:
    """Text without control characters, and no longer than it may be; the same bytes where nothing
    is wrong with them."""
    shown, certain = decode(value, text.read_as.decode("ascii"), vr)
    made = _without_controls(shown.replace("\ufffd", "?"), vr)
    if vr == "ST":
        made = made[:LINES]
    elif SEVERAL.get(tag, 1) is None:
        made = "\\".join(_cut(part, vr) for part in made.split("\\"))
    else:
        made = _cut(made.replace("\\", " "), vr)
    if made == shown and certain and text.read_as == text.written_as:
        return value
    raw = encode_text(made, text.written_as.decode("ascii"))
    return (made.encode("ascii", "replace") if raw is None else raw).rstrip(b" ")


def _without_controls(text: str, vr: str) -> str:
    lines = "\t\n\f\r" if vr == "ST" else ""
    return "".join(sign if sign in lines or (sign >= " " and not "\x7f" <= sign < "\xa0") else " "
                   for sign in text)


def _cut(text: str, vr: str) -> str:
    text = text.strip(" ")
    if vr == "PN":
        groups = ["^".join(group.split("^")[:5])[:64].rstrip() for group in text.split("=")[:3]]
        return "=".join(groups)
    return text[:MOST_CHARACTERS.get(vr, LINES)].rstrip()
