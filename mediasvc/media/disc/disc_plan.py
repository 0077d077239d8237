"""How many discs an order needs (R11-4: independent file-sets, never one that spans discs).

A study stays on one disc unless it alone is larger than a disc; then its series are spread, and a
series only where it is larger still, in runs of neighbours that are about as long as each other.
Sizes are upper limits, so that a plan always fits.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from mediasvc.errors import BudgetError
from mediasvc.media.disc.disc_layout import DiscInstance, in_reading_order
from mediasvc.media.disc.fewest_bins import fewest
from mediasvc.media.iso.iso_tables import SECTOR, sectors
from mediasvc.media.iso.iso_write import file_size
from mediasvc.media.long_list import picked
from mediasvc.media.page.page_content import PICTURES, frames_of

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
    about: Callable[[Iterable[DiscInstance]], int]


@dataclass(slots=True)
class DiscPlan:
    """``bytes``: what the disc will take at most."""

    instances: Sequence[DiscInstance] = field(default_factory=list)
    bytes: int = BASE


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbours in reading order, and what they take at most: ``beside`` them, and in all."""

    places: range
    beside: int
    bytes: int


class _Measured:
    """Instances in reading order, each read once and measured."""

    def __init__(self, rows: Sequence[DiscInstance], measure: Measure) -> None:
        self.rows, self._measure = rows, measure
        self.sizes = array("Q")
        self.studies: list[list[_Run]] = []
        """The series of each."""
        for _, study in groupby(rows, lambda i: i.header.study_instance_uid):
            self.studies.append([self._series(inside) for _, inside in groupby(
                study, lambda i: i.header.series_instance_uid)])

    def _series(self, rows: Iterable[DiscInstance]) -> _Run:
        first, noted = len(self.sizes), self._noted(rows)
        beside = self._measure.about(noted)
        for _ in noted:
            pass  # whoever tells nothing of a series did not look at it
        places = range(first, len(self.sizes))
        return _Run(places, beside, self._together(places) + beside)

    def _noted(self, rows: Iterable[DiscInstance]) -> Iterator[DiscInstance]:
        for row in rows:
            self.sizes.append(self._measure.each(row))
            yield row

    def shows(self, series: _Run) -> bool:
        """Whether it is one of images, as its first instance says."""
        return self.rows[series.places.start].header.rows > 0

    def run(self, places: range) -> _Run:
        """Some of a series."""
        beside = self._measure.about(self.rows[places.start:places.stop])
        return _Run(places, beside, self._together(places) + beside)

    def _together(self, places: range) -> int:
        return sum(self.sizes[places.start:places.stop])

    @property
    def bytes(self) -> int:
        return sum(series.bytes for study in self.studies for series in study)


def plan_discs(instances: Sequence[DiscInstance], capacity: int | None, *,
               with_udf: int = 0, icon: int = 0, least: bool = False) -> list[DiscPlan]:
    """Spread instances over the fewest discs; ``capacity`` in bytes, None: no limit.
    ``icon``: side of the icons in DICOMDIR. ``least``: only what the instances themselves take is
    counted; nobody knows then whether the rest fits, but fewer discs are never enough.

    Raises BudgetError when a single instance is larger than a disc.
    """
    measure = Measure(partial(_each, with_udf=with_udf, icon=icon),
                      partial(_about, with_udf=with_udf))
    base = BASE
    if least:
        measure, base = Measure(_least, lambda series: 0), 0
    measured = _Measured(in_reading_order(instances), measure)
    if capacity is None or base + measured.bytes <= capacity:
        return [DiscPlan(measured.rows, base + measured.bytes)] if measured.rows else []
    ways = (_planned(measured, capacity, base, even, together)
            for even in (True, False) for together in (True, False))
    return min(ways, key=len)


def _planned(measured: _Measured, capacity: int, base: int, even: bool, together: bool,
             ) -> list[DiscPlan]:
    units = list(_units(measured, capacity - base, even, together))
    sizes = [sum(run.bytes for run in unit) for unit in units]
    if any(base + size > capacity for size in sizes):
        raise BudgetError("an instance is larger than a disc of this kind",
                          "Choose a larger one with --disc.")
    return [DiscPlan(picked(measured.rows, (run.places for at in box for run in units[at])),
                     base + sum(sizes[at] for at in box))
            for box in fewest(sizes, capacity - base)]


def _units(measured: _Measured, room: int, even: bool, together: bool) -> Iterator[list[_Run]]:
    """Studies; for one larger than ``room`` its series; for a series too large runs of its
    instances. ``together``: reports, key objects and what else is no image goes with the first
    images of its study that leave room for it, not to those of others."""
    for study in measured.studies:
        if sum(series.bytes for series in study) <= room:
            yield study
            continue
        units: list[list[_Run]] = []
        beside: list[_Run] = []
        for series in study:
            if together and not measured.shows(series):
                beside.append(series)
            elif series.bytes <= room:
                units.append([series])
            else:
                units += ([run] for run in _runs(measured, series, room - series.beside, even))
        images = len(units)
        for series in beside:
            for unit in units[:images]:
                if sum(run.bytes for run in (*unit, series)) <= room:
                    unit.append(series)
                    break
            else:
                units += ([run] for run in _runs(measured, series, room - series.beside, even))
        yield from units


def _runs(measured: _Measured, series: _Run, room: int, even: bool) -> Iterator[_Run]:
    """As few runs as ``room`` allows, as long as can be; ``even``: all about as long as the others,
    so that each disc has room for the viewer."""
    first = series.places.start
    sizes = measured.sizes[first:series.places.stop]
    count = sum(1 for _ in _cut(sizes, room, room))
    share = -(-sum(sizes) // count) if even else room
    runs = list(_cut(sizes, room, share))
    for start, end in runs if len(runs) == count else _cut(sizes, room, room):
        yield measured.run(range(first + start, first + end))


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


def _about(series: Iterable[DiscInstance], with_udf: int) -> int:
    """A page, and the JPEGs of a series at most."""
    frames = largest = 0
    for instance in series:
        header = instance.header
        frames += frames_of(instance)
        largest = max(largest, min(PICTURE_SIDE, header.rows) * min(PICTURE_SIDE, header.columns)
                      * max(1, header.samples_per_pixel))
    count = min(frames, max(PICTURES, 1))
    return PAGE + count * file_size(int(largest * PICTURE_BYTES_PER_PIXEL), with_udf)
