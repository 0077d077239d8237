"""The nearest legal form of a value that a directory record repeats (PS3.5 6.2).

Instances go out as they are, but a DICOMDIR is ours: what stands in it must be legal even where the
instance is not. What has no legal form is left out; a UID is replaced by one made of it, always the
same, so that records still agree with each other.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from mediasvc.dicom.encode_text import encode_text
from mediasvc.dicom.text import decode
from mediasvc.errors import DamagedError
from mediasvc.media.element_walk import UNDEFINED, UnreadableError, element_end, read_header
from mediasvc.media.sequence_bytes import EXPLICIT, item_places
from mediasvc.standard.character_sets import MULTI_BYTE, SINGLE_BYTE, STAND_ALONE
from mediasvc.standard.legal_values import (
    LEAST_INTEGER,
    MOST_INTEGER,
    ONE_VALUE,
    PLAIN,
    SEVERAL,
    is_uid,
)
from mediasvc.standard.value_representations import CHARSET_VRS, MOST_CHARACTERS

UTF8, LATIN_1 = b"ISO_IR 192", b"ISO_IR 100"
WIDTHS = {"US": 2, "UL": 4}
LINES = 1024
_TERM = re.compile(rb"ISO[ _-]*(2022)?[ _-]*IR[ _-]*(\d{1,3})", re.IGNORECASE)
_ONE = {vr: re.compile(one, re.DOTALL) for vr, one in ONE_VALUE.items()}
_C1 = re.compile(rb"[\x80-\x9f\x1b]")


@dataclass(frozen=True, slots=True)
class Repertoire:
    """Character sets of a record's text: ``read_as`` in the instance, ``written_as`` in the record.
    Empty: ASCII."""

    read_as: bytes = b""
    written_as: bytes = b""


ASCII = Repertoire()


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
    return several is None or vr in ("ST",) or value.count(b"\\") + 1 == several


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


@lru_cache(maxsize=256)
def declared(charset: bytes) -> bytes:
    """Specific Character Set in the standard's own terms; empty when nobody can know what it is."""
    terms = [term.strip(b" \0") for term in charset.split(b"\\")]
    made = [_term(term, number, len(terms)) for number, term in enumerate(terms)]
    if any(term is None for term in made) or not any(made):
        return b""
    return b"\\".join(term or b"" for term in made)


def _term(term: bytes, number: int, of: int) -> bytes | None:
    if not term:
        return b"" if number == 0 else None
    if of == 1 and term.upper().decode("latin-1") in STAND_ALONE:
        return term.upper()
    match = _TERM.fullmatch(term)
    if not match:
        return None
    register = int(match[2])
    if register == 192:
        return UTF8 if of == 1 else None
    if register not in SINGLE_BYTE | MULTI_BYTE:
        return None
    extended = of > 1 or match[1] or register in MULTI_BYTE
    return (b"ISO 2022 IR %d" if extended else b"ISO_IR %d") % register


def repertoire(texts: Iterable[bytes], charset: bytes) -> Repertoire:
    """For ``texts`` outside ASCII under the raw value of Specific Character Set.

    What nobody declared is taken for UTF-8 when it is well-formed as that, otherwise for Latin 1.
    Text that does not keep to what was declared is written anew in UTF-8.
    """
    known = declared(charset)
    if known:
        terms = known.decode("ascii")
        certain = all(decode(text, terms, "PN")[1] for text in texts if b"\x1b" in text)
        return Repertoire(known, known if certain else UTF8)
    every = b"".join(texts)
    try:
        every.decode()
    except UnicodeDecodeError:
        return ASCII if _C1.search(every) else Repertoire(LATIN_1, LATIN_1)
    return Repertoire(UTF8, UTF8)


@lru_cache(maxsize=1024)
def legal_items(items: bytes, text: Repertoire) -> bytes:
    """The items of a sequence (explicit little endian) with every value legal; the same bytes where
    nothing is wrong. Raises DamagedError when they do not hold together."""
    try:
        return _legal_items(items, text)
    except (UnreadableError, RecursionError):
        raise DamagedError("a sequence that the directory repeats is damaged") from None


def _legal_items(items: bytes, text: Repertoire) -> bytes:
    view = memoryview(items)
    parts: list[bytes | memoryview] = []
    kept = 0
    for start, end in item_places(view, EXPLICIT):
        made = _legal_item(view, start, end, text)
        if made != view[start:end]:
            head = start - 8
            parts += (view[kept:head], EXPLICIT.item((made,)))
            kept = end + (8 if bytes(view[start - 4:start]) == b"\xff" * 4 else 0)
    return b"".join((*parts, view[kept:])) if parts else items


def _legal_item(view: memoryview, start: int, end: int, text: Repertoire) -> bytes:
    parts: list[bytes | memoryview] = []
    at = start
    while at < end:
        tag, vr, value, length = read_header(view, at, EXPLICIT)
        after = element_end(view, at, EXPLICIT)
        raw = bytes(view[value:after - (8 if length == UNDEFINED else 0)])
        made = _legal_nested(tag, vr.decode("ascii"), raw, text)
        parts.append(view[at:after] if made == raw
                     else EXPLICIT.element(tag, vr.decode("ascii"), made))
        at = after
    return b"".join(parts)


def _legal_nested(tag: int, vr: str, raw: bytes, text: Repertoire) -> bytes:
    if vr == "SQ":
        return _legal_items(raw, text)
    if vr not in PLAIN or (vr not in ("UI",) and "\\" in raw.decode("latin-1")):
        return raw
    value = raw.rstrip(b" \0")
    made = legal(tag, vr, value, text)
    return raw if made == value else made

