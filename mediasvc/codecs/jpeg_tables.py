"""Huffman and quantization tables and the restart interval of a JPEG stream (T.81 annexes B, C)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs import jpeg_stream
from mediasvc.errors import DamagedError

#: Codes are looked up by their next 16 bits: (length << 8) | value; 0 where there is no code.
LOOKUP = 1 << 16
#: Coefficients stand in this order (figure A.6): position in the 8 × 8 block.
ZIGZAG = np.array([
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63], np.int64)


@dataclass(slots=True)
class Tables:
    """What DHT, DQT and DRI segments said so far. ``huffman`` by class << 4 | identifier, as
    `LOOKUP`; ``quantization`` by identifier, in natural order."""

    huffman: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    quantization: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    restart: int = 0


def read_tables(rows: Sequence[jpeg_stream.Segment], tables: Tables) -> None:
    """Take over the tables of these segments. Raises DamagedError."""
    for row in rows:
        if row.marker == jpeg_stream.DHT:
            _read_huffman(row.body, tables)
        elif row.marker == jpeg_stream.DQT:
            _read_quantization(row.body, tables)
        elif row.marker == jpeg_stream.DRI:
            if len(row.body) != 2:
                raise DamagedError("the JPEG restart interval is damaged")
            tables.restart = struct.unpack(">H", row.body)[0]


def _read_huffman(body: memoryview, tables: Tables) -> None:
    """One DHT segment: class and identifier, 16 counts, the values (B.2.4.2)."""
    at = 0
    while at < len(body):
        counts = bytes(body[at + 1:at + 17])
        values = bytes(body[at + 17:at + 17 + sum(counts)])
        if len(counts) != 16 or len(values) != sum(counts):
            raise DamagedError("a JPEG Huffman table is damaged")
        tables.huffman[body[at]] = huffman_lookup(counts, values)
        at += 17 + len(values)


def huffman_lookup(counts: bytes, values: bytes) -> NDArray[np.int64]:
    """The table of `LOOKUP`, from the canonical code (annex C)."""
    table = np.zeros(LOOKUP, np.int64)
    code, number = 0, 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            first, last = code << (16 - length), (code + 1) << (16 - length)
            if last > LOOKUP:
                raise DamagedError("a JPEG Huffman table is impossible")
            table[first:last] = length << 8 | values[number]
            code += 1
            number += 1
        code <<= 1
    return table


def _read_quantization(body: memoryview, tables: Tables) -> None:
    """One DQT segment: precision and identifier, 64 elements in zigzag order (B.2.4.1)."""
    at = 0
    while at < len(body):
        wide = body[at] >> 4
        size = 128 if wide else 64
        raw = bytes(body[at + 1:at + 1 + size])
        if wide > 1 or len(raw) != size:
            raise DamagedError("a JPEG quantization table is damaged")
        table = np.zeros(64, np.int64)
        table[ZIGZAG] = np.frombuffer(raw, ">u2" if wide else np.uint8)
        tables.quantization[body[at] & 15] = table
        at += 1 + size
