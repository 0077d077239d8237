"""TIFF files of one or many pages, written page by page (TIFF 6.0, Adobe supplements)."""

from __future__ import annotations

import struct
import zlib
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from mediasvc.errors import BudgetError

#: Offsets have 32 bits.
LIMIT = 0xFFFF_0000
#: Uncompressed bytes of a strip.
STRIP = 1 << 20
SHORT, LONG, RATIONAL, ASCII = 3, 4, 5, 2
DEFLATE, BLACK_IS_ZERO, RGB = 8, 1, 2
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}


class TiffFile:
    """Add pages, then close; all pages may be of another size. Raises BudgetError beyond 4 GiB."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._link = stream, 4
        stream.write(b"II*\0" + bytes(4))
        self._end = 8

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stream.flush()

    def add(self, samples: NDArray[Any], words: str = "", aspect: float = 1.0) -> None:
        """One page: (rows, columns) or (rows, columns, 3) of integers or float32, compressed
        without loss. ``words`` say what they are; ``aspect``: a pixel's height / its width."""
        rows, columns = samples.shape[:2]
        count = samples.shape[2] if samples.ndim == 3 else 1
        cells = np.ascontiguousarray(samples.astype(samples.dtype.newbyteorder("<"), copy=False))
        tall = max(1, STRIP // max(1, columns * count * cells.itemsize))
        places = [self._strip(cells[first:first + tall]) for first in range(0, rows, tall)]
        entries: list[tuple[int, int, list[int] | bytes]] = [
            (256, LONG, [columns]), (257, LONG, [rows]),
            (258, SHORT, [8 * cells.itemsize] * count), (259, SHORT, [DEFLATE]),
            (262, SHORT, [RGB if count == 3 else BLACK_IS_ZERO]),
            (270, ASCII, words.encode("ascii", "replace") + b"\0"),
            (273, LONG, [at for at, _ in places]), (277, SHORT, [count]), (278, LONG, [tall]),
            (279, LONG, [length for _, length in places]),
            (282, RATIONAL, [round(10_000 * aspect), 10_000]), (283, RATIONAL, [1, 1]),
            (296, SHORT, [1]), (339, SHORT, [_SAMPLE_FORMATS[cells.dtype.kind]] * count)]
        self._directory([entry for entry in entries if entry[0] != 270 or words])

    def _strip(self, cells: NDArray[Any]) -> tuple[int, int]:
        data = zlib.compress(cells.tobytes(), 6)
        return self._put(data), len(data)

    def _put(self, data: bytes) -> int:
        """Where it stands; a word begins at an even place."""
        at = self._end
        if at + len(data) > LIMIT:
            raise BudgetError("it would be a TIFF file of more than 4 GiB (--as png)")
        self._stream.write(data + b"\0" * (len(data) % 2))
        self._end += len(data) + len(data) % 2
        return at

    def _directory(self, entries: list[tuple[int, int, list[int] | bytes]]) -> None:
        table = struct.pack("<H", len(entries))
        for tag, kind, values in entries:
            raw = values if isinstance(values, bytes) else struct.pack(
                f"<{len(values)}{'H' if kind == SHORT else 'I'}", *values)
            count = len(values) // (2 if kind == RATIONAL else 1)
            field = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack("<I", self._put(raw))
            table += struct.pack("<HHI", tag, kind, count) + field
        at = self._put(table + bytes(4))
        self._stream.seek(self._link)
        self._stream.write(struct.pack("<I", at))
        self._stream.seek(self._end)
        self._link = at + len(table)
