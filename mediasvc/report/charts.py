"""Three kinds of charts as SVG that stands inside an XHTML page.

A page must open from a file without scripts, fonts or network, and a plain install must be able to
make it: that is too little for a plotting library to be asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

WIDTH = 720
#: Colours that people tell apart whatever they see (Okabe and Ito), dark enough on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444", "#8c6d00")
_LEFT, _RIGHT, _BAR = 110, 90, 26

Series = tuple[str, Sequence[tuple[float, float]]]
"""(name, points)."""


def bars(title: str, rows: Iterable[tuple[str, float, str]]) -> str:
    """A horizontal bar for each (name, length, words behind it), beginning at 0."""
    rows = list(rows)
    longest = max((value for _, value, _ in rows), default=1) or 1
    parts, room = [], WIDTH - _LEFT - _RIGHT
    for number, (name, value, words) in enumerate(rows):
        y, wide = 8 + number * _BAR, room * value / longest
        parts += [_text(_LEFT - 8, y + 15, name, "end"),
                  f'<rect x="{_LEFT}" y="{y}" width="{wide:.1f}" height="20" '
                  f'fill="{COLOURS[0]}"/>',
                  _text(_LEFT + wide + 6, y + 15, words)]
    return _figure(title, 16 + len(rows) * _BAR, parts)


def histogram(title: str, counts: Sequence[int], below: str, unit: str) -> str:
    """A column for each equal part of 0 to 100; ``unit`` is what is counted."""
    height, base, most = 260, 210, max(counts, default=0) or 1
    wide = (WIDTH - _LEFT - 30) / len(counts)
    parts = []
    for number, count in enumerate(counts):
        tall = 180 * count / most
        x = _LEFT + number * wide
        words = f"{100 * number // len(counts)} to {100 * (number + 1) // len(counts)} %: {count}"
        parts.append(f'<rect x="{x:.1f}" y="{base - tall:.1f}" width="{wide - 2:.1f}" '
                     f'height="{tall:.1f}" fill="{COLOURS[0]}"><title>{words}</title></rect>')
        if count:
            parts.append(_text(x + wide / 2 - 1, base - tall - 4, str(count), "middle"))
    parts += [_line(_LEFT, base, WIDTH - 30, base)]
    parts += [_text(_LEFT + part * (WIDTH - _LEFT - 30) / 100, base + 18, f"{part} %", "middle")
              for part in range(0, 101, 20)]
    parts += [_text((WIDTH + _LEFT) / 2, base + 40, below, "middle"),
              _text(_LEFT - 12, 24, unit, "end")]
    return _figure(title, height, parts)


def scatter(title: str, series: Sequence[Series], across: str, up: str) -> str:
    """Points of several series, a colour and a name for each; axes from round figures."""
    every = [point for _, points in series for point in points]
    xs, ys = ticks([x for x, _ in every]), ticks([y for _, y in every])
    top, base, right = 16, 290, WIDTH - 140

    def place(value: float, scale: Sequence[float], low: float, high: float) -> float:
        return low + (high - low) * (value - scale[0]) / (scale[-1] - scale[0])

    parts = []
    for tick in xs:
        x = place(tick, xs, _LEFT, right)
        parts += [_line(x, top, x, base, faint=True), _text(x, base + 18, f"{tick:g}", "middle")]
    for tick in ys:
        y = place(tick, ys, base, top)
        parts += [_line(_LEFT, y, right, y, faint=True),
                  _text(_LEFT - 8, y + 4, f"{tick:g}", "end")]
    for number, (name, points) in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        parts += [f'<circle cx="{place(x, xs, _LEFT, right):.1f}" '
                  f'cy="{place(y, ys, base, top):.1f}" r="3.5" fill="{colour}" '
                  'fill-opacity="0.65"/>' for x, y in points]
        y = top + 8 + 20 * number
        parts += [f'<circle cx="{right + 20}" cy="{y}" r="5" fill="{colour}"/>',
                  _text(right + 30, y + 4, name)]
    parts += [_text((_LEFT + right) / 2, base + 40, across, "middle"),
              f'<g transform="rotate(-90 30 {(top + base) / 2})">'
              f'{_text(30, (top + base) / 2, up, "middle")}</g>']
    return _figure(title, base + 52, parts)


def ticks(values: Sequence[float], wanted: int = 6) -> list[float]:
    """Round figures that hold all values between the first and the last."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    rough = (high - low or abs(high) or 1.0) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def _figure(title: str, height: float, parts: Iterable[str]) -> str:
    inside = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            f'role="img" aria-label={quoteattr(title)}>\n{inside}\n</svg>')


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, *, faint: bool = False) -> str:
    colour = "#dddddd" if faint else "#555555"
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}"/>')
