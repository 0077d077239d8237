"""A lossy frame within what a policy allows: not smaller, not further off."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from mediasvc.codecs.codec import Control
from mediasvc.codecs.search import Goal, Trial, encode_to
from mediasvc.errors import UnsupportedError
from mediasvc.standard.lossy_policy import Cap

#: Halvings between a position of the dial that goes too far and its finest one.
STEPS = 10
WIDE = 1000
#: Parts of the cap that an encoder is told to aim at: it may miss by a little.
AIMS = (1.0, 0.97, 0.9)


def encode_within(goal: Goal, cap: Cap | None, control: Control, attempt: Callable[[float], Trial],
                  ) -> bytes:
    """The frame that meets the goal, or comes as near to it as the cap lets it.

    Raises UnsupportedError where the finest position of the dial still goes too far: such a frame
    is mostly background, and a lossless syntax is as small.
    """
    if cap is None:
        return encode_to(goal, control, attempt)
    wanted = _capped(goal, cap)
    if wanted.ratio == cap.ratio:
        return _up_to(cap, control, attempt)
    tried: dict[float, Trial] = {}

    def noted(dial: float) -> Trial:
        tried[dial] = attempt(dial)
        return tried[dial]

    data = encode_to(wanted, control, noted)
    dial = next(dial for dial, trial in tried.items() if trial.data == data)
    if _allowed(tried[dial], cap):
        return data
    low, high = sorted((control.worst, control.best))
    return _finer(cap, control, min(max(dial, low), high), attempt)


def _up_to(cap: Cap, control: Control, attempt: Callable[[float], Trial]) -> bytes:
    """As small as the cap allows, by the encoder's own aim where it has one."""
    if control.of_ratio is not None:
        for part in AIMS:
            trial = attempt(control.of_ratio(cap.ratio * part))
            if _allowed(trial, cap):
                return trial.data
    return _finer(cap, control, control.worst, attempt)


def _capped(goal: Goal, cap: Cap) -> Goal:
    """Nobody who asked for less is given more; who asked for nothing gets the cap."""
    if goal.ratio is not None:
        return replace(goal, ratio=min(goal.ratio, cap.ratio))
    if goal.max_error is not None and cap.max_error is not None:
        return replace(goal, max_error=min(goal.max_error, cap.max_error))
    return Goal(ratio=cap.ratio) if goal == Goal() else goal


def _allowed(trial: Trial, cap: Cap) -> bool:
    if trial.ratio > cap.ratio:
        return False
    return cap.max_error is None or trial.max_error() <= cap.max_error


def _finer(cap: Cap, control: Control, coarse: float, attempt: Callable[[float], Trial]) -> bytes:
    """The coarsest position that is allowed, by halving."""
    fine, found = control.best, attempt(control.best)
    if not _allowed(found, cap):
        raise UnsupportedError(f"even at its finest it would be {found.ratio:.3g} : 1, the policy "
                               f"allows {cap.modality} {_words(cap)}; take a lossless syntax")
    for _ in range(STEPS):
        middle = _middle(control, fine, coarse)
        if middle in (fine, coarse):
            break
        trial = attempt(middle)
        if _allowed(trial, cap):
            fine, found = middle, trial
        else:
            coarse = middle
    return found.data


def _middle(control: Control, one: float, other: float) -> float:
    """Halfway; on a scale of ratios where the dial spans several powers of ten."""
    low, high = sorted((control.worst, control.best))
    if low > 0 and high / low > WIDE:
        return math.sqrt(one * other)
    return round((one + other) / 2) if control.whole else (one + other) / 2


def _words(cap: Cap) -> str:
    error = "" if cap.max_error is None else f" and an error of {cap.max_error}"
    return f"{cap.ratio:g} : 1{error}"
