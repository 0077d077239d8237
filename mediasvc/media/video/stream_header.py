"""What the sequence header of a video stream says, whatever its codec."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """The words are those of `media.wrap_facts.VideoFacts`. ``rate`` is 0 where the header does not
    say it."""

    codec: str
    profile: int
    level: int
    rows: int
    columns: int
    chroma: int = 1
    bits: int = 8
    aspect: Fraction = Fraction(1)
    rate: Fraction = Fraction(0)
    interlaced: bool = False
    high_tier: bool = False
    stereo: bool = False
    dar: int = 0


#: Shape of a pixel, width : height, by aspect_ratio_idc (H.264 table E-1, H.265 table E.1).
ASPECTS = {number: Fraction(*pair) for number, pair in enumerate((
    (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11), (80, 33),
    (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1)), 1)}
EXTENDED_ASPECT = 255


def fraction(numerator: int, denominator: int, default: Fraction) -> Fraction:
    """The default where one of them is 0, which means that it is not said."""
    return Fraction(numerator, denominator) if numerator and denominator else default
