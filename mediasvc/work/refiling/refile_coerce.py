"""An instance that was filed under the wrong patient is coerced anew, from the bytes received.

So nothing of the wrong patient stays behind: neither an identifier among the other ones nor the
numbers of an order. What stood there until now is appended to Original Attributes; earlier items of
that sequence, and of Contributing Equipment, stay (PS3.3 C.12.1.1.9).
"""

from __future__ import annotations

from mediasvc.dicom.encode_text import SPECIFIC_CHARACTER_SET, UTF8
from mediasvc.dicom.framing import Framing
from mediasvc.errors import UnsupportedError
from mediasvc.standard import coercion as rules
from mediasvc.work.placing.coerce import Coercion, Writer, plain_ascii, text_of
from mediasvc.work.placing.coercion_order import Order

APPENDED = (rules.CONTRIBUTING_EQUIPMENT_SEQUENCE, rules.ORIGINAL_ATTRIBUTES_SEQUENCE)
#: Pixel data are not compared: nobody but a transcoder changes them.
PIXEL_GROUP = 0x7FE0


def coerce_again(received: Framing, filed: Framing, order: Order) -> Coercion:
    """What to splice into ``received`` so that it belongs to ``order``'s patient and tells that it
    was ``filed`` before. Raises UnsupportedError as `coerce` does."""
    return _Again(received, filed, order).run()


class _Again(Writer):
    def __init__(self, received: Framing, filed: Framing, order: Order) -> None:
        super().__init__(received, order)
        self.filed = filed

    def _items(self, tag: int) -> bytes:
        return Writer(self.filed, self.order).items(tag) if tag in APPENDED else self.items(tag)

    def _widen_character_set(self) -> None:
        """The items that are taken over must mean the same as before."""
        super()._widen_character_set()
        before = text_of(self.filed, SPECIFIC_CHARACTER_SET, "CS", "")
        if self.charset == before:
            return
        if before == UTF8 and plain_ascii(self.framing):
            self._set(SPECIFIC_CHARACTER_SET, "CS", "SpecificCharacterSet", UTF8.encode())
            self.charset, self.widened = UTF8, True
        elif not all(self._items(tag).isascii() for tag in APPENDED):
            raise UnsupportedError("earlier notes do not fit the character set")

    def _original_attributes(self) -> bytes:
        """Previous are the values under the patient before, not those received."""
        self.previous = {}
        for tag in sorted(self.new.keys() | self._changed_before()):
            now = self.new.get(tag) or self.framing.element(tag)
            before = self.filed.element(tag)
            if tag not in APPENDED and before is not None and before != now:
                self.previous[tag] = before
        return super()._original_attributes()

    def _changed_before(self) -> set[int]:
        return {tag for tag in self.framing.index.keys() | self.filed.index.keys()
                if tag >> 16 < PIXEL_GROUP and tag & 0xFFFF
                and self.framing.element(tag) != self.filed.element(tag)}
