"""Is a value legal for its Value Representation? (PS3.5 6.2, in pydicom's opinion)

What writes directories has its own tables; nothing of them is used here.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataset import Dataset
from pydicom.valuerep import VALIDATORS

from mediasvc.media.checking.check_icon import ICON, icon_is_whole

#: VRs with several values, of which each is judged.
_JUDGED = frozenset({"CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "ST", "TM", "UI"})
_TEXT = frozenset({"LO", "PN", "SH", "ST"})
_NUMBERS = {"US": 2, "UL": 4}
_LONGEST_GROUP = 64


def is_legal_value(vr: str, raw: bytes, charset: str = "") -> bool:
    """Whether ``raw`` (padding allowed) may stand in an element of ``vr`` whose data set says
    ``charset``; an empty value may."""
    if vr in _NUMBERS:  # offsets are no two the same: nothing to remember
        return len(raw) in (0, _NUMBERS[vr])
    return vr not in _JUDGED or _is_legal(vr, raw, charset)


@lru_cache(maxsize=65536)
def _is_legal(vr: str, raw: bytes, charset: str) -> bool:
    value = raw.rstrip(b"\0 ") if vr == "UI" else raw.rstrip(b" ")
    text = _decoded(value, charset) if vr in _TEXT else value.decode("latin-1")
    if text is None:
        return False
    if vr == "ST":
        return len(text) <= 1024 and not _controls(text, "\t\n\f\r")
    return all(_is_one(vr, one) for one in text.split("\\"))


def _decoded(value: bytes, charset: str) -> str | None:
    """None for bytes that the declared character set does not have."""
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    if not charset:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return str(decode_bytes(value, convert_encodings(charset.split("\\")),
                                    set(b"\\^=\r\n\t\f")))
    except (UserWarning, UnicodeError, LookupError, ValueError):
        return None


def _controls(text: str, allowed: str = "") -> bool:
    return any(sign < " " or "\x7f" <= sign < "\xa0" for sign in text if sign not in allowed)


def _is_one(vr: str, text: str) -> bool:
    if _controls(text) or (vr in ("DA", "TM", "DT", "UI") and text != text.strip()):
        return False
    if not text:
        return True
    if vr == "PN":
        return all(len(group) <= _LONGEST_GROUP for group in text.split("=")) \
            and text.count("=") <= 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        valid: tuple[bool, str] = VALIDATORS[vr](vr, text)  # type: ignore[no-untyped-call]
        if not valid[0]:
            return False
    return _within(vr, text)


def _within(vr: str, text: str) -> bool:
    """What the validators leave out: days that are none, ranges of old times, large integers,
    roots of UIDs that nobody can hand out."""
    if vr == "DA":
        try:
            datetime.date(int(text[:4]) or 1, int(text[4:6]), int(text[6:]))
        except ValueError:
            return False
        return len(text) == 8 and text.isdigit()
    if vr in ("TM", "DT") and "-" in text:
        return vr == "DT"
    if vr == "IS":
        return -(1 << 31) <= int(text) < 1 << 31
    if vr == "UI":
        first, _, rest = text.partition(".")
        second = rest.partition(".")[0]
        return bool(rest) and (first == "2" or (first == "1" and second in tuple("0123"))
                               or (first == "0" and second in tuple("0123459")))
    return True


def illegal_values(item: Dataset, charset: str = "", depth: int = 0) -> Iterator[str]:
    """``(gggg,eeee)`` of every element of a record, and inside its sequences, with such a value; of
    an icon that has not its pixels."""
    charset = _charset(item) or charset
    for tag, element in item.items():
        if element.VR == "SQ":
            if tag == 0x00880200:  # an icon has rules of its own
                if not all(map(icon_is_whole, item[tag].value or ())):
                    yield ICON
                continue
            if depth > 8:
                continue
            for inner in item[tag].value or ():
                yield from illegal_values(inner, charset, depth + 1)
        elif isinstance(element.value, bytes) and not is_legal_value(
                element.VR or "", element.value, charset):
            yield f"({tag.group:04X},{tag.element:04X})"


def _charset(item: Any) -> str:
    element = item.get_item(0x00080005) if 0x00080005 in item else None
    raw = element.value if element is not None else b""
    return raw.decode("ascii", "replace").strip() if isinstance(raw, bytes) else ""
