"""Reading JPEG Lossless, Process 14, with all seven predictors (T.81 annexes B and H): the
container half. The arithmetic is in `jpeg_lossless_decode_kernel`.

2 to 16 bits, components interleaved or in scans of their own, point transform, restart intervals
of whole lines, tables anywhere before their scan.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs import jpeg_stream
from mediasvc.codecs.codec import Array, Frame
from mediasvc.codecs.jpeg_stream import DHT, DRI, SOF_LOSSLESS, SOS, JpegHeader, Segment
from mediasvc.codecs.samples import from_codes
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import FrameSpec

#: Below so many bits a sample it pays to look for several differences at once (measured).
_DENSE = 5.5


@dataclass(slots=True)
class _Said:
    """What DHT and DRI segments said so far: (counts, values) by class and identifier; the interval
    in pixels."""

    huffman: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    restart: int = 0


def decode(frame: Frame, spec: FrameSpec) -> Array:
    """The samples of one frame, as `codec.Decoder` wants them. Raises DamagedError and
    UnsupportedError. The header must have been compared with ``spec``."""
    codes, precision = decode_codes(frame)
    return from_codes(codes, spec, precision)


def decode_codes(frame: Frame) -> tuple[NDArray[np.unsignedinteger], int]:
    """The codes of one frame and their precision: uint8 up to 8 bits, else uint16, shape (rows,
    columns) or (rows, columns, components).

    Raises DamagedError, or UnsupportedError for subsampled components.
    """
    header = jpeg_stream.read_jpeg_header(frame)
    _require_frame(header)
    data, octets = memoryview(frame), np.frombuffer(frame, np.uint8)
    dtype = np.uint8 if header.precision <= 8 else np.uint16
    out = np.empty((header.rows, header.columns, len(header.components)), dtype)
    said, left, at = _Said(), set(header.identifiers), 0
    while left:
        rows = jpeg_stream.segments(data, at)
        if rows[-1].marker != SOS:
            raise DamagedError("the JPEG stream ends before its last component")
        _listen(rows, said)
        names = _names(rows[-1].body, header)
        at = _scan(octets, rows[-1], names, header, said, out)
        left -= set(names)
    return (out if len(header.components) > 1 else out[..., 0]), header.precision


def _require_frame(header: JpegHeader) -> None:
    if header.sof != SOF_LOSSLESS:
        raise DamagedError("the stream is not JPEG Lossless")
    several = len(header.components) > 1
    if several and any((c.horizontal, c.vertical) != (1, 1) for c in header.components):
        raise UnsupportedError("JPEG Lossless with subsampled components")
    if not 2 <= header.precision <= 16 or not header.rows or not header.columns or (
            not header.components or len(set(header.identifiers)) != len(header.identifiers)):
        raise DamagedError("the JPEG Lossless parameters are impossible")


def _listen(rows: list[Segment], said: _Said) -> None:
    for row in rows:
        if row.marker == DHT:
            _read_huffman(bytes(row.body), said)
        elif row.marker == DRI:
            if len(row.body) != 2:
                raise DamagedError("the JPEG restart interval is damaged")
            said.restart = struct.unpack(">H", row.body)[0]


def _read_huffman(body: bytes, said: _Said) -> None:
    """One DHT segment: class and identifier, 16 counts, the values (T.81 B.2.4.2)."""
    at = 0
    while at < len(body):
        counts = body[at + 1:at + 17]
        values = body[at + 17:at + 17 + sum(counts)]
        if len(counts) != 16 or len(values) != sum(counts):
            raise DamagedError("a JPEG Huffman table is damaged")
        said.huffman[body[at]] = counts, values
        at += 17 + len(values)


def _names(body: memoryview, header: JpegHeader) -> bytes:
    """The identifiers of the scan's components (B.2.3)."""
    names = bytes(body[1:1 + 2 * body[0]:2])
    if not names or len(set(names)) != len(names) or not set(names) <= set(header.identifiers):
        raise DamagedError("the JPEG scan names components that are not there")
    return names


def _scan(octets: NDArray[np.uint8], scan: Segment, names: bytes, header: JpegHeader, said: _Said,
          out: NDArray[Any]) -> int:
    """Decode one scan into its components' places in ``out``; the position behind it."""
    from mediasvc.codecs.jpeg_lossless_decode_kernel import decode_scan

    predictor, transform = scan.body[-3], scan.body[-1] & 15
    if not 1 <= predictor <= 7 or transform >= header.precision:
        raise DamagedError("the JPEG Lossless parameters are impossible")
    if said.restart % header.columns:  # H.1.1: whole lines
        raise DamagedError("the JPEG restart interval is not a number of lines")
    size = header.rows * header.columns * len(names)
    codes = [said.huffman.get(scan.body[2 + 2 * k] >> 4) for k in range(len(names))]
    several = len(set(codes)) > 1
    triples = not several and 8 * (len(octets) - scan.end) < _DENSE * size
    tables = _tables(codes if several else codes[:1], triples)
    numbers = np.array([header.identifiers.index(name) for name in names], np.int64)
    end = int(decode_scan(octets, scan.end, tables, triples, numbers, predictor,
                          header.precision - transform, transform,
                          said.restart // header.columns, header.columns, out.itemsize,
                          out.view(np.uint8).reshape(header.rows, -1)))
    if end < 0:
        raise DamagedError("the JPEG Lossless scan is damaged")
    return end


def _tables(codes: list[tuple[bytes, bytes] | None], triples: bool) -> NDArray[np.int64]:
    """A row for each component's code (see `jpeg_lossless_tables`)."""
    from mediasvc.codecs.jpeg_lossless_tables import SIZE, fill_table

    tables = np.zeros((len(codes), SIZE), np.int64)
    for table, code in zip(tables, codes, strict=True):
        if code is None:
            raise DamagedError("the JPEG scan names a Huffman table that is not there")
        counts, values = (np.frombuffer(part, np.uint8) for part in code)
        if not fill_table(counts, values, triples, table):
            raise DamagedError("a JPEG Huffman table is impossible")
    return tables
