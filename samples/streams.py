"""Video files that hold true headers and no pictures: enough for everything that only probes.

Each builder is a few lines of its standard and shares no code with the program.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from fractions import Fraction

SQUARE = (1, 1)


@dataclass
class Bits:
    """Most significant bit first."""

    text: str = ""

    def u(self, value: int, width: int) -> Bits:
        self.text += format(value, f"0{width}b") if width else ""
        return self

    def ue(self, value: int) -> Bits:
        code = format(value + 1, "b")
        self.text += "0" * (len(code) - 1) + code
        return self

    def data(self) -> bytes:
        """With the stop bit of a NAL unit."""
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")


@dataclass(frozen=True)
class Video:
    """One stream; ``profile`` and ``level`` as its codec numbers them."""

    codec: str = "h264"
    profile: int = 100
    level: int = 41
    rows: int = 720
    columns: int = 1280
    rate: Fraction = Fraction(25)
    frames: int = 10
    chroma: int = 1
    bits: int = 8
    aspect: tuple[int, int] = SQUARE
    interlaced: bool = False
    packed: bool = False
    sounds: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)

    @property
    def units(self) -> list[bytes]:
        """NAL units of the first picture, or one block of MPEG-2 headers."""
        if self.codec == "h264":
            sei = [b"\x06\x2d\x05" + Bits().ue(0).u(0, 1).u(3, 7).u(0, 24).data()[:5] + b"\x80"]
            return [h264_sps(self), b"\x68\xee\x3c\x80", *(sei if self.packed else []),
                    b"\x65\x88\x84\x21\xff"]
        if self.codec == "hevc":
            return [b"\x40\x01\x0c", hevc_sps(self), b"\x44\x01\xc0", b"\x26\x01\xaf\xff"]
        return [mpeg2_headers(self)]

    def picture(self, first: bool) -> bytes:
        """As an elementary stream."""
        if self.codec == "mpeg2":
            head = mpeg2_headers(self) if first else b""
            return head + b"\0\0\1\x00\x00\x0f\xff\xf8\0\0\1\x01\x13\xf8"
        units = self.units if first else [self.units[-1]]
        return b"".join(b"\0\0\0\1" + unit for unit in units)

    def sample(self, first: bool) -> bytes:
        """As MP4 stores it."""
        if self.codec == "mpeg2":
            return self.picture(first)
        units = self.units if first else [self.units[-1]]
        return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


def h264_sps(video: Video) -> bytes:
    bits = Bits().ue(0)
    if video.profile in (100, 110, 122, 128, 244):
        bits.ue(video.chroma).ue(video.bits - 8).ue(video.bits - 8).u(0, 2)
    bits.ue(0).ue(2).ue(4).u(0, 1)
    tall = 2 if video.interlaced else 1
    columns, rows = -(-video.columns // 16), -(-video.rows // (16 * tall))
    bits.ue(columns - 1).ue(rows - 1).u(not video.interlaced, 1)
    if video.interlaced:
        bits.u(0, 1)
    bits.u(1, 1)
    right, bottom = columns * 16 - video.columns, rows * 16 * tall - video.rows
    bits.u(1, 1).ue(0).ue(right // 2).ue(0).ue(bottom // (2 * tall))
    bits.u(1, 1).u(1, 1).u(255, 8).u(video.aspect[0], 16).u(video.aspect[1], 16).u(0, 3)
    bits.u(1, 1).u(video.rate.denominator, 32).u(2 * video.rate.numerator, 32).u(1, 1).u(0, 4)
    return escaped(bytes([0x67, video.profile, 0, video.level]) + bits.data())


def hevc_sps(video: Video) -> bytes:
    bits = Bits().u(0, 4).u(0, 3).u(1, 1)
    bits.u(0, 2).u(video.more.get("tier", 0), 1).u(video.profile, 5)
    bits.u(1 << (31 - video.profile), 32).u(0, 48).u(video.level, 8)
    bits.ue(0).ue(video.chroma).ue(video.columns).ue(video.rows).u(0, 1)
    bits.ue(video.bits - 8).ue(video.bits - 8).ue(4)
    return escaped(b"\x42\x01" + bits.data())


def escaped(unit: bytes) -> bytes:
    """Emulation prevention (H.264 7.4.1)."""
    out, zeros = bytearray(), 0
    for byte in unit:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


#: frame_rate_code of ISO 13818-2 table 6-4.
RATES = {Fraction(24000, 1001): 1, Fraction(24): 2, Fraction(25): 3, Fraction(30000, 1001): 4,
         Fraction(30): 5, Fraction(50): 6, Fraction(60000, 1001): 7, Fraction(60): 8}


def mpeg2_headers(video: Video) -> bytes:
    """Sequence header and, but for MPEG-1 (profile 0), its extension."""
    head = Bits().u(video.columns, 12).u(video.rows, 12).u(video.more.get("dar", 1), 4)
    head.u(RATES[video.rate], 4).u(1000, 18).u(1, 1).u(112, 10).u(0, 3)
    out = b"\0\0\1\xb3" + int(head.text, 2).to_bytes(8, "big")
    if not video.profile:
        return out
    more = Bits().u(1, 4).u(0, 1).u(video.profile, 3).u(video.level, 4)
    more.u(not video.interlaced, 1).u(video.chroma, 2).u(0, 4).u(0, 12).u(1, 1).u(0, 8).u(0, 8)
    return out + b"\0\0\1\xb5" + int(more.text, 2).to_bytes(6, "big")
