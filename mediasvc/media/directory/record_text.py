"""The character set of the text in a directory record (PS3.3 C.12.1.1.2), whatever the instance
declared or did not declare."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from mediasvc.dicom.text import decode
from mediasvc.standard.character_sets import MULTI_BYTE, SINGLE_BYTE, STAND_ALONE

UTF8, LATIN_1 = b"ISO_IR 192", b"ISO_IR 100"
_TERM = re.compile(rb"ISO[ _-]*(2022)?[ _-]*IR[ _-]*(\d{1,3})", re.IGNORECASE)
_C1 = re.compile(rb"[\x80-\x9f\x1b]")


@dataclass(frozen=True, slots=True)
class Repertoire:
    """Character sets of a record's text: ``read_as`` in the instance, ``written_as`` in the record.
    Empty: ASCII."""

    read_as: bytes = b""
    written_as: bytes = b""


ASCII = Repertoire()


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
