"""JPEG Lossless, Process 14, as T.81 annex H describes it, a bit at a time: what the kernels are
measured by. Slow, for small images.

Names: ra rb rc are the neighbours left, above, above left of figure H.1; a category is SSSS of
table H.2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs import jpeg_stream
from mediasvc.codecs.codec import Frame
from mediasvc.errors import DamagedError

#: Category by code, written as a text of zeros and ones.
_Codes = dict[str, int]

PREDICTORS: dict[int, Callable[[int, int, int], int]] = {
    1: lambda ra, rb, rc: ra,
    2: lambda ra, rb, rc: rb,
    3: lambda ra, rb, rc: rc,
    4: lambda ra, rb, rc: ra + rb - rc,
    5: lambda ra, rb, rc: ra + ((rb - rc) >> 1),
    6: lambda ra, rb, rc: rb + ((ra - rc) >> 1),
    7: lambda ra, rb, rc: (ra + rb) >> 1,
}


class _Bits:
    """The bits of one restart interval, without what is stuffed (F.1.2.3)."""

    def __init__(self, data: bytes, at: int) -> None:
        end = at
        while data[end:end + 1] != b"\xff" or data[end + 1:end + 2] == b"\0":
            end += 1
            if end >= len(data):
                raise DamagedError("the JPEG Lossless scan has no end")
        octets = data[at:end].replace(b"\xff\0", b"\xff")
        self.bits = "".join(f"{octet:08b}" for octet in octets)
        self.at, self.end = 0, end

    def take(self, count: int) -> str:
        self.at += count
        if self.at > len(self.bits):
            raise DamagedError("the JPEG Lossless scan ends too early")
        return self.bits[self.at - count:self.at]

    def difference(self, codes: _Codes) -> int:
        """H.1.2.2, with EXTEND of F.2.2.1."""
        code = ""
        while code not in codes:
            code += self.take(1)
            if len(code) > 16:
                raise DamagedError("the JPEG Lossless scan has a code that is not in the table")
        category = codes[code]
        if category in (0, 16):
            return 32768 if category else 0
        value = int(self.take(category), 2)
        return value if value >= 1 << (category - 1) else value - (1 << category) + 1

    def close(self) -> int:
        """Where the marker stands. Less than a byte of padding may be left."""
        if len(self.bits) - self.at > 7:
            raise DamagedError("the JPEG Lossless scan has more than its samples")
        return self.end


def decode(frame: Frame) -> NDArray[np.uint16]:
    """The codes of one frame, shape (components, rows, columns). Raises DamagedError."""
    header = jpeg_stream.read_jpeg_header(frame)
    data, view = bytes(frame), memoryview(bytes(frame))
    names = list(header.identifiers)
    planes = np.zeros((len(names), header.rows, header.columns), np.uint16)
    codes: dict[int, _Codes] = {}
    left, at, restart = set(names), 0, 0
    while left:
        segments = jpeg_stream.segments(view, at)
        for segment in segments:
            if segment.marker == jpeg_stream.DHT:
                codes |= _codes(bytes(segment.body))
            elif segment.marker == jpeg_stream.DRI:
                restart = struct.unpack(">H", segment.body)[0] // header.columns
        body = bytes(segments[-1].body)
        if segments[-1].marker != jpeg_stream.SOS or any(
                body[2 + 2 * k] >> 4 not in codes for k in range(body[0])):
            raise DamagedError("the JPEG Lossless scan has no tables, or there is none")
        numbers = [names.index(name) for name in body[1:1 + 2 * body[0]:2] if name in names]
        tables = [codes[body[2 + 2 * k] >> 4] for k in range(len(numbers))]
        at = _scan(data, segments[-1].end, planes, numbers, tables, restart,
                   body[-3], header.precision - (body[-1] & 15))
        planes[numbers] <<= body[-1] & 15
        left -= {names[number] for number in numbers}
    return planes


def _codes(body: bytes) -> dict[int, _Codes]:
    """One DHT segment (B.2.4.2): canonical codes (annex C) by class and identifier."""
    found: dict[int, _Codes] = {}
    while body:
        counts, values = body[1:17], list(body[17:17 + sum(body[1:17])])
        table, code = found.setdefault(body[0], {}), 0
        for length, count in enumerate(counts, 1):
            for _ in range(count):
                table[f"{code:0{length}b}"] = values.pop(0)
                code += 1
            code <<= 1
        body = body[17 + len(table):]
    return found


def _scan(data: bytes, at: int, planes: NDArray[np.uint16], numbers: list[int],
          tables: list[_Codes], restart: int, selection: int, bits: int) -> int:
    """Fill ``planes[numbers]`` with values of ``bits`` bits; where the scan ends. ``restart`` is
    the interval in lines."""
    stream = _Bits(data, at)
    for row in range(planes.shape[1]):
        fresh = row == 0
        if restart and row and row % restart == 0:
            at, fresh = stream.close(), True
            if data[at + 1] != 0xD0 + (row // restart - 1) % 8:
                raise DamagedError("a restart marker of the JPEG Lossless scan is missing")
            stream = _Bits(data, at + 2)
        for column in range(planes.shape[2]):
            for number, table in zip(numbers, tables, strict=True):
                plane = planes[number]
                predicted = _prediction(plane, row, column, fresh, selection, bits)
                # Encoders of ultrasound machines rely on the wrap (pylibjpeg-libjpeg issue 90).
                plane[row, column] = (predicted + stream.difference(table)) & 0xFFFF
    planes[numbers] &= (1 << bits) - 1
    return stream.close()


def _prediction(plane: NDArray[np.uint16], row: int, column: int, fresh: bool, selection: int,
                bits: int) -> int:
    """H.1.2.1: the first line knows only its left neighbours, the first column those above."""
    if fresh and column == 0:
        return 1 << (bits - 1)
    if fresh:
        return int(plane[row, column - 1])
    if column == 0:
        return int(plane[row - 1, 0])
    return PREDICTORS[selection](int(plane[row, column - 1]), int(plane[row - 1, column]),
                                 int(plane[row - 1, column - 1]))
