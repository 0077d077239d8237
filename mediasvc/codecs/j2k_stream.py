"""The main header of JPEG 2000 and HTJ2K codestreams (ISO/IEC 15444-1 and -15, annex A)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mediasvc.codecs.codec import Frame
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import FrameSpec

SOC, CAP, SIZ, COD, TLM, SOT = 0xFF4F, 0xFF50, 0xFF51, 0xFF52, 0xFF55, 0xFF90
#: Progression orders (table A.16).
RPCL = 2
_SIZ = struct.Struct(">HIIIIIIIIH")
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"


@dataclass(frozen=True, slots=True)
class J2kHeader:
    """``start`` is the position of SOC; ``precisions`` and ``signed`` per component; ``ssiz`` the
    position of the first component's Ssiz."""

    start: int
    ssiz: int
    rows: int
    columns: int
    precisions: tuple[int, ...]
    signed: tuple[bool, ...]
    subsampled: bool
    progression: int
    transformed: bool
    levels: int
    reversible: bool
    high_throughput: bool
    tile_lengths: bool

    @property
    def base(self) -> int:
        """The longer side of the lowest resolution."""
        return -(-max(self.rows, self.columns) // (1 << self.levels))


def read_j2k_header(frame: Frame) -> J2kHeader:
    """The main header, of a bare codestream or one in a JP2 file. Raises DamagedError."""
    data = memoryview(frame)
    start = _codestream(data)
    found: dict[int, tuple[int, memoryview]] = {}
    at = start + 2
    while True:
        if at + 4 > len(data):
            raise DamagedError("the JPEG 2000 stream ends inside its main header")
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == SOT:
            break
        if marker < 0xFF00 or length < 2 or at + 2 + length > len(data):
            raise DamagedError("the JPEG 2000 main header is damaged")
        found.setdefault(marker, (at + 4, data[at + 4:at + 2 + length]))
        at += 2 + length
    if SIZ not in found or COD not in found:
        raise DamagedError("the JPEG 2000 stream does not say its size or coding")
    return _header(start, found)


def _codestream(data: memoryview) -> int:
    if bytes(data[:4]) == b"\xff\x4f\xff\x51":
        return 0
    if bytes(data[:12]) != _JP2:
        raise DamagedError("the frame does not begin like a JPEG 2000 stream")
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"jp2c" and bytes(data[at + 8:at + 12]) == b"\xff\x4f\xff\x51":
            return at + 8
        if length < 8:
            break
        at += length
    raise DamagedError("the JP2 file holds no codestream")


def _header(start: int, found: dict[int, tuple[int, memoryview]]) -> J2kHeader:
    place, siz = found[SIZ]
    cod = found[COD][1]
    if len(siz) < _SIZ.size or len(cod) < 10:
        raise DamagedError("the JPEG 2000 main header is damaged")
    _, x, y, x0, y0, _, _, _, _, count = _SIZ.unpack_from(siz)
    parts = siz[_SIZ.size:]
    if count < 1 or len(parts) != 3 * count or x <= x0 or y <= y0:
        raise DamagedError("the JPEG 2000 size is damaged")
    depths = bytes(parts[::3])
    return J2kHeader(
        start=start, ssiz=place + _SIZ.size, rows=y - y0, columns=x - x0,
        precisions=tuple((depth & 0x7F) + 1 for depth in depths),
        signed=tuple(bool(depth & 0x80) for depth in depths),
        subsampled=any(step != 1 for at in (1, 2) for step in bytes(parts[at::3])),
        progression=cod[1], transformed=bool(cod[4]), levels=cod[5], reversible=cod[9] == 1,
        high_throughput=CAP in found, tile_lengths=TLM in found)


def check_size(header: J2kHeader, spec: FrameSpec) -> None:
    """The stream's own size against the attributes (FAULTS X05). Raises DamagedError, or
    UnsupportedError for what no DICOM encoder should write."""
    said = (header.rows, header.columns, len(header.precisions))
    if said != (spec.rows, spec.columns, spec.samples_per_pixel):
        raise DamagedError(
            f"the stream holds {header.rows} × {header.columns} × {len(header.precisions)}, the "
            f"attributes say {spec.rows} × {spec.columns} × {spec.samples_per_pixel}")
    if max(header.precisions) > spec.bits_allocated:
        raise DamagedError(f"the stream has {max(header.precisions)} bits, Bits Allocated says "
                           f"{spec.bits_allocated}")
    if header.subsampled or len({*header.precisions}) > 1 or len({*header.signed}) > 1:
        raise UnsupportedError("JPEG 2000 components of different size or depth")
