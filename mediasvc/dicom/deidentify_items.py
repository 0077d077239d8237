"""The walk that de-identifies: every element of every level, each by its action (PS3.15 E.1.1).

The result is written anew from raw values in the encoding of the source: nothing of the old file
survives by not having been looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.deidentify_keys import Keys
from mediasvc.dicom.deidentify_private import Mark, kept_private, marks_of
from mediasvc.dicom.deidentify_text import known_words
from mediasvc.dicom.deidentify_values import dummy, is_plain, shifted
from mediasvc.dicom.deidentify_words import Words, charset_of
from mediasvc.dicom.nested import (
    Element,
    Source,
    dictionary_vr,
    elements,
    inside,
    item_at,
    length_at,
)
from mediasvc.dicom.text import decode
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.standard.deidentification import CONTENT_TEXT, Action, Policy, action_of
from mediasvc.standard.deidentification_pixels import KEY_OBJECTS
from mediasvc.standard.value_representations import ALL_VRS, CHARSET_VRS, SINGLE_VRS, TEXT_VRS

CONTENT, ANNOTATIONS = 0x0040A730, 0x00700001
#: Drawn shapes of an annotation: with the text they belong to, (0070,0008), they say more than
#: geometry; only Clean Graphics keeps them.
DRAWN, TEXT_OBJECTS = (0x00700009, 0x00700209), 0x00700008
OVERLAY_TYPE, OVERLAY_PLACE, OVERLAY_DATA = 0x0040, 0x0102, 0x3000
OVERLAY_WORDS = (0x0022, 0x1500, 0x4000)
TEMPORAL = ("DA", "DT", "TM")
#: Groups of commands, file meta and directories are no part of an instance (PS3.5 7.1).
FIRST_GROUP = 0x0008
#: Text of digits and a few signs.
PLAIN = ("AS", "DA", "DS", "DT", "IS", "TM", "UI")
NONE = Policy()


@dataclass(slots=True)
class Walk:
    """One instance on its way. ``odd``: tags of sequences that were no sequences and went."""

    policy: Policy
    keys: Keys
    words: Words
    days: int
    sop_class_uid: str
    target: Encoding
    marks: tuple[Mark, ...] = ()
    odd: list[int] = field(default_factory=list)
    overlay_bits: set[int] = field(default_factory=set)
    """Bits of the pixel data that hold overlays which go (retired, PS3.5 8.1.2)."""

    def data_set(self, source: Source, start: int, stop: int, charset: str = "", *,
                 nested: bool = False) -> dict[int, bytes]:
        """tag → complete new element of what stays between two places, in file order."""
        rows = list(elements(source, start, stop))
        charset = charset_of(source, rows, charset)
        private: dict[int, str] = {}
        if self.policy.has("safe-private"):
            self.marks = self.marks or marks_of(source, rows)
            private = kept_private(source, rows, self.marks)
        overlays = self._overlays(source, rows)
        kept: dict[int, bytes] = {}
        for row in rows:
            if row.tag & 0x10000:
                new = self._private(source, row, private, charset)
            elif row.tag >> 16 < FIRST_GROUP or row.tag >> 24 == 0x50 or (
                    row.tag >> 24 == 0x60 and (row.tag >> 16 not in overlays
                                               or row.tag & 0xFFFF in OVERLAY_WORDS)):
                new = None
            else:
                new = self._element(source, row, charset, nested)
            if new is not None:
                kept[row.tag] = new
        return kept

    # --- one element ---

    def _element(self, source: Source, row: Element, charset: str, nested: bool) -> bytes | None:
        vr = _vr(source, row)
        if vr == "UN":
            return None  # no dictionary knows what it is
        action = action_of(row.tag, vr, self.policy, self.sop_class_uid, nested=nested)
        if vr == "SQ":
            return self._sequence(source, row, action, charset)
        if action == "X":
            return None
        if action == "Z":
            return self.target.element(row.tag, vr, b"")
        raw = bytes(source.body[row.value:row.end])
        return self._value(row.tag, vr, raw, action, charset, nested)

    def _value(self, tag: int, vr: str, raw: bytes, action: Action, charset: str, nested: bool,
               ) -> bytes | None:
        new: bytes | None = raw
        if action == "U" or (action == "D" and vr == "UI"):
            new = self._uids(raw) if vr == "UI" else dummy(vr)
        elif action == "D":
            new = dummy(vr)
        elif tag in CONTENT_TEXT:
            new = self._cleaned(raw, vr, charset) if self._cleans(tag) else dummy(vr)
            new = new or dummy(vr)
        elif action == "C":
            new = shifted(raw, vr, self.days) if vr in TEMPORAL else self._cleaned(raw, vr, charset)
            if not new and raw.strip(b" \0"):
                return self._emptied(tag, vr, nested)
        elif vr in PLAIN:
            new = raw if is_plain(raw, vr) else b""
        elif vr in TEXT_VRS:
            new = self._scrubbed(raw, vr, charset)
            new = new if new or not raw.strip(b" \0") else dummy(vr)  # it may be of type 1
        elif self.words.stand_in(memoryview(raw)):
            raise UnsupportedError("a name or an identifier stands in its binary data")
        return None if new is None else self.target.element(tag, vr, new)

    def _emptied(self, tag: int, vr: str, nested: bool) -> bytes | None:
        """What the profile does where cleaning left nothing."""
        action = action_of(tag, vr, NONE, self.sop_class_uid, nested=nested)
        if action == "X":
            return None
        return self.target.element(tag, vr, dummy(vr) if action == "D" else b"")

    def _private(self, source: Source, row: Element, kept: dict[int, str], charset: str,
                 ) -> bytes | None:
        vr = kept.get(row.tag)
        if vr is None:
            return None
        raw = bytes(source.body[row.value:row.end])
        if vr in CHARSET_VRS and row.tag & 0xFFFF > 0xFF:
            raw = self._scrubbed(raw, vr, charset)
        return self.target.element(row.tag, vr, raw)

    # --- values ---

    def _uids(self, raw: bytes) -> bytes:
        names = raw.decode("latin-1").rstrip("\0 ").split("\\")
        return "\\".join(self.keys.uid(name.strip()) for name in names).encode("latin-1", "replace")

    def _cleans(self, tag: int) -> bool:
        return self.policy.has("descriptors") and self.policy.has(
            "structured" if tag == 0x0040A160 else "graphics")

    def _cleaned(self, raw: bytes, vr: str, charset: str) -> bytes | None:
        if vr not in TEXT_VRS:
            return None
        text, _ = decode(raw, charset, vr)
        words = self.words.all
        parts = [text] if vr in SINGLE_VRS else text.split("\\")
        return _ascii("\\".join(known_words(part, words) for part in parts)).strip(b"\\")

    def _scrubbed(self, raw: bytes, vr: str, charset: str) -> bytes:
        """The same bytes where no identifying word stands in them."""
        text, _ = decode(raw, charset, vr)
        new = self.words.out_of(text, codes=vr == "CS")
        if new == text:
            return raw
        return new.encode("utf-8") if "192" in charset else _ascii(new)

    # --- sequences ---

    def _sequence(self, source: Source, row: Element, action: Action, charset: str,
                  ) -> bytes | None:
        if action == "X":
            return None
        if action == "Z":
            return self.target.sequence(row.tag, ())
        whole = row.tag == ANNOTATIONS or (
            row.tag == CONTENT and self.sop_class_uid.startswith(KEY_OBJECTS))
        within = inside(source, row.vr)
        if self.target.big_endian and not within.big_endian:
            return None  # little endian within big endian: nothing in there is worth the risk
        try:
            if action == "D" and not whole:
                return self.target.sequence(row.tag, self._dummy_items(within, row))
            items = list(self._items(within, row, charset))
        except DamagedError:
            self.odd.append(row.tag)
            return None
        if row.tag == ANNOTATIONS and not items:
            return None
        return self.target.sequence(row.tag, items)

    def _items(self, source: Source, row: Element, charset: str) -> list[bytes]:
        found, at = [], row.value
        while at < row.end:
            start, stop, at = item_at(source, at, row.end)
            kept = self.data_set(source, start, stop, charset, nested=True)
            if row.tag == ANNOTATIONS and not self.policy.has("graphics"):
                for tag in DRAWN:
                    kept.pop(tag, None)
                if TEXT_OBJECTS not in kept:
                    continue
            found.append(self.target.item(kept[tag] for tag in sorted(kept)))
        return found

    def _dummy_items(self, source: Source, row: Element) -> list[bytes]:
        """The first item with every value in it replaced: as conforming as can be."""
        if row.value >= row.end:
            return []
        start, stop, _ = item_at(source, row.value, row.end)
        parts: dict[int, bytes] = {}
        for one in elements(source, start, stop):
            vr = _vr(source, one)
            if one.tag & 0x10000 or vr == "UN":
                continue
            if vr == "SQ":
                parts[one.tag] = self.target.sequence(
                    one.tag, self._dummy_items(inside(source, one.vr), one))
            elif vr == "UI":
                parts[one.tag] = self.target.element(
                    one.tag, vr, self._uids(bytes(source.body[one.value:one.end])))
            else:
                parts[one.tag] = self.target.element(one.tag, vr, dummy(vr))
        return [self.target.item(parts[tag] for tag in sorted(parts))]

    # --- overlays ---

    def _overlays(self, source: Source, rows: list[Element]) -> set[int]:
        """Groups of overlays that stay: regions of interest, where graphics are cleaned."""
        found = {row.tag: row for row in rows if row.tag >> 24 == 0x60}
        stay = set()
        for group in {tag & 0xFFFF0000 for tag in found}:
            kind, place = found.get(group | OVERLAY_TYPE), found.get(group | OVERLAY_PLACE)
            if self.policy.has("graphics") and kind is not None and bytes(
                    source.body[kind.value:kind.end]).strip(b" \0") == b"R":
                stay.add(group >> 16)
            elif group | OVERLAY_DATA not in found and place is not None:
                self.overlay_bits.add(length_at(source, place.value, 2))
        return stay


def _vr(source: Source, row: Element) -> str:
    """As the data set says it, else as the dictionary does; ``UN`` when neither knows."""
    known = dictionary_vr(row.tag, {}, source.signed)
    if row.vr in ALL_VRS and row.vr != "UN":
        return row.vr if known != "UN" else "UN"
    return known


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "ignore")
