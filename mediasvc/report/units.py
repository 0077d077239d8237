"""Figures for people: sizes, ratios and rates in units that fit them."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(count: float) -> str:
    """``0 B``, ``512 B``, ``1.2 kB``, ``34.5 MB``; powers of ten."""
    unit = 0
    while abs(count) >= 999.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} B" if unit == 0 else f"{count:.3g} {_UNITS[unit]}"


def ratio(value: float | None) -> str:
    return f"{value:.2f} : 1" if value else "-"


def rate(count: float, seconds: float) -> str:
    """Bytes a second."""
    return f"{size(count / seconds)}/s" if seconds and count else "-"


def percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def counts(numbers: dict[str, int]) -> str:
    """``CharLS 12, mediasvc 1234``."""
    return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items()))
