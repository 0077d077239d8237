"""Text written into a data set that already has a character set (PS3.5 6.1, PS3.3 C.12.1.1.2).

Changing (0008,0005) changes the meaning of every other text in the data set, so a new value is
written in the declared character set when it fits, and the declaration changes only when all other
text is plain ASCII and so means the same in UTF-8.
"""

from __future__ import annotations

SPECIFIC_CHARACTER_SET = 0x00080005
UTF8 = "ISO_IR 192"


def encode_text(text: str, specific_character_set: str) -> bytes | None:
    """The bytes of ``text`` in the declared repertoire, or None when it cannot hold them."""
    if text.isascii():
        return text.encode()
    terms = [term.strip() for term in specific_character_set.split("\\")]
    if terms == [UTF8]:
        return text.encode()
    if not any(terms):
        return None
    return _encode_extended(text, terms)


def _encode_extended(text: str, terms: list[str]) -> bytes | None:
    from pydicom.charset import convert_encodings, encode_string

    from mediasvc.dicom.text import decode

    try:
        codecs = convert_encodings(terms)
        # Component groups and components each start in the initial state (PS3.5 6.1.2.5.3).
        raw = b"=".join(
            b"^".join(encode_string(component, codecs) for component in group.split("^"))
            for group in text.split("="))
    except (UnicodeError, LookupError, ValueError):
        return None
    back, certain = decode(raw, "\\".join(terms), "PN")
    return raw if certain and back == text else None
