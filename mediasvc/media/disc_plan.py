"""How many discs an order needs (R11-4: independent file-sets, never one that spans discs).

A study stays on one disc unless it alone is larger than a disc; then its series are spread, and a
series only where it is larger still, in runs of neighbours that are about as long as each other.
Sizes are upper limits, so that a plan always fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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


@dataclass(frozen=True, slots=True)
class Measure:
    """What instances take at most: each for itself, and what a series has beside them."""

    each: Callable[[DiscInstance], int]
    about: Callable[[Sequence[DiscInstance]], int]

    def __call__(self, unit: Sequence[DiscInstance]) -> int:
        return sum(map(self.each, unit)) + sum(
            self.about(list(rows))
            for _, rows in groupby(unit, lambda i: i.header.series_instance_uid))


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
    measure = Measure(partial(_each, with_udf=with_udf, icon=icon),
                      partial(_about, with_udf=with_udf))
    base = BASE
    if least:
        measure, base = Measure(_least, lambda series: 0), 0
    if capacity is None:
        return [DiscPlan(ordered, base + measure(ordered))] if ordered else []
    ways = (_planned(ordered, capacity, base, measure, even) for even in (True, False))
    return min(ways, key=len)


def _planned(ordered: Sequence[DiscInstance], capacity: int, base: int, measure: Measure,
             even: bool) -> list[DiscPlan]:
    units = list(_units(ordered, capacity - base, measure, even))
    sizes = [measure(unit) for unit in units]
    if any(base + size > capacity for size in sizes):
        raise BudgetError("an instance is larger than a disc of this kind",
                          "Choose a larger one with --disc.")
    return [DiscPlan([instance for at in box for instance in units[at]],
                     base + sum(sizes[at] for at in box))
            for box in fewest(sizes, capacity - base)]


def _units(ordered: Sequence[DiscInstance], room: int, measure: Measure, even: bool,
           ) -> Iterator[list[DiscInstance]]:
    """Studies; for one larger than ``room`` its series; for a series too large runs of its
    instances."""
    for _, rows in groupby(ordered, lambda i: i.header.study_instance_uid):
        study = list(rows)
        if measure(study) <= room:
            yield study
            continue
        for _, inside in groupby(study, lambda i: i.header.series_instance_uid):
            series = list(inside)
            if measure(series) <= room:
                yield series
            else:
                yield from _runs(series, room - measure.about(series), measure, even)


def _runs(series: Sequence[DiscInstance], room: int, measure: Measure, even: bool,
          ) -> Iterator[list[DiscInstance]]:
    """As few runs as ``room`` allows, as long as can be; ``even``: all about as long as the others,
    so that each disc has room for the viewer."""
    sizes = list(map(measure.each, series))
    count = sum(1 for _ in _cut(sizes, room, room))
    share = -(-sum(sizes) // count) if even else room
    runs = list(_cut(sizes, room, share))
    for start, end in runs if len(runs) == count else _cut(sizes, room, room):
        yield list(series[start:end])


def _cut(sizes: Sequence[int], room: int, share: int) -> Iterator[tuple[int, int]]:
    """Runs that end with what reaches ``share``, and hold no more than ``room``."""
    start = total = 0
    for at, size in enumerate(sizes):
        if at > start and (total + size > room or total >= share):
            yield start, at
            start, total = at, 0
        total += size
    yield start, len(sizes)


def _least(instance: DiscInstance) -> int:
    return sectors(instance.span.length) * SECTOR


def _each(instance: DiscInstance, with_udf: int, icon: int) -> int:
    entry = DIRECTORY_ENTRY + (icon * icon + ICON_ENTRY if icon else 0)
    return file_size(instance.span.length, with_udf) + entry


def _about(series: Sequence[DiscInstance], with_udf: int) -> int:
    return PAGE + _pictures(series, with_udf)


def _pictures(series: Sequence[DiscInstance], with_udf: int) -> int:
    """The JPEGs of one series at most."""
    frames = sum(frames_of(instance) for instance in series)
    largest = max((min(PICTURE_SIDE, instance.header.rows) * min(PICTURE_SIDE,
                   instance.header.columns) * max(1, instance.header.samples_per_pixel)
                   for instance in series), default=0)
    count = min(frames, max(PICTURES, 1))
    return count * file_size(int(largest * PICTURE_BYTES_PER_PIXEL), with_udf)
