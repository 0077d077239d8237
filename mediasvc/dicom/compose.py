"""Elements, items and sequences put together from raw bytes (PS3.5 7.1, 7.5).

What we add to a received data set is written in that data set's own encoding, and values that are
moved (into Original Attributes) keep their received bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
PAD = {"UI": b"\0", "OB": b"\0", "UN": b"\0"}
ITEM = 0xFFFEE000
SHORT_LIMIT = 0xFFFE


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a data set is written: the three facts of its transfer syntax that matter here."""

    implicit: bool
    big_endian: bool

    def tag(self, tag: int) -> bytes:
        order = self._order
        return (tag >> 16).to_bytes(2, order) + (tag & 0xFFFF).to_bytes(2, order)

    def element(self, tag: int, vr: str, value: bytes) -> bytes:
        """A complete element, padded to even length."""
        if len(value) % 2:
            value += PAD.get(vr, b" ")
        order = self._order
        if self.implicit:
            return self.tag(tag) + len(value).to_bytes(4, order) + value
        if vr in LONG_VRS:
            return self.tag(tag) + vr.encode() + b"\0\0" + len(value).to_bytes(4, order) + value
        if len(value) > SHORT_LIMIT:
            # PS3.5 6.2.2 note: a value too long for its VR's length field is sent as UN.
            return self.element(tag, "UN", value)
        return self.tag(tag) + vr.encode() + len(value).to_bytes(2, order) + value

    def item(self, elements: Iterable[bytes]) -> bytes:
        """One item of explicit length; the elements must come in tag order."""
        body = b"".join(elements)
        return self.tag(ITEM) + len(body).to_bytes(4, self._order) + body

    def sequence(self, tag: int, items: Iterable[bytes]) -> bytes:
        return self.element(tag, "SQ", b"".join(items))

    @property
    def _order(self) -> Literal["little", "big"]:
        return "big" if self.big_endian else "little"
