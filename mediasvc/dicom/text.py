"""Text values: decoded as far as their character set says, never believed further (PS3.5 6.1, 6.2).

`decode` gives the text and whether it is certain. What is uncertain may be shown to a person, but
no identity is matched by rule on it (FAULTS P16).
"""

from __future__ import annotations

import re
import unicodedata

from mediasvc.dicom.code_extensions import decode_extended
from mediasvc.standard.character_sets import MULTI_BYTE, SINGLE_BYTE, STAND_ALONE
from mediasvc.standard.value_representations import CHARSET_VRS, SINGLE_VRS

_TERM = re.compile(r"ISO[ _-]?(2022)?[ _-]?IR[ _-]?(\d{1,3})", re.ASCII | re.IGNORECASE)
_PADDING = " \0"


def decode(raw: bytes, specific_character_set: str, vr: str) -> tuple[str, bool]:
    """(text without padding, certain) of a value's bytes; several values stay joined by ``\\``.

    ``specific_character_set`` is (0008,0005) as text, its values joined by ``\\``. Undecodable
    bytes become U+FFFD. Never raises.
    """
    if raw.isascii() and b"\x1b" not in raw:
        return _strip(raw.decode("ascii"), vr), True
    if vr not in CHARSET_VRS:
        text, _ = _decode(raw, specific_character_set, vr)
        return _strip(text, vr), False
    text, certain = _decode(raw, specific_character_set, vr)
    return _strip(text, vr), certain


def _decode(raw: bytes, specific_character_set: str, vr: str) -> tuple[str, bool]:
    terms = [term.strip(_PADDING) for term in specific_character_set.split("\\")]
    first = terms[0].upper()
    if first in STAND_ALONE or first.replace("-", "_") == "ISO_IR 192":
        codec = STAND_ALONE.get(first, "utf_8")
        text, whole = _plainly(raw, codec)
        return text, whole and len(terms) == 1 and b"\x1b" not in raw
    numbers, known = _numbers(terms)
    if not any(terms) and b"\x1b" not in raw:
        return _guess(raw), False
    extended = len(terms) > 1 or "2022" in terms[0]
    text, certain = decode_extended(raw, numbers, name=vr == "PN")
    if not extended and b"\x1b" in raw:
        certain = False
    return text, certain and known


def _numbers(terms: list[str]) -> tuple[list[int], bool]:
    """ISO registration numbers of the terms, and whether each term was one of the standard."""
    numbers: list[int] = []
    known = True
    for place, term in enumerate(terms):
        match = _TERM.fullmatch(term)
        number = int(match[2]) if match else 6
        numbers.append(number)
        if match:
            known &= number in SINGLE_BYTE or (number in MULTI_BYTE and match[1] == "2022")
        else:
            known &= place == 0 and not term
    return numbers, known


def _plainly(raw: bytes, codec: str) -> tuple[str, bool]:
    try:
        return raw.decode(codec), True
    except UnicodeDecodeError:
        return raw.decode(codec, "replace"), False


def _guess(raw: bytes) -> str:
    """A readable form of bytes that no character set explains."""
    try:
        return raw.decode("utf_8")
    except UnicodeDecodeError:
        return raw.decode("latin_1")


def _strip(text: str, vr: str) -> str:
    text = text.rstrip(_PADDING)
    return text if vr in SINGLE_VRS else text.lstrip(" ")


def normal_name(text: str) -> str:
    """A Person Name without what means nothing: spaces around components, empty components at the
    end of a group, empty groups at the end (PS3.5 6.2.1)."""
    groups = []
    for group in text.split("="):
        components = [component.strip(_PADDING) for component in group.split("^")]
        while components and not components[-1]:
            components.pop()
        groups.append("^".join(components))
    while groups and not groups[-1]:
        groups.pop()
    return "=".join(groups)


#: Characters that change how others are shown, or are not shown themselves.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")


def display(text: str, limit: int = 3000) -> str:
    """The text with control, bidirectional and other invisible characters made visible, cut at
    ``limit`` characters (FAULTS P17). Joiners stay: Persian and Indic names need them."""
    if text.isascii() and text.isprintable():
        return text if len(text) <= limit else text[:limit] + "…"
    shown = "".join(map(_visible, text[:limit]))
    return shown if len(text) <= limit else shown + "…"


def has_hidden(text: str) -> bool:
    """Whether `display` would have to make something visible."""
    if text.isascii() and text.isprintable():
        return False
    return any(_visible(character) != character for character in text)


def _visible(character: str) -> str:
    code = ord(character)
    if code < 32:
        return chr(0x2400 + code)
    if code == 127:
        return "\u2421"
    if unicodedata.category(character) in _HIDDEN and character not in _JOINERS:
        return f"⟨U+{code:04X}⟩"
    return character
