"""Segments of JPEG-LS streams: parameters, interleave modes, what is refused (T.87 annex C)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mediasvc.codecs import jpeg_stream
from mediasvc.codecs.codec import Frame
from mediasvc.errors import DamagedError, UnsupportedError

#: Interleave mode ILV (T.87 C.2.3).
BY_COMPONENT, BY_LINE, BY_SAMPLE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Parameters:
    """Coding parameters of a scan (T.87 C.2.4.1.1)."""

    maxval: int
    t1: int
    t2: int
    t3: int
    reset: int


def preset_of(rows: list[jpeg_stream.Segment], before: bytes) -> bytes:
    """The last LSE segment with coding parameters (C.2.4.1); other kinds are refused."""
    for row in rows:
        if row.marker == jpeg_stream.DRI:
            raise UnsupportedError("JPEG-LS with restart intervals")
        if row.marker == jpeg_stream.LSE:
            if len(row.body) != 11 or row.body[0] != 1:
                raise UnsupportedError("JPEG-LS with mapping tables")
            before = bytes(row.body[1:])
    return before


def scan_of(body: memoryview, header: jpeg_stream.JpegHeader) -> tuple[list[int], int, int]:
    """(positions of the components in the frame, NEAR, ILV)."""
    identifiers = bytes(body[1:1 + 2 * body[0]:2])
    if any(body[2:2 + 2 * body[0]:2]):
        raise UnsupportedError("JPEG-LS with mapping tables")
    if not identifiers or len(set(identifiers)) != len(identifiers) or not (
            set(identifiers) <= set(header.identifiers)):
        raise DamagedError("the JPEG-LS scan names components that are not there")
    near, interleave, transform = body[-3:]
    if transform:
        raise UnsupportedError("JPEG-LS with a point transform")
    if interleave > BY_SAMPLE or (interleave == BY_COMPONENT and len(identifiers) > 1):
        raise DamagedError("the interleave mode of the JPEG-LS scan is wrong")
    numbers = [header.identifiers.index(identifier) for identifier in identifiers]
    return numbers, near, interleave


def parameters(preset: bytes, precision: int, near: int) -> Parameters:
    """Preset values where they are not 0, defaults elsewhere. Raises DamagedError."""
    if not 2 <= precision <= 16:
        raise DamagedError(f"a JPEG-LS stream of {precision} bits")
    given = struct.unpack(">5H", preset) if preset else (0,) * 5
    maxval = given[0] or (1 << precision) - 1
    if maxval >= 1 << precision or near > min(255, maxval // 2):
        raise DamagedError("the JPEG-LS parameters are impossible")
    chosen = [value or default for value, default in
              zip(given[1:4], default_thresholds(maxval, near), strict=True)]
    if not near + 1 <= chosen[0] <= chosen[1] <= chosen[2] <= maxval:
        raise DamagedError("the JPEG-LS thresholds are impossible")
    reset = given[4] or 64
    if not 3 <= reset <= max(255, maxval):
        raise DamagedError("the JPEG-LS parameters are impossible")
    return Parameters(maxval, chosen[0], chosen[1], chosen[2], reset)


def read_frame_header(frame: Frame) -> jpeg_stream.JpegHeader:
    """The header of a JPEG-LS stream without subsampling. Raises DamagedError, UnsupportedError."""
    header = jpeg_stream.read_jpeg_header(frame)
    if header.sof != jpeg_stream.SOF_LS:
        raise DamagedError("the stream is not JPEG-LS")
    if any((c.horizontal, c.vertical) != (1, 1) for c in header.components):
        raise UnsupportedError("JPEG-LS with subsampled components")
    return header


def default_thresholds(maxval: int, near: int) -> tuple[int, int, int]:
    """T1, T2, T3 by C.2.4.1.1.1."""
    def clamp(value: int, low: int) -> int:
        return low if value > maxval or value < low else value

    if maxval >= 128:
        factor = (min(maxval, 4095) + 128) // 256
        t1 = clamp(factor + 2 + 3 * near, near + 1)
        t2 = clamp(factor * 4 + 3 + 5 * near, t1)
        return t1, t2, clamp(factor * 17 + 4 + 7 * near, t2)
    factor = 256 // (maxval + 1)
    t1 = clamp(max(2, 3 // factor + 3 * near), near + 1)
    t2 = clamp(max(3, 7 // factor + 5 * near), t1)
    return t1, t2, clamp(max(4, 21 // factor + 7 * near), t2)
