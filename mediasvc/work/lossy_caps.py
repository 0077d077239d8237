"""A lossy frame within what a policy allows: not smaller, not further off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mediasvc.codecs.codec import Control
from mediasvc.codecs.search import Goal, Trial, encode_to
from mediasvc.errors import UnsupportedError
from mediasvc.standard.lossy_policy import Cap

#: Halvings between a position of the dial that goes too far and its finest one.
STEPS = 9


def encode_within(goal: Goal, cap: Cap | None, control: Control, attempt: Callable[[float], Trial],
                  ) -> bytes:
    """The frame that meets the goal, or comes as near to it as the cap lets it.

    Raises UnsupportedError where the finest position of the dial still goes too far: such a frame
    is mostly background, and a lossless syntax is as small.
    """
    if cap is None:
        return encode_to(goal, control, attempt)
    tried: dict[float, Trial] = {}

    def noted(dial: float) -> Trial:
        tried[dial] = attempt(dial)
        return tried[dial]

    data = encode_to(_capped(goal, cap), control, noted)
    dial = next(dial for dial, trial in tried.items() if trial.data == data)
    return data if _allowed(tried[dial], cap) else _finer(cap, control, dial, noted)


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
    coarse = min(max(coarse, *sorted((control.worst, control.best))[:1]),
                 max(control.worst, control.best))
    for _ in range(STEPS):
        middle = (fine + coarse) / 2
        middle = round(middle) if control.whole else middle
        if middle in (fine, coarse):
            break
        trial = attempt(middle)
        if _allowed(trial, cap):
            fine, found = middle, trial
        else:
            coarse = middle
    return found.data


def _words(cap: Cap) -> str:
    error = "" if cap.max_error is None else f" and an error of {cap.max_error}"
    return f"{cap.ratio:g} : 1{error}"
