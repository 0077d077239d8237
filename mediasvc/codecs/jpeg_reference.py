"""A plain decoder of sequential DCT JPEG, 8 and 12 bits (T.81 annexes A, F): the container half.

It is the second opinion on libjpeg-turbo, and unlike it, refuses damaged entropy-coded bytes.
Chroma that was halved is interpolated as libjpeg does (a triangle filter), so that the two agree
to the rounding of the inverse DCT.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs import jpeg_stream
from mediasvc.codecs.codec import Frame
from mediasvc.codecs.jpeg_tables import Tables, read_tables
from mediasvc.errors import DamagedError, UnsupportedError

Plane = NDArray[np.uint16]
#: Below this many samples across libjpeg repeats chroma instead of interpolating it.
NARROW = 3
_SEQUENTIAL = (jpeg_stream.SOF_BASELINE, jpeg_stream.SOF_EXTENDED)


@dataclass(frozen=True, slots=True)
class _Geometry:
    """Sampling factors and sizes of the components (A.1.1, A.2)."""

    horizontal: tuple[int, ...]
    vertical: tuple[int, ...]
    rows: int
    columns: int

    @property
    def across(self) -> int:
        """MCUs in a row of the interleaved image."""
        return -(-self.columns // (8 * max(self.horizontal)))

    @property
    def down(self) -> int:
        return -(-self.rows // (8 * max(self.vertical)))

    def size(self, number: int) -> tuple[int, int]:
        """(rows, columns) of one component's samples."""
        return (-(-self.rows * self.vertical[number] // max(self.vertical)),
                -(-self.columns * self.horizontal[number] // max(self.horizontal)))


def decode(frame: Frame) -> NDArray[np.uint16]:
    """The samples of one frame, shape (components, rows, columns), colour as the stream holds it.

    Raises DamagedError, or UnsupportedError for progressive streams and odd subsampling.
    """
    header = jpeg_stream.read_jpeg_header(frame)
    if header.sof not in _SEQUENTIAL:
        raise UnsupportedError("a JPEG process that is not sequential")
    geometry = _Geometry(tuple(c.horizontal for c in header.components),
                         tuple(c.vertical for c in header.components), header.rows, header.columns)
    if not all(1 <= factor <= 4 for factor in geometry.horizontal + geometry.vertical):
        raise DamagedError("the JPEG sampling factors are impossible")
    planes = _planes(frame, header, geometry)
    return np.stack([_upsampled(plane, number, geometry) for number, plane in enumerate(planes)])


def _planes(frame: Frame, header: jpeg_stream.JpegHeader, geometry: _Geometry) -> list[Plane]:
    """Each component's samples in its own size."""
    data, tables = memoryview(frame), Tables()
    padded = [np.zeros((geometry.down * v * 8, geometry.across * h * 8), np.uint16)
              for h, v in zip(geometry.horizontal, geometry.vertical, strict=True)]
    left, at = set(header.identifiers), 0
    quantizers = _quantizers(data)
    while left:
        rows = jpeg_stream.segments(data, at)
        if rows[-1].marker != jpeg_stream.SOS:
            raise DamagedError("the JPEG stream ends before its last component")
        read_tables(rows, tables)
        numbers, at = _scan(data, rows[-1], header, geometry, tables, quantizers, padded)
        left -= {header.identifiers[number] for number in numbers}
    return [plane[:geometry.size(number)[0], :geometry.size(number)[1]]
            for number, plane in enumerate(padded)]


def _quantizers(data: memoryview) -> list[int]:
    """Tq of each component, from the frame header (B.2.2)."""
    frame = next(row for row in jpeg_stream.segments(data) if row.marker in _SEQUENTIAL)
    return list(frame.body[8::3])


def _scan(data: memoryview, scan: jpeg_stream.Segment, header: jpeg_stream.JpegHeader,
          geometry: _Geometry, tables: Tables, quantizers: list[int], planes: list[Plane],
          ) -> tuple[list[int], int]:
    """Decode one scan into ``planes``; (its components, the position behind it)."""
    from mediasvc.codecs.jpeg_kernel import decode_scan

    numbers, lookups = [], []
    for at in range(1, 1 + 2 * scan.body[0], 2):
        number = header.identifiers.find(scan.body[at])
        chosen = scan.body[at + 1]
        pair = tables.huffman.get(chosen >> 4), tables.huffman.get(chosen & 15 | 0x10)
        if number < 0 or number in numbers or pair[0] is None or pair[1] is None or (
                quantizers[number] not in tables.quantization):
            raise DamagedError("the JPEG scan names a component or table that is not there")
        numbers.append(number)
        lookups += [pair[0], pair[1]]
    single = len(numbers) == 1
    layout = [[1, 1] if single else [geometry.horizontal[number], geometry.vertical[number]]
              for number in numbers]
    rows, columns = geometry.size(numbers[0])
    units = (-(-rows // 8), -(-columns // 8)) if single else (geometry.down, geometry.across)
    height, width = (max(planes[number].shape[axis] for number in numbers) for axis in (0, 1))
    space = np.zeros((len(numbers), height, width), np.uint16)
    position = int(decode_scan(
        np.frombuffer(data, np.uint8), scan.end, np.array(lookups),
        np.array([tables.quantization[quantizers[number]] for number in numbers]),
        np.array(layout, np.int64), np.array([*units, tables.restart, header.precision], np.int64),
        space))
    if position < 0:
        raise DamagedError("the JPEG scan is damaged")
    for place, number in enumerate(numbers):
        planes[number][...] = space[place, :planes[number].shape[0], :planes[number].shape[1]]
    return numbers, position


def _upsampled(plane: Plane, number: int, geometry: _Geometry) -> Plane:
    """In the size of the image. Raises UnsupportedError for ratios other than 1 and 2."""
    across, rest = divmod(max(geometry.horizontal), geometry.horizontal[number])
    down, odd = divmod(max(geometry.vertical), geometry.vertical[number])
    if across == down == 1:
        return plane
    if rest or odd or across != 2 or down > 2:
        raise UnsupportedError("JPEG with unusual subsampling")
    samples = plane.astype(np.int32)
    if plane.shape[1] < NARROW:
        wide = samples.repeat(2, 1).repeat(down, 0)
    else:
        wide = _twice_across(samples) if down == 1 else _twice_both(samples)
    return wide[:geometry.rows, :geometry.columns].astype(np.uint16)


def _neighbours(values: NDArray[np.int32], axis: int) -> tuple[NDArray[np.int32], ...]:
    """The sample before and behind each one; the ends are their own neighbours."""
    padded = np.concatenate([values.take([0], axis), values, values.take([-1], axis)], axis)
    size = values.shape[axis]
    return padded.take(range(size), axis), padded.take(range(2, size + 2), axis)


def _twice_across(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Three parts of the nearer sample, one of the further."""
    before, behind = _neighbours(values, 1)
    wide = np.empty((values.shape[0], 2 * values.shape[1]), np.int32)
    wide[:, 0::2], wide[:, 1::2] = (3 * values + before + 1) >> 2, (3 * values + behind + 2) >> 2
    return wide


def _twice_both(values: NDArray[np.int32]) -> NDArray[np.int32]:
    above, below = _neighbours(values, 0)
    sums = np.empty((2 * values.shape[0], values.shape[1]), np.int32)
    sums[0::2], sums[1::2] = 3 * values + above, 3 * values + below
    before, behind = _neighbours(sums, 1)
    wide = np.empty((sums.shape[0], 2 * sums.shape[1]), np.int32)
    wide[:, 0::2], wide[:, 1::2] = (3 * sums + before + 8) >> 4, (3 * sums + behind + 7) >> 4
    return wide
