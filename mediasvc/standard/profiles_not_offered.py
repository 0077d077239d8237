"""Application profiles of PS3.11 that are not offered, and why. Patterns are those of `fnmatch`."""

from __future__ import annotations

from fnmatch import fnmatchcase

#: (patterns of names, reason)
NOT_OFFERED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("STD-CTMR-MOD41", "STD-US-*-MOD23-90"), "no drive writes such media here."),
    (("STD-WVFM-ECG-FD", "STD-WVFM-HD-FD"),
     "they are for diskettes of 1.44 MB; waveforms go out by the general profiles."),
)


def why_not(name: str) -> str:
    """Why there is no profile of that name; empty when the standard has none either."""
    return next((reason for patterns, reason in NOT_OFFERED
                 if any(fnmatchcase(name.upper(), pattern) for pattern in patterns)), "")


def in_words() -> list[str]:
    """A sentence for each row."""
    return [f"{' and '.join(patterns)}: {reason}" for patterns, reason in NOT_OFFERED]
