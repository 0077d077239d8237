"""Pixel Data as they grow frame by frame, on disk when they are large (PS3.5 8, A.4)."""

from __future__ import annotations

import mmap
import tempfile
from pathlib import Path
from typing import IO

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.encapsulation import DELIMITER, ITEM, ITEM_HEADER, offset_tables
from mediasvc.dicom.frames import EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS
from mediasvc.dicom.pixel_place import PIXEL_DATA
from mediasvc.errors import BudgetError

#: Above this the frames lie in a file and are mapped, so that memory stays flat.
MEMORY = 64 << 20
#: The longest native value (PS3.5 7.1.1); it must be even.
NATIVE_LIMIT = 0xFFFFFFFE


class PixelWriter:
    """``add`` every frame, then ``finish``. Encapsulated ones become one fragment each."""

    def __init__(self, *, encapsulated: bool, scratch: Path | str | None = None) -> None:
        self._encapsulated = encapsulated
        self._scratch = scratch
        self._file: IO[bytes] | None = None
        self._parts: list[bytes] = []
        self._waiting = 0
        self._lengths: list[int] = []

    def add(self, frame: bytes) -> None:
        self._lengths.append(len(frame))
        if not self._encapsulated:
            self._put(frame)
            return
        odd = len(frame) % 2
        self._put(ITEM_HEADER.pack(*ITEM, len(frame) + odd), frame, b"\0" * odd)

    @property
    def total(self) -> int:
        """Bytes of all frames so far, without padding and headers."""
        return sum(self._lengths)

    def finish(self, encoding: Encoding, bits_allocated: int) -> tuple[dict[int, bytes],
                                                                       tuple[memoryview, ...]]:
        """(the elements that announce the frames, their bytes in parts).

        The last element is Pixel Data without its frames: the bytes follow directly behind it.
        Raises BudgetError when native pixel data are longer than DICOM can say.
        """
        if self._encapsulated:
            return self._encapsulated_head(encoding)
        if self.total % 2:
            self._put(b"\0")
        length = self.total + self.total % 2
        if length > NATIVE_LIMIT:
            raise BudgetError("native pixel data of more than 4 GiB cannot be written")
        vr = "OW" if bits_allocated > 8 or encoding.implicit else "OB"
        empty = encoding.element(PIXEL_DATA, vr, b"")
        return {PIXEL_DATA: empty[:-4] + length.to_bytes(4, "little")}, self._bytes()

    def _put(self, *parts: bytes) -> None:
        self._parts += parts
        self._waiting += sum(map(len, parts))
        if self._waiting > MEMORY:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115 - outlives us
        self._file.writelines(self._parts)
        self._parts, self._waiting = [], 0

    def _encapsulated_head(self, encoding: Encoding) -> tuple[dict[int, bytes],
                                                              tuple[memoryview, ...]]:
        self._put(DELIMITER)
        basic, extended = offset_tables(self._lengths)
        head = encoding.element(PIXEL_DATA, "OB", b"")[:-4] + b"\xff\xff\xff\xff" + basic
        if extended is None:
            return {PIXEL_DATA: head}, self._bytes()
        return {EXTENDED_OFFSET_TABLE: encoding.element(EXTENDED_OFFSET_TABLE, "OV", extended[0]),
                EXTENDED_OFFSET_TABLE_LENGTHS: encoding.element(
                    EXTENDED_OFFSET_TABLE_LENGTHS, "OV", extended[1]),
                PIXEL_DATA: head}, self._bytes()

    def _bytes(self) -> tuple[memoryview, ...]:
        """One frame uncopied: in a tree of single images that is a thirtieth of the time."""
        if self._file is None:
            parts = self._parts if len(self._lengths) == 1 else [b"".join(self._parts)]
            return tuple(memoryview(part) for part in parts if part)
        self._spill()
        self._file.flush()
        return (memoryview(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)),)
