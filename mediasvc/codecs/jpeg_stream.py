"""The marker segments of JPEG, JPEG Lossless and JPEG-LS streams (T.81 annex B, T.87 annex C)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from mediasvc.codecs.codec import Frame
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec

SOI, EOI, SOS, DHT, DQT, DRI, DNL, DAC = 0xD8, 0xD9, 0xDA, 0xC4, 0xDB, 0xDD, 0xDC, 0xCC
APP0, APP14, LSE = 0xE0, 0xEE, 0xF8
SOF_BASELINE, SOF_EXTENDED, SOF_PROGRESSIVE, SOF_LOSSLESS, SOF_LS = 0xC0, 0xC1, 0xC2, 0xC3, 0xF7
#: Start of Frame of any process: C0 to CF without DHT, JPG and DAC (T.81 table B.1), F7 (T.87).
SOFS = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC} | {SOF_LS}
#: Markers without a segment: RST0 to RST7, SOI, EOI, TEM.
_BARE = frozenset(range(0xD0, 0xDA)) | {0x01}


@dataclass(frozen=True, slots=True)
class Component:
    identifier: int
    horizontal: int
    vertical: int


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """Everything up to the first entropy-coded byte. ``selection`` is Ss of the first scan: the
    predictor of a lossless one, NEAR of JPEG-LS. ``adobe`` is the transform of APP14, or None."""

    sof: int
    precision: int
    rows: int
    columns: int
    components: tuple[Component, ...]
    selection: int
    interleave: int
    jfif: bool
    adobe: int | None

    @property
    def identifiers(self) -> bytes:
        return bytes(component.identifier for component in self.components)

    @property
    def subsampled(self) -> bool:
        return len({(c.horizontal, c.vertical) for c in self.components}) > 1


@dataclass(frozen=True, slots=True)
class Segment:
    """``body`` is the segment without marker and length; ``end`` the byte behind it."""

    marker: int
    body: memoryview = field(repr=False)
    end: int


def segments(data: memoryview, at: int = 0) -> list[Segment]:
    """Marker segments from ``at`` through the first SOS or EOI. Raises DamagedError."""
    found: list[Segment] = []
    while True:
        if at + 2 > len(data) or data[at] != 0xFF:
            raise DamagedError("the JPEG stream has no marker where one must stand")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte, T.81 B.1.1.2
            at += 1
            continue
        if marker in _BARE:
            found.append(Segment(marker, data[:0], at + 2))
            at += 2
            if marker == EOI:
                return found
            continue
        found.append(_segment(data, at, marker))
        at = found[-1].end
        if marker == SOS:
            return found


def _segment(data: memoryview, at: int, marker: int) -> Segment:
    if at + 4 > len(data):
        raise DamagedError("the JPEG stream ends inside a marker segment")
    length = data[at + 2] << 8 | data[at + 3]
    end = at + 2 + length
    if length < 2 or end > len(data):
        raise DamagedError("a JPEG marker segment reaches beyond the stream")
    return Segment(marker, data[at + 4:end], end)


def read_jpeg_header(frame: Frame) -> JpegHeader:
    """The header of one frame. Raises DamagedError when it is none."""
    data = memoryview(frame)
    if bytes(data[:2]) != b"\xff\xd8":
        raise DamagedError("the frame does not begin like a JPEG stream")
    rows = segments(data)
    frames = [row for row in rows if row.marker in SOFS]
    scan = rows[-1]
    if len(frames) != 1 or scan.marker != SOS:
        raise DamagedError("the JPEG stream has no single frame header before its first scan")
    adobe = [row.body[11] for row in rows
             if row.marker == APP14 and bytes(row.body[:5]) == b"Adobe" and len(row.body) >= 12]
    jfif = any(row.marker == APP0 and bytes(row.body[:5]) == b"JFIF\0" for row in rows)
    precision, height, width, components = _frame_header(frames[0].body)
    selection, interleave = _scan_header(scan.body)
    return JpegHeader(frames[0].marker, precision, height, width, components, selection, interleave,
                      jfif, adobe[0] if adobe else None)


def _frame_header(body: memoryview) -> tuple[int, int, int, tuple[Component, ...]]:
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise DamagedError("the JPEG frame header is damaged")
    precision, rows, columns, count = struct.unpack_from(">BHHB", body)
    components = tuple(Component(body[at], body[at + 1] >> 4, body[at + 1] & 15)
                       for at in range(6, 6 + 3 * count, 3))
    return precision, rows, columns, components


def _scan_header(body: memoryview) -> tuple[int, int]:
    if len(body) < 1 or len(body) != 4 + 2 * body[0]:
        raise DamagedError("the JPEG scan header is damaged")
    return body[-3], body[-2]


def check_size(header: JpegHeader, spec: FrameSpec) -> None:
    """The stream's own size against the attributes (FAULTS X05). Raises DamagedError."""
    said = (header.rows, header.columns, len(header.components))
    if said != (spec.rows, spec.columns, spec.samples_per_pixel):
        raise DamagedError(
            f"the stream holds {header.rows} × {header.columns} × {len(header.components)}, the "
            f"attributes say {spec.rows} × {spec.columns} × {spec.samples_per_pixel}")
    if header.precision > spec.bits_allocated:
        raise DamagedError(f"the stream has {header.precision} bits, Bits Allocated says "
                           f"{spec.bits_allocated}")


def end_of_image(frame: Frame) -> int:
    """The length of the stream through EOI, without what pads it (PS3.5 A.4). Entropy-coded bytes
    never look like EOI. Raises DamagedError when there is none behind the first scan header."""
    data = bytes(frame)
    end = data.rfind(b"\xff\xd9")
    if end < segments(memoryview(data))[-1].end:
        raise DamagedError("the JPEG stream is cut off")
    return end + 2
