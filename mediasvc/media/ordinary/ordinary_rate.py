"""At which rate a cine is to be played (PS3.3 C.7.6.5, C.7.6.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from pydicom.dataset import Dataset

from mediasvc.media.video.video_times import rate_of

FRAME_TIME, FRAME_TIME_VECTOR = 0x00181063, 0x00181065
#: Frames in a second that a player can be asked for; beyond them somebody mistook the unit.
SLOWEST, FASTEST = Fraction(1, 100), Fraction(1000)


@dataclass(frozen=True, slots=True)
class Rate:
    """Frames in a second, the keyword that says so, and whether all frames are equally long."""

    value: Fraction
    source: str
    even: bool = True


def cine_rate(header: Dataset) -> Rate | None:
    """None where nothing says that the frames follow each other in time.

    What Frame Increment Pointer names goes first, because that is the time of acquisition; then
    Frame Time, Frame Time Vector, and the rates that are only recommended.
    """
    found = {rate.source: rate for rate in _rates(header)}
    pointer = header.get("FrameIncrementPointer")
    first = {FRAME_TIME: "FrameTime", FRAME_TIME_VECTOR: "FrameTimeVector"}.get(
        pointer if isinstance(pointer, int) else 0, "")
    return found.get(first) or next(iter(found.values()), None)


def _rates(header: Dataset) -> Iterator[Rate]:
    time = _number(header.get("FrameTime"))
    if time and (rate := _rate(1000 / time)):
        yield Rate(rate, "FrameTime")
    vector = [one for one in map(_number, _values(header.get("FrameTimeVector"))) if one]
    if vector and (rate := _rate(Fraction(1000 * len(vector)) / sum(vector))):
        even = max(vector) - min(vector) <= sum(vector) / len(vector) / 20
        yield Rate(rate, "FrameTimeVector", even)
    for keyword in ("CineRate", "RecommendedDisplayFrameRate"):
        number = _number(header.get(keyword))
        if number and (rate := _rate(number)):
            yield Rate(rate, keyword)
    duration = _number(header.get("ActualFrameDuration"))
    if duration and (rate := _rate(1000 / duration)):
        yield Rate(rate, "ActualFrameDuration")


def _rate(value: Fraction) -> Fraction | None:
    return rate_of(value) if SLOWEST <= value <= FASTEST else None


def _values(value: object) -> list[object]:
    if value is None or isinstance(value, (str, int, float)):
        return [value]
    return list(value) if hasattr(value, "__iter__") else [value]


def _number(value: object) -> Fraction | None:
    """A positive number as it is written; None for everything else."""
    try:
        number = Fraction(str(value)) if value is not None else Fraction(0)
    except (ValueError, ZeroDivisionError):
        return None
    return number if number > 0 else None
