"""Files of a UDF image whose folders are lost, found by their own entries (FAULTS M30).

Each entry says which block of its partition it lies in, so that it tells by itself where the
partition begins; partition descriptors, if one is left, tell it too. A file counts only if DICOM
begins where its entry points. There are no names.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from mediasvc.dicom.file_meta import PREFIX
from mediasvc.errors import DamagedError
from mediasvc.media.budget import Budget
from mediasvc.media.tree import ROOT, Tree
from mediasvc.media.udf.udf_descriptors import Descriptor, Place, parse_descriptor
from mediasvc.media.udf.udf_entry import FileEntry, allocation, parse_entry
from mediasvc.media.udf.udf_partitions import Run
from mediasvc.media.udf.udf_tables import (
    EMBEDDED,
    ENTRY_SIZE,
    PARTITION,
    READABLE_FILES,
    RECORDED,
    TAG,
)
from mediasvc.media.window import Window
from mediasvc.standard.preambles import LENGTH

#: Block sizes of discs and of sticks.
BLOCK_SIZES = (2048, 512)
CHUNK = 4 << 20
#: Beginnings of a partition that are tried, the most frequent first.
STARTS = 8
FOLDER_NAME = "FOUND"


class SalvagedTree:
    """What `udf_tree.UdfTree` offers, of the files that were found. ``lost`` entries point at
    nothing that is DICOM, or past the end of the image."""

    def __init__(self, window: Window, budget: Budget) -> None:
        self._window, self._budget = window, budget
        self.names = Tree()
        self.offsets, self.lengths = array("Q"), array("Q")
        self.pieces: dict[int, list[Run]] = {}
        self.flaws: dict[int, str] = {}
        self.lost = 0
        self._folder = self.names.add_folder(ROOT, FOLDER_NAME)
        for block in BLOCK_SIZES:
            self._search(block)
            if len(self.offsets):
                return

    def __len__(self) -> int:
        return len(self.offsets)

    def _search(self, block: int) -> None:
        found = list(_entries(self._window, block))
        self._budget.enter(len(found))
        starts = _starts(found, block)
        known: set[tuple[Run, ...]] = set()  # entries of a metadata file stand in its mirror, too
        for one in found:
            if one.identifier == PARTITION:
                continue
            try:
                entry = parse_entry(one)
                runs = self._runs(entry, starts, block)
            except DamagedError:
                runs = []
            if tuple(runs) in known:
                continue
            if runs:
                known.add(tuple(runs))
                self._take(one.offset // block, entry.length, runs)
            else:
                self.lost += 1

    def _take(self, number: int, length: int, runs: list[Run]) -> None:
        index = self.names.add_file(self._folder, f"{number:08d}")
        self.offsets.append(runs[0][0])
        self.lengths.append(length)
        if len(runs) > 1:
            self.pieces[index] = runs

    def _runs(self, entry: FileEntry, starts: list[int], block: int) -> list[Run]:
        """Where the file lies, ``[]`` when no beginning of the partition leads to DICOM."""
        if entry.file_type not in READABLE_FILES or entry.length < LENGTH + len(PREFIX):
            return []
        if entry.layout == EMBEDDED:
            return self._dicom([(entry.area_at, entry.length)])
        places = allocation(entry.area, entry.layout, 0)
        return next(filter(None, (self._dicom(_placed(places, entry.length, start, block))
                                  for start in starts)), [])

    def _dicom(self, runs: list[Run]) -> list[Run]:
        if not runs or any(at + length > self._window.length for at, length in runs):
            return []
        return runs if self._window.head(runs[0][0] + LENGTH, len(PREFIX)) == PREFIX else []


def _entries(window: Window, block: int) -> Iterator[Descriptor]:
    """Whole file entries and partition descriptors, wherever a block begins with one."""
    import numpy as np

    for at in range(0, window.length, CHUNK):
        raw = window.head(at, CHUNK)
        blocks = np.frombuffer(raw, np.uint8, len(raw) // block * block).reshape(-1, block)
        tags = blocks[:, :TAG.size]
        kinds = tags[:, 0].astype(np.uint16) | tags[:, 1].astype(np.uint16) << 8
        sums = (tags.sum(1, np.uint32) - tags[:, 4]) & 0xFF
        for number in np.flatnonzero(np.isin(kinds, (PARTITION, *ENTRY_SIZE)) & (
                sums == tags[:, 4])).tolist():
            place = number * block
            try:
                yield parse_descriptor(raw[place:place + block], at + place)
            except DamagedError:
                continue


def _starts(found: list[Descriptor], block: int) -> list[int]:
    """First blocks of a partition: as its descriptors say, then as entries tell by their place."""
    said = (one.field("start") for one in found if one.identifier == PARTITION)
    told = Counter(one.offset // block - one.location for one in found
                   if one.identifier != PARTITION)
    return [start for start in dict.fromkeys(chain(said, (
        start for start, _ in told.most_common(STARTS)))) if start >= 0]


def _placed(places: list[Place], length: int, start: int, block: int) -> list[Run]:
    """The pieces, those that follow each other made one; ``[]`` unless they are all there."""
    runs: list[Run] = []
    for place in places:
        if place.kind != RECORDED:
            return []
        at, taken = (start + place.block) * block, min(place.length, length)
        if runs and sum(runs[-1]) == at:
            runs[-1] = runs[-1][0], runs[-1][1] + taken
        else:
            runs.append((at, taken))
        length -= taken
        if not length:
            return runs
    return []
