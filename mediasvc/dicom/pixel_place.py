"""Where the pixel data of an instance lie (PS3.5 A.4, 8)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.dicom.walk_codes import ITEM

#: Float, Double Float and (integer) Pixel Data: at most one of them is present (PS3.3 C.7.6.3).
FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA = 0x7FE00008, 0x7FE00009, 0x7FE00010
PIXEL_TAGS = (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA)


@dataclass(frozen=True, slots=True)
class PixelDataPlace:
    """Byte positions in `Framing.body`. ``value`` to ``end`` are the value's bytes; for
    encapsulated pixel data from the item of the offset table through the sequence delimiter."""

    tag: int
    start: int
    value: int
    end: int
    encapsulated: bool
    big_endian: bool = False

    def fragments(self, body: memoryview) -> Iterator[tuple[int, int]]:
        """(position, length) of each item's bytes, the Basic Offset Table first (PS3.5 A.4).

        The walker has proved that they lie inside; a native value has none.
        """
        unpack = struct.Struct(">HHI" if self.big_endian else "<HHI").unpack_from
        at = self.value
        while self.encapsulated and at + 8 <= self.end:
            group, element, length = unpack(body, at)
            if (group << 16 | element) != ITEM or length > self.end - at - 8:
                return
            yield at + 8, length
            at += 8 + length
