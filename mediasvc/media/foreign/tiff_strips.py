"""The strips or tiles of a TIFF page, decoded into one array (TIFF 6.0 sections 3, 9 to 11, 15)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from mediasvc.media.foreign.tiff_directory import Layout, Values, integer, integers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediasvc.media.window import Window

COLUMNS, ROWS, BITS, COMPRESSION, FILL_ORDER = 256, 257, 258, 259, 266
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES = 273, 277, 278, 279
PLANAR, PREDICTOR, PHOTOMETRIC = 284, 317, 262
TILE_COLUMNS, TILE_ROWS, TILE_OFFSETS, TILE_BYTES, JPEG_TABLES = 322, 323, 324, 325, 347
NONE, CCITT4, LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE = 1, 4, 5, 7, 8, 32773, 32946
YCBCR = 6
PIECE_LIMIT = 1 << 30
AS_PNG = "Save it as PNG, or as TIFF without compression, first."


@dataclass(frozen=True)
class Page:
    """One directory with pixels. Raises UnsupportedError or DamagedError while it is read."""

    window: Window
    layout: Layout
    values: dict[int, Values]

    @property
    def compression(self) -> int:
        return integer(self.values, COMPRESSION, NONE)

    @property
    def bits(self) -> int:
        return integer(self.values, BITS, 1)

    @property
    def samples(self) -> int:
        return integer(self.values, SAMPLES, 1)

    @property
    def encoded_bytes(self) -> int:
        return sum(length for _, length in self._places)

    @cached_property
    def _tiled(self) -> bool:
        return TILE_OFFSETS in self.values

    @cached_property
    def _places(self) -> list[tuple[int, int]]:
        tags = (TILE_OFFSETS, TILE_BYTES) if self._tiled else (STRIP_OFFSETS, STRIP_BYTES)
        offsets, lengths = (integers(self.values, tag) for tag in tags)
        if not offsets or len(offsets) != len(lengths):
            raise DamagedError("a page of the TIFF does not say where its pixels are")
        return list(zip(offsets, lengths, strict=True))

    def decode(self) -> NDArray[Any]:
        """(rows, columns, samples) uint8 or uint16; 1-bit samples are 0 or 1."""
        import numpy as np

        rows, columns = integer(self.values, ROWS, 0), integer(self.values, COLUMNS, 0)
        planes = self.samples if integer(self.values, PLANAR, 1) == 2 else 1
        depth = self.samples // planes
        dtype = np.uint16 if self.bits == 16 else np.uint8
        whole = np.zeros((rows, columns, self.samples), dtype)
        height = integer(self.values, TILE_ROWS if self._tiled else ROWS_PER_STRIP, rows)
        width = integer(self.values, TILE_COLUMNS, columns) if self._tiled else columns
        if not 0 < depth <= 8 or height < 1 or width < 1:
            raise DamagedError("a page of the TIFF contradicts itself")
        height = height if self._tiled else min(height, rows)
        across, down = -(-columns // width), -(-rows // height)
        if len(self._places) < across * down * planes:
            raise DamagedError("pixels of a page of the TIFF are missing")
        for number, place in enumerate(self._places[:across * down * planes]):
            plane, at = divmod(number, across * down)
            top, left = at // across * height, at % across * width
            tall = height if self._tiled else min(height, rows - top)
            piece = self._piece(place, tall, width, depth)
            part = whole[top:top + tall, left:left + width, plane * depth:(plane + 1) * depth]
            part[:] = piece[:part.shape[0], :part.shape[1]]
        return whole

    def _piece(self, place: tuple[int, int], rows: int, columns: int, depth: int) -> NDArray[Any]:
        """(rows, columns, depth) of one strip or tile."""
        import numpy as np

        line = (columns * depth * self.bits + 7) // 8
        if rows * line > PIECE_LIMIT or place[1] > PIECE_LIMIT:
            raise BudgetError("a page is larger than the limits allow")
        data = self.window.read(*place)
        if self.compression == JPEG:
            return self._jpeg(data, depth)
        if self.compression == CCITT4:
            return self._fax(data, rows, columns)
        raw = self._unpacked(data, rows * line)
        if len(raw) < rows * line:
            raise DamagedError("pixels of a page of the TIFF are missing")
        if self.bits == 1:
            lines = np.frombuffer(raw, np.uint8, rows * line).reshape(rows, line)
            return np.unpackbits(lines, axis=1)[:, :columns * depth].reshape(rows, columns, depth)
        dtype = np.dtype(f"{self.layout.order}u{self.bits // 8}")
        piece = np.frombuffer(raw, dtype, rows * columns * depth).reshape(rows, columns, depth)
        native = piece.astype(dtype.newbyteorder("="))
        if integer(self.values, PREDICTOR, 1) == 2 and self.compression != NONE:
            native = np.cumsum(native, axis=1, dtype=native.dtype)
        return native

    def _unpacked(self, data: bytes, most: int) -> bytes:
        """At most ``most`` bytes."""
        import imagecodecs

        decoders = {LZW: imagecodecs.lzw_decode, DEFLATE: imagecodecs.zlib_decode,
                    OLD_DEFLATE: imagecodecs.zlib_decode, PACKBITS: imagecodecs.packbits_decode}
        if integer(self.values, FILL_ORDER, 1) != 1 or integer(self.values, PREDICTOR, 1) > 2:
            raise UnsupportedError("its pixels are written in a rare way", AS_PNG)
        if self.compression == NONE:
            return data
        if self.compression not in decoders:
            raise UnsupportedError("its pages are compressed in a way that is not supported",
                                   AS_PNG)
        try:
            return bytes(decoders[self.compression](data, out=most))
        except (ValueError, RuntimeError):
            raise DamagedError("a page of the TIFF cannot be decoded") from None

    def _fax(self, data: bytes, rows: int, columns: int) -> NDArray[Any]:
        """Group 4 (TIFF 6.0 section 11): 1 is what the fax says is black."""
        import imagecodecs
        import numpy as np

        if self.bits != 1 or self.samples != 1 or integer(self.values, FILL_ORDER, 1) != 1:
            raise UnsupportedError("its pixels are written in a rare way", AS_PNG)
        try:
            piece = imagecodecs.ccittfax4_decode(data, rows, columns)
        except (ValueError, RuntimeError):
            raise DamagedError("a page of the TIFF cannot be decoded") from None
        return np.asarray(piece != 0, np.uint8).reshape(rows, columns, 1)

    def _jpeg(self, data: bytes, depth: int) -> NDArray[Any]:
        import imagecodecs

        tables = self.values.get(JPEG_TABLES, b"")
        tables = tables if isinstance(tables, bytes) else bytes(tables)
        stored = "YCBCR" if integer(self.values, PHOTOMETRIC, 2) == YCBCR else "RGB"
        colour = depth == 3
        try:
            piece = imagecodecs.jpeg8_decode(
                data, tables=tables or None, colorspace=stored if colour else None,
                outcolorspace="RGB" if colour else None)
        except (ValueError, RuntimeError):
            raise DamagedError("a page of the TIFF cannot be decoded") from None
        if piece.size != piece.shape[0] * piece.shape[1] * depth:
            raise DamagedError("a page of the TIFF contradicts itself")
        return piece.reshape(piece.shape[0], piece.shape[1], depth)
