"""Sequence parameter set of HEVC (ITU-T H.265 7.3.2.2, 7.3.3, E.2.1).

Frame rates are not read from it: the VUI stands behind reference sets, and every container says
times.
"""

from __future__ import annotations

from collections.abc import Iterable

from mediasvc.errors import DamagedError
from mediasvc.media.video.bit_reader import BitReader, unescaped
from mediasvc.media.video.stream_header import StreamHeader

SPS = 33
_CROP = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
LARGEST = 1 << 16


def h265_header(units: Iterable[bytes]) -> StreamHeader:
    """From NAL units without start codes. Raises DamagedError without a parameter set."""
    for unit in units:
        if len(unit) > 2 and unit[0] >> 1 & 63 == SPS:
            return read_sps(unit)
    raise DamagedError("the video stream has no sequence parameter set")


def read_sps(unit: bytes) -> StreamHeader:
    """One set. Raises DamagedError."""
    reader = BitReader(unescaped(unit[2:]))
    reader.bits(4)
    layers = reader.bits(3)
    reader.flag()
    profile, high_tier, level = _profile(reader, layers)
    reader.unsigned()
    chroma = reader.unsigned()
    if chroma == 3:
        reader.flag()
    columns, rows = reader.unsigned(), reader.unsigned()
    if reader.flag():
        left, right, top, bottom = (reader.unsigned() for _ in range(4))
        across, down = _CROP.get(chroma, (1, 1))
        columns -= across * (left + right)
        rows -= down * (top + bottom)
    bits = 8 + max(reader.unsigned(), reader.unsigned())
    if not (0 < rows < LARGEST and 0 < columns < LARGEST and chroma <= 3):
        raise DamagedError("the video stream says an impossible size")
    return StreamHeader("hevc", profile, level, rows, columns, chroma, bits, high_tier=high_tier)


def _profile(reader: BitReader, layers: int) -> tuple[int, bool, int]:
    """(general profile, high tier, general level) of profile_tier_level."""
    reader.bits(2)
    tier, profile = reader.flag(), reader.bits(5)
    compatible = reader.bits(32)
    reader.bits(48)
    level = reader.bits(8)
    present = [(reader.flag(), reader.flag()) for _ in range(layers)]
    if layers:
        reader.bits(2 * (8 - layers))
    for has_profile, has_level in present:
        reader.bits(88 if has_profile else 0)
        reader.bits(8 if has_level else 0)
    for number in (1, 2):  # a Main stream may call itself by a later profile
        if profile > 2 and compatible >> (31 - number) & 1:
            return number, tier, level
    return profile, tier, level
