"""A UDF volume with its partitions, and how to get from an ICB to the bytes of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.troubles import Troubles
from mediasvc.media.udf.udf_descriptors import Descriptor, Place, parse_descriptor
from mediasvc.media.udf.udf_entry import FileEntry, allocation, parse_entry
from mediasvc.media.udf.udf_partitions import Partition, Run
from mediasvc.media.udf.udf_tables import (
    ALLOCATION_EXTENT,
    CONTINUED,
    EMBEDDED,
    ENTRY_SIZE,
    INDIRECT_ENTRY,
    RECORDED,
    STRATEGY_CHAIN,
    STRATEGY_PLAIN,
)
from mediasvc.media.window import Window

if TYPE_CHECKING:
    from mediasvc.settings import Limits

#: Pieces of one file, lists of them that follow each other, entries of one ICB.
PIECES_LIMIT, LISTS_LIMIT, CHAIN_LIMIT = 1 << 16, 1 << 10, 64
#: Bytes of descriptors and folders that are read for each entry that the settings allow, and
#: what one reading costs beside its bytes.
BYTES_PER_ENTRY, COST = 8192, 512
#: Stands for the offset of a piece that was never written and reads as zeros.
HOLE = -1
#: Said of every entry that has a copy which is whole.
MIRROR_USED = ("{n:entry of the disc is|entries of the disc are} damaged and {n:=was|were} read "
               "from a copy")


class Volume:
    """Blocks, descriptors and files by their place in a partition (an index into ``partitions``).

    The partitions are appended by `udf_open` in the order of the partition maps.
    """

    def __init__(self, window: Window, block: int, limits: Limits, troubles: Troubles) -> None:
        self.window, self.block, self._troubles = window, block, troubles
        self._left = limits.entries * BYTES_PER_ENTRY
        self.partitions: list[Partition] = []

    def partition(self, number: int) -> Partition:
        if number >= len(self.partitions):
            raise DamagedError("it lies in a partition that the disc does not have")
        return self.partitions[number]

    def read(self, runs: Iterable[Run]) -> bytes:
        """The bytes of ``runs``, charged to the budget. Raises DamagedError, BudgetError."""
        return b"".join(self._written(offset, length) for offset, length in runs)

    def _written(self, offset: int, length: int) -> bytes:
        self._left -= length + COST
        if self._left < 0:
            raise BudgetError("the folders of the disc image are too long to be read")
        return bytes(length) if offset == HOLE else self.window.read(offset, length)

    def descriptor(self, place: Place, wanted: tuple[int, ...]) -> Descriptor:
        """The descriptor in the block ``place``, from the mirror where the first copy is bad."""
        error = DamagedError("its entry on the disc is of another kind")
        for copy in range(self.partition(place.partition).copies):
            try:
                found = self._descriptor(place, copy)
            except DamagedError as trouble:
                error = trouble
                continue
            if found.identifier in wanted:
                if copy:
                    self._troubles.tally("warning", "udf-mirror-used", "", MIRROR_USED, "M34")
                return found
        raise error

    def _descriptor(self, place: Place, copy: int = 0) -> Descriptor:
        return parse_descriptor(*self._block(place, copy))

    def _block(self, place: Place, copy: int = 0) -> tuple[bytes, int]:
        """The block at ``place`` and where it lies in the image."""
        runs = list(self.partition(place.partition).runs(place.block, self.block, copy))
        if len(runs) != 1:
            raise DamagedError("a block of the disc is torn apart")
        return self.read(runs), runs[0][0]

    def _was_written(self, place: Place) -> bool:
        return any(self._block(place)[0])

    def entry(self, icb: Place) -> FileEntry:
        """The file entry that prevails in an ICB (UDF 2.3.5.1). Raises DamagedError."""
        found = self.descriptor(icb, tuple(ENTRY_SIZE))
        strategy = found.field("strategy")
        if strategy == STRATEGY_CHAIN:
            found = self._last_of_chain(icb, found)
        elif strategy != STRATEGY_PLAIN:
            raise DamagedError(f"its entry is written by strategy {strategy}, which is not read")
        return parse_entry(found)

    def _last_of_chain(self, icb: Place, found: Descriptor) -> Descriptor:
        """Strategy 4096: each entry is followed by the way to the next one, until nothing more
        was written. A damaged one is no end: what is before it is outdated."""
        for _ in range(CHAIN_LIMIT):
            behind = Place(self.block, icb.block + 1, icb.partition)
            if not self._was_written(behind):
                return found
            way = self._descriptor(behind)
            if way.identifier != INDIRECT_ENTRY:
                return found
            icb = way.place("icb")
            if not self._was_written(icb):
                return found
            found = self.descriptor(icb, tuple(ENTRY_SIZE))
        raise DamagedError("its entries lead in circles")

    def pieces(self, icb: Place, entry: FileEntry, copy: int = 0) -> list[Run]:
        """The file's bytes in order, pieces that follow each other made one, from that ``copy``
        of its partition.

        Raises DamagedError when they are fewer than the entry says or leave their partition.
        """
        if entry.layout == EMBEDDED:
            return [(entry.area_at, entry.length)] if entry.length else []
        pieces: list[Run] = []
        left = entry.length
        for place in self._places(icb, entry):
            length = min(place.length, left)
            for offset, taken in self._runs(place, length, copy):
                _append(pieces, offset, taken)
            left -= length
            if not left:
                return pieces
        if left:
            raise DamagedError("the disc holds fewer bytes of it than it says")
        return pieces

    def _runs(self, place: Place, length: int, copy: int) -> Iterator[Run]:
        if place.kind != RECORDED:
            return iter([(HOLE, length)] if length else [])
        partition = self.partition(place.partition)
        return partition.runs(place.block, length, min(copy, partition.copies - 1))

    def _places(self, icb: Place, entry: FileEntry) -> Iterator[Place]:
        """The allocation descriptors, also those that are continued elsewhere (4/12.1)."""
        area, partition = entry.area, icb.partition
        seen: set[Place] = set()
        while area:
            following = None
            for place in allocation(area, entry.layout, partition):
                if place.kind == CONTINUED:
                    following = place
                    break
                yield place
            if following is None:
                return
            if following in seen or len(seen) >= LISTS_LIMIT:
                raise DamagedError("the list of its pieces leads in circles")
            seen.add(following)
            found = self.descriptor(following, (ALLOCATION_EXTENT,))
            partition = following.partition
            area = found.raw[24:24 + found.field("length")]


def _append(pieces: list[Run], offset: int, length: int) -> None:
    if pieces:
        before, known = pieces[-1]
        if (before == HOLE == offset) or (before != HOLE and before + known == offset):
            pieces[-1] = before, known + length
            return
    if len(pieces) >= PIECES_LIMIT:
        raise DamagedError("it is stored in too many pieces")
    pieces.append((offset, length))
