"""Lists that may become long: what goes beyond a few MiB waits in a file without a name.

An order may have hundreds of thousands of instances, and memory may not grow with them. They are
read in order, or near each other, so a block of rows is unpacked at once and the last blocks stay:
a short list never touches the disk, and is a list.
"""

from __future__ import annotations

import marshal
import tempfile
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby, islice, pairwise
from pathlib import Path
from threading import Lock
from typing import IO, Any, Generic, TypeVar, overload

from mediasvc.errors import StorageError

T = TypeVar("T")
#: Rows of a block, and blocks of a list that stay in memory.
BLOCK, KEPT = 256, 32


class LongList(Sequence[T], Generic[T]):
    """Append-only, but for single rows that are replaced. Thread-safe for readers.

    ``pack`` makes plain values (texts, numbers, tuples of them) of a row, ``unpack`` a row of
    these; ``folder``: where the file is made, the system's own for None; ``kept``: blocks that stay
    in memory, 0: `KEPT`. Raises StorageError when there is no room for it.
    """

    def __init__(self, pack: Callable[[T], Any], unpack: Callable[[Any], T],
                 folder: Path | None = None, *, kept: int = 0) -> None:
        self._pack, self._unpack, self._folder = pack, unpack, folder
        self._most = kept or KEPT
        self._blocks: OrderedDict[int, list[T]] = OrderedDict()
        self._places: dict[int, tuple[int, int]] = {}
        self._latest: tuple[int, list[T]] = (-1, [])
        self._file: IO[bytes] | None = None
        self._length = self._end = 0
        self._lock = Lock()

    def empty(self, kept: int = 0) -> LongList[T]:
        """Another list of such rows."""
        return LongList(self._pack, self._unpack, self._folder, kept=kept)

    def append(self, row: T) -> None:
        number, inside = divmod(self._length, BLOCK)
        with self._lock:
            if inside:
                self._loaded(number).append(row)
                self._places.pop(number, None)
            else:
                self._keep(number, [row])
            self._length += 1

    def extend(self, rows: Iterable[T]) -> None:
        for row in rows:
            self.append(row)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        if isinstance(at, slice):
            return Picked(self, range(self._length)[at])
        at = range(self._length)[at]
        return self._block(at // BLOCK)[at % BLOCK]

    def __setitem__(self, at: int, row: T) -> None:
        at = range(self._length)[at]
        with self._lock:
            self._loaded(at // BLOCK)[at % BLOCK] = row
            self._places.pop(at // BLOCK, None)

    def __iter__(self) -> Iterator[T]:
        for first in range(0, self._length, BLOCK):
            yield from self._block(first // BLOCK)

    def _block(self, number: int) -> list[T]:
        latest = self._latest
        if latest[0] == number:
            return latest[1]
        with self._lock:
            return self._loaded(number)

    def _loaded(self, number: int) -> list[T]:
        block = self._blocks.get(number)
        if block is None:
            assert self._file is not None
            start, length = self._places[number]
            self._file.seek(start)
            # written by this process, into a file that nobody else can open
            packed = marshal.loads(self._file.read(length))  # noqa: S302
            block = list(map(self._unpack, packed))
            self._keep(number, block)
        else:
            self._blocks.move_to_end(number)
        self._latest = number, block
        return block

    def _keep(self, number: int, block: list[T]) -> None:
        self._blocks[number] = block
        self._latest = number, block
        while len(self._blocks) > self._most:
            oldest, rows = self._blocks.popitem(last=False)
            if oldest not in self._places:
                self._write(oldest, rows)

    def _write(self, number: int, rows: list[T]) -> None:
        data = marshal.dumps(list(map(self._pack, rows)))
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - it stays
            self._file.seek(self._end)
            self._file.write(data)
        except OSError as error:
            raise StorageError("There is no room for what waits in a file "
                               f"({error.strerror}).") from error
        self._places[number] = self._end, len(data)
        self._end += len(data)


class Picked(Sequence[T], Generic[T]):
    """Some rows of a list, by their places in it."""

    def __init__(self, rows: Sequence[T], places: Sequence[int]) -> None:
        self._rows, self._places = rows, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        if isinstance(at, slice):
            return Picked(self._rows, self._places[at])
        return self._rows[self._places[at]]

    def __iter__(self) -> Iterator[T]:
        return map(self._rows.__getitem__, self._places)


def in_order(rows: Sequence[T], key: Callable[[T], Any], empty: LongList[T]) -> Sequence[T]:
    """`sorted`: ``rows`` themselves, or ``empty`` with them. In memory is no more than stays of a
    list, and a block of each run."""
    if all(one <= two for one, two in pairwise(map(key, rows))):
        return rows
    runs: list[LongList[T]] = []
    source = iter(rows)
    while part := sorted(islice(source, BLOCK * KEPT), key=key):
        runs.append(empty if not runs and len(part) < BLOCK * KEPT else empty.empty(kept=1))
        runs[-1].extend(part)
    if runs and runs[0] is not empty:
        empty.extend(merge(*runs, key=key))
    return empty


def runs(rows: Sequence[T], key: Callable[[T], Any]) -> Iterator[Sequence[T]]:
    """Neighbours of the same ``key``, together."""
    first = 0
    for _, inside in groupby(rows, key):
        count = sum(1 for _ in inside)
        yield rows[first:first + count]
        first += count


def picked(rows: Sequence[T], parts: Iterable[Iterable[int]]) -> Sequence[T]:
    """The rows of all ``parts``, places one after the other."""
    places = array("Q")
    for part in parts:
        places.extend(part)
    return Picked(rows, places)
