"""Turn the dial of a lossy encoder until one frame meets the goal: a ratio, a quality, an error."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from mediasvc.codecs.codec import Control
from mediasvc.errors import SettingsError, UnsupportedError

#: Halvings of the dial's range: 1 % of a PSNR scale, finer on all others.
STEPS = 9


@dataclass(frozen=True, slots=True)
class Goal:
    """At most one is set: native : encoded at least ``ratio``; ``quality`` as the codec counts it;
    no sample further off than ``max_error``. None of them: the codec's default."""

    ratio: float | None = None
    quality: float | None = None
    max_error: int | None = None

    def check(self, control: Control | None, name: str) -> None:
        """Raise SettingsError for a goal that the codec cannot have."""
        chosen = [value for value in (self.ratio, self.quality,
                                      self.max_error) if value is not None]
        if len(chosen) > 1:
            raise SettingsError("ratio, quality and maximum error exclude each other")
        if chosen and control is None:
            raise SettingsError(f"{name} is lossless and has no ratio, quality or maximum error")
        if chosen and chosen[0] <= 0 and self.max_error != 0:
            raise SettingsError("ratio, quality and maximum error must be positive")
        if control and self.quality is not None and control.of_quality is None:
            raise SettingsError(f"{name} knows no quality", "Say --max-error N")


@dataclass(frozen=True, slots=True)
class Trial:
    """What one position of the dial gives. ``max_error`` is measured only when it is asked for."""

    data: bytes
    ratio: float
    max_error: Callable[[], int]


def encode_to(goal: Goal, control: Control, attempt: Callable[[float], Trial]) -> bytes:
    """The encoded frame that meets the goal. Raises UnsupportedError when no position does."""
    if goal.ratio is not None:
        wanted = goal.ratio
        if control.of_ratio is not None:
            trial = attempt(control.of_ratio(wanted))
            if trial.ratio >= wanted:
                return trial.data
        found = _search(control, attempt, lambda trial: trial.ratio >= wanted, finest=True)
        if found is None:
            raise UnsupportedError(f"a ratio of {goal.ratio:g} cannot be reached")
        return found
    if goal.max_error is not None:
        limit = goal.max_error
        found = _search(control, attempt, lambda trial: trial.max_error() <= limit, finest=False)
        if found is None:
            raise UnsupportedError(f"a maximum error of {goal.max_error} cannot be kept")
        return found
    if goal.quality is not None and control.of_quality is not None:
        return attempt(_inside(control, control.of_quality(goal.quality))).data
    if control.default_ratio:
        try:
            return encode_to(Goal(ratio=control.default_ratio), control, attempt)
        except UnsupportedError:  # a tiny image, mostly header
            pass
    return attempt(control.default).data


def _inside(control: Control, dial: float) -> float:
    low, high = sorted((control.worst, control.best))
    dial = min(max(dial, low), high)
    return round(dial) if control.whole else dial


def _search(control: Control, attempt: Callable[[float], Trial], good: Callable[[Trial], bool], *,
            finest: bool) -> bytes | None:
    """The finest (or smallest) position that is good, by halving between one that is and one that
    is not; None when even the far end is not good."""
    start, goal = (control.worst, control.best) if finest else (control.best, control.worst)
    trial = attempt(start)
    if not good(trial):
        return None
    found = trial.data
    trial = attempt(goal)
    if good(trial):
        return trial.data
    for _ in range(STEPS):
        middle = _middle(control, start, goal)
        if middle in (start, goal):
            break
        trial = attempt(middle)
        if good(trial):
            start, found = middle, trial.data
        else:
            goal = middle
    return found


def _middle(control: Control, a: float, b: float) -> float:
    """Halfway; on a scale of ratios where the range spans several powers of ten."""
    low, high = sorted((control.worst, control.best))
    if low > 0 and high / low > 1000:
        return math.sqrt(a * b)
    return round((a + b) / 2) if control.whole else (a + b) / 2
