"""Specific Character Set (0008,0005): terms and code elements (PS3.3 C.12.1.1.2, PS3.5 6.1)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeElement:
    """A graphic character set that an escape sequence brings into G0 or G1.

    ``codec`` decodes the characters in their high-bit form; ``width`` is the bytes of one
    character; ``prefix`` goes before each character for codecs that want one.
    """

    number: int
    register: int
    codec: str
    width: int = 1
    prefix: bytes = b""


ASCII = CodeElement(6, 0, "ascii")
ROMAJI = CodeElement(14, 0, "ascii")

#: Escape sequence → code element (PS3.3 tables C.12-3 and C.12-4).
ESCAPES: dict[bytes, CodeElement] = {
    b"(B": ASCII,
    b"(J": ROMAJI,
    b")I": CodeElement(13, 1, "shift_jis"),
    b"-A": CodeElement(100, 1, "iso8859_1"),
    b"-B": CodeElement(101, 1, "iso8859_2"),
    b"-C": CodeElement(109, 1, "iso8859_3"),
    b"-D": CodeElement(110, 1, "iso8859_4"),
    b"-L": CodeElement(144, 1, "iso8859_5"),
    b"-G": CodeElement(127, 1, "iso8859_6"),
    b"-F": CodeElement(126, 1, "iso8859_7"),
    b"-H": CodeElement(138, 1, "iso8859_8"),
    b"-M": CodeElement(148, 1, "iso8859_9"),
    b"-T": CodeElement(166, 1, "tis_620"),
    b"-b": CodeElement(203, 1, "iso8859_15"),
    b"$B": CodeElement(87, 0, "euc_jp", 2),
    b"$(D": CodeElement(159, 0, "euc_jp", 2, b"\x8f"),
    b"$)C": CodeElement(149, 1, "euc_kr", 2),
    b"$)A": CodeElement(58, 1, "gb2312", 2),
}

#: Code element in G1 while no escape sequence was seen, by the number in the term of value 1.
ELEMENT_OF: dict[int, CodeElement] = {element.number: element for element in ESCAPES.values()}

#: Terms of single-byte sets, with or without code extensions (tables C.12-2, C.12-3) ...
SINGLE_BYTE = frozenset({6, 13, 100, 101, 109, 110, 144, 127, 126, 138, 148, 166, 203})
#: ... of multi-byte sets, which need code extensions (table C.12-4) ...
MULTI_BYTE = frozenset({87, 159, 149, 58})
#: ... and of multi-byte sets that stand alone (table C.12-5).
STAND_ALONE: dict[str, str] = {
    "ISO_IR 192": "utf_8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
