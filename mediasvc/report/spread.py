"""How ratios and savings are spread over many instances, in memory that does not grow."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

#: Parts of 100 % saved; what grew counts to the first one.
BINS = 20
#: Points of the rate–distortion plot; of more instances a fair sample is kept.
POINTS = 1500


@dataclass(frozen=True, slots=True)
class Point:
    """One lossy instance: bits a native sample's byte became, and PSNR in dB."""

    modality: str
    ratio: float
    psnr: float


@dataclass
class Spread:
    savings: list[int] = field(default_factory=lambda: [0] * BINS)
    points: list[Point] = field(default_factory=list)
    _seen: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - a sample

    def add(self, row: dict[str, Any]) -> None:
        before, after = row["source_bytes"], row["encoded_bytes"]
        if before:
            part = max(0.0, 1 - after / before)
            self.savings[min(BINS - 1, int(part * BINS))] += 1
        if row["max_error"] and row["psnr"] is not None and row["ratio"]:
            self._keep(Point(row["modality"] or "-", row["ratio"], row["psnr"]))

    def _keep(self, point: Point) -> None:
        """Reservoir sampling (Vitter's algorithm R)."""
        self._seen += 1
        if len(self.points) < POINTS:
            self.points.append(point)
            return
        place = self._random.randrange(self._seen)
        if place < POINTS:
            self.points[place] = point
