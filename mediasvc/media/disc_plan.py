"""How many discs an order needs (R11-4: independent file-sets, never one that spans discs).

A study stays on one disc unless it alone is larger than a disc; then its series are spread, and a
series only where it is larger still. Sizes are upper limits, so that a plan always fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from mediasvc.errors import BudgetError
from mediasvc.media.disc_layout import DiscInstance, reading_order
from mediasvc.media.fewest_bins import fewest
from mediasvc.media.iso_tables import SECTOR, sectors
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

Measure = Callable[[Sequence[DiscInstance]], int]


@dataclass(slots=True)
class DiscPlan:
    """``bytes``: what the disc will take at most."""

    instances: list[DiscInstance] = field(default_factory=list)
    bytes: int = BASE


def plan_discs(instances: Iterable[DiscInstance], capacity: int | None, *,
               with_udf: int = 0, icon: int = 0, least: bool = False) -> list[DiscPlan]:
    """Spread instances over the fewest discs; ``capacity`` in bytes, None: no limit.
    ``icon``: side of the icons in DICOMDIR. ``least``: only what the instances themselves take is
    counted; nobody knows then whether the rest fits, but fewer discs are never enough.

    Raises BudgetError when a single instance is larger than a disc.
    """
    ordered = sorted(instances, key=reading_order)
    measure: Measure = partial(_size, with_udf=with_udf, icon=icon)
    base = BASE
    if least:
        measure, base = _least, 0
    units = list(_units(ordered, None if capacity is None else capacity - base, measure))
    sizes = [measure(unit) for unit in units]
    if capacity is None:
        boxes = [list(range(len(units)))] if units else []
    elif any(base + size > capacity for size in sizes):
        raise BudgetError("an instance is larger than a disc of this kind",
                          "Choose a larger one with --disc.")
    else:
        boxes = fewest(sizes, capacity - base)
    return [DiscPlan([instance for at in box for instance in units[at]],
                     base + sum(sizes[at] for at in box)) for box in boxes]


def _units(ordered: Sequence[DiscInstance], room: int | None, measure: Measure,
           ) -> Iterable[list[DiscInstance]]:
    """Studies; for one larger than ``room`` its series; for a series too large its instances."""
    for _, rows in groupby(ordered, lambda i: i.header.study_instance_uid):
        study = list(rows)
        if room is None or measure(study) <= room:
            yield study
            continue
        for _, inside in groupby(study, lambda i: i.header.series_instance_uid):
            series = list(inside)
            if measure(series) <= room:
                yield series
            else:
                yield from ([instance] for instance in series)


def _least(unit: Sequence[DiscInstance]) -> int:
    return sum(sectors(instance.span.length) * SECTOR for instance in unit)


def _size(unit: Sequence[DiscInstance], with_udf: int, icon: int = 0) -> int:
    entry = DIRECTORY_ENTRY + (icon * icon + ICON_ENTRY if icon else 0)
    total = sum(file_size(instance.span.length, with_udf) + entry for instance in unit)
    for _, rows in groupby(unit, lambda i: i.header.series_instance_uid):
        total += PAGE + _pictures(list(rows), with_udf)
    return total


def _pictures(series: Sequence[DiscInstance], with_udf: int) -> int:
    """The JPEGs of one series at most."""
    frames = sum(frames_of(instance) for instance in series)
    largest = max((min(PICTURE_SIDE, instance.header.rows) * min(PICTURE_SIDE,
                   instance.header.columns) * max(1, instance.header.samples_per_pixel)
                   for instance in series), default=0)
    count = min(frames, max(PICTURES, 1))
    return count * file_size(int(largest * PICTURE_BYTES_PER_PIXEL), with_udf)
