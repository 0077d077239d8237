"""Sequence header and extensions of MPEG-2 video (ISO 13818-2 6.2.2, 6.3.3)."""

from __future__ import annotations

from fractions import Fraction

from mediasvc.errors import DamagedError
from mediasvc.media.video.bit_reader import BitReader
from mediasvc.media.video.stream_header import StreamHeader

SEQUENCE, EXTENSION, PICTURE = b"\0\0\1\xb3", b"\0\0\1\xb5", b"\0\0\1\x00"
#: frame_rate_code (table 6-4).
_RATES = (Fraction(0), Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001),
          Fraction(30), Fraction(50), Fraction(60000, 1001), Fraction(60))
#: Display width : height by aspect_ratio_information (table 6-3); 1 means square pixels.
_DISPLAYS = {2: Fraction(4, 3), 3: Fraction(16, 9), 4: Fraction(221, 100)}
SEQUENCE_EXTENSION = 1


def mpeg2_header(data: bytes) -> StreamHeader:
    """From the beginning of a stream. Raises DamagedError; MPEG-1 has profile 0."""
    at = data.find(SEQUENCE)
    if at < 0:
        raise DamagedError("the video stream has no sequence header")
    reader = BitReader(data[at + 4:at + 12])
    columns, rows, display, code = (reader.bits(12), reader.bits(12), reader.bits(4),
                                    reader.bits(4))
    rate = _RATES[code] if code < len(_RATES) else Fraction(0)
    profile = level = 0
    chroma, progressive = 1, True
    after = data.find(EXTENSION, at)
    if 0 <= after - at <= 140 and len(data) > after + 10 and data[
            after + 4] >> 4 == SEQUENCE_EXTENSION:
        reader = BitReader(data[after + 4:after + 10])
        reader.bits(5)
        profile, level = reader.bits(3), reader.bits(4)
        progressive, chroma = reader.flag(), reader.bits(2)
        columns += reader.bits(2) << 12
        rows += reader.bits(2) << 12
        reader.bits(22)
        rate *= Fraction(reader.bits(2) + 1, reader.bits(5) + 1)
    if not rows or not columns:
        raise DamagedError("the video stream says an impossible size")
    shape = _DISPLAYS.get(display)
    aspect = shape * rows / columns if shape else Fraction(1)
    return StreamHeader("mpeg2", profile, level, rows, columns, chroma, 8, aspect, rate,
                        not progressive, dar=display)
