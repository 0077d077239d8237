"""Rates and moments as containers say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

#: Rates that cameras have; a measured one this near is meant to be one of them.
COMMON = tuple(Fraction(*pair) for pair in (
    (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1)))
NEAR = Fraction(1, 2500)
#: Faster is no recording but damage; the fraction must go through the tables.
FASTEST, LARGEST = 100_000, 10**9
#: MP4 counts seconds from here (ISO 14496-12 8.2.2).
EPOCH = datetime(1904, 1, 1, tzinfo=UTC)


def rate_of(measured: Fraction) -> Fraction:
    """The common rate that is meant, else the measured one; 0 when it cannot be one."""
    if not 0 < measured <= FASTEST:
        return Fraction(0)
    for common in COMMON:
        if abs(measured - common) <= common * NEAR:
            return common
    return measured.limit_denominator(LARGEST)


def mp4_time(seconds: int) -> str:
    """A DT value in UTC (PS3.5 6.2), empty when the clock was not set."""
    try:
        when = EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return ""
    return when.strftime("%Y%m%d%H%M%S+0000") if 1971 <= when.year <= 2100 else ""
