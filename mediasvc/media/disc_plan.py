"""How many discs an order needs (R11-4: independent file-sets, never one that spans discs).

A study stays on one disc unless it alone is larger than a disc; then its series are spread, and a
series only where it is larger still. Sizes are upper limits, so that a plan always fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from mediasvc.errors import BudgetError
from mediasvc.media.disc_layout import DiscInstance, reading_order
from mediasvc.media.fewest_bins import fewest
from mediasvc.media.iso_write import file_size
from mediasvc.media.page_content import PICTURES, frames_of

#: Descriptors, root pages and the directories of an almost empty disc.
BASE = 1 << 20
#: A record of an instance with every key, its share of the records above it, its manifest line.
DIRECTORY_ENTRY = 1400
#: What an icon takes there beside its pixels.
ICON_ENTRY = 160
#: A page with its share of the JPEGs is drawn later; no JPEG at quality 85 was larger than this.
PAGE = 24 << 10
PICTURE_BYTES_PER_PIXEL = 0.6
PICTURE_SIDE = 1024


@dataclass(slots=True)
class DiscPlan:
    """``bytes``: what the disc will take at most."""

    instances: list[DiscInstance] = field(default_factory=list)
    bytes: int = BASE


def plan_discs(instances: Iterable[DiscInstance], capacity: int | None, *,
               with_udf: bool = False, icon: int = 0) -> list[DiscPlan]:
    """Spread instances over the fewest discs; ``capacity`` in bytes, None: no limit.
    ``icon``: side of the icons in DICOMDIR.

    Raises BudgetError when a single instance is larger than a disc.
    """
    ordered = sorted(instances, key=reading_order)
    units = list(_units(ordered, capacity, with_udf, icon))
    sizes = [_size(unit, with_udf, icon) for unit in units]
    if capacity is None:
        boxes = [list(range(len(units)))] if units else []
    elif any(BASE + size > capacity for size in sizes):
        raise BudgetError("an instance is larger than a disc of this kind",
                          "Choose a larger one with --disc.")
    else:
        boxes = fewest(sizes, capacity - BASE)
    return [DiscPlan([instance for at in box for instance in units[at]],
                     BASE + sum(sizes[at] for at in box)) for box in boxes]


def _units(ordered: Sequence[DiscInstance], capacity: int | None, with_udf: bool, icon: int,
           ) -> Iterable[list[DiscInstance]]:
    """Studies; for one too large its series; for a series too large its instances."""
    for _, rows in groupby(ordered, lambda i: i.header.study_instance_uid):
        study = list(rows)
        if _fits(study, capacity, with_udf, icon):
            yield study
            continue
        for _, inside in groupby(study, lambda i: i.header.series_instance_uid):
            series = list(inside)
            if _fits(series, capacity, with_udf, icon):
                yield series
            else:
                yield from ([instance] for instance in series)


def _fits(unit: Sequence[DiscInstance], capacity: int | None, with_udf: bool, icon: int) -> bool:
    return capacity is None or BASE + _size(unit, with_udf, icon) <= capacity


def _size(unit: Sequence[DiscInstance], with_udf: bool, icon: int = 0) -> int:
    entry = DIRECTORY_ENTRY + (icon * icon + ICON_ENTRY if icon else 0)
    total = sum(file_size(instance.span.length, with_udf) + entry for instance in unit)
    for _, rows in groupby(unit, lambda i: i.header.series_instance_uid):
        total += PAGE + _pictures(list(rows), with_udf)
    return total


def _pictures(series: Sequence[DiscInstance], with_udf: bool) -> int:
    """The JPEGs of one series at most."""
    frames = sum(frames_of(instance) for instance in series)
    largest = max((min(PICTURE_SIDE, instance.header.rows) * min(PICTURE_SIDE,
                   instance.header.columns) * max(1, instance.header.samples_per_pixel)
                   for instance in series), default=0)
    count = min(frames, max(PICTURES, 1))
    return count * file_size(int(largest * PICTURE_BYTES_PER_PIXEL), with_udf)
