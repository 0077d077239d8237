"""From a logical block to bytes of the image: the four kinds of partition (UDF 2.2.8-2.2.13)."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Protocol

from mediasvc.errors import DamagedError

#: Bytes of the image: (offset, length).
Run = tuple[int, int]
_OUTSIDE = "it points past the end of its partition"
_UNUSED = 0xFFFFFFFF


class Partition(Protocol):
    """``copies`` are the ways to read it: 2 for metadata with a mirror, else 1."""

    copies: int

    def runs(self, block: int, length: int, copy: int = 0) -> Iterator[Run]:
        """Where ``length`` bytes from logical block ``block`` on lie, in order.

        Raises DamagedError when they leave the partition. Whether the image is long enough is
        for the caller to see.
        """
        ...


class Physical:
    """Type 1 (3/10.7.2): the blocks follow each other."""

    copies = 1

    def __init__(self, start: int, blocks: int, block: int) -> None:
        self._start, self._length, self.block = start * block, blocks * block, block

    def runs(self, block: int, length: int, copy: int = 0) -> Iterator[Run]:
        at = block * self.block
        if at + length > self._length:
            raise DamagedError(_OUTSIDE)
        if length:
            yield self._start + at, length


class Sparable:
    """Packets of a rewritable disc, the worn-out ones replaced by others (UDF 2.2.9, 2.2.12).

    ``moved`` maps the first block of a packet to the block of the volume that stands for it.
    """

    copies = 1

    def __init__(self, base: Physical, packet: int, moved: dict[int, int]) -> None:
        self._base, self._packet = base, packet * base.block
        self._moved = {first * base.block: to * base.block for first, to in moved.items()}
        self._starts = sorted(self._moved)

    def runs(self, block: int, length: int, copy: int = 0) -> Iterator[Run]:
        at, end = block * self._base.block, block * self._base.block + length
        first = bisect_right(self._starts, at - self._packet)
        for start in self._starts[first:bisect_left(self._starts, end)]:
            yield from self._plain(at, start)
            begin, stop = max(at, start), min(end, start + self._packet)
            yield self._moved[start] + begin - start, stop - begin
            at = stop
        yield from self._plain(at, end)

    def _plain(self, at: int, end: int) -> Iterator[Run]:
        if end > at:
            shift = at % self._base.block
            for offset, length in self._base.runs(at // self._base.block, end - at + shift):
                yield offset + shift, length - shift


class Virtual:
    """Blocks of a disc written packet by packet, each found through a table (UDF 2.2.8, 2.2.11)."""

    copies = 1

    def __init__(self, base: Partition, block: int, table: array[int]) -> None:
        self._base, self._block, self._table = base, block, table

    def runs(self, block: int, length: int, copy: int = 0) -> Iterator[Run]:
        for done in range(0, length, self._block):
            number = block + done // self._block
            real = self._table[number] if number < len(self._table) else _UNUSED
            if real == _UNUSED:
                raise DamagedError(_OUTSIDE)
            yield from self._base.runs(real, min(self._block, length - done))


class Metadata:
    """A partition that lies in a file and, perhaps, in a second copy of it (UDF 2.2.10, 2.2.13)."""

    def __init__(self, files: Sequence[Sequence[Run]], block: int) -> None:
        self._files, self._block, self.copies = files, block, len(files)
        self._ends = [array("Q", _ends(runs)) for runs in files]

    def runs(self, block: int, length: int, copy: int = 0) -> Iterator[Run]:
        runs, ends = self._files[copy], self._ends[copy]
        at, end = block * self._block, block * self._block + length
        if not ends or end > ends[-1]:
            raise DamagedError(_OUTSIDE)
        for index in range(bisect_right(ends, at), len(runs)):
            if at >= end:
                return
            offset, whole = runs[index]
            skipped = at - (ends[index] - whole)
            taken = min(whole - skipped, end - at)
            yield offset + skipped, taken
            at += taken


def _ends(runs: Sequence[Run]) -> Iterator[int]:
    total = 0
    for _, length in runs:
        total += length
        yield total
