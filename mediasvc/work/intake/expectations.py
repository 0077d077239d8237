"""What DICOMDIR says of each file, between the child that reads it and those that read the files.

There may be hundreds of thousands of these, so they wait in files: what a record says of its own in
one, what all records above it say, once for each series, in another, and for the parent the names
with the places of both.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the parent reads only names and places, and needs no pydicom for that
    from mediasvc.media.checking.check_directory import DirectoryCheck, Expected
    from mediasvc.media.checking.checked_record import Keys

#: Name of the file with the names and places; the others stand beside it.
EXPECTED = "expected.jsonl"
#: First byte and length of a line; those of the keys above it.
Place = tuple[int, int, int, int]
#: Keys of series that a child keeps.
MOST_KEPT = 1000


class Spool:
    """Lines of a file, of which it tells where they stand."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")
        self._at = 0

    def __call__(self, line: str) -> tuple[int, int]:
        data = line.encode()
        start, self._at = self._at, self._at + len(data)
        self._stream.write(data)
        return start, len(data)

    def close(self) -> None:
        self._stream.close()


def own_of(target: Path) -> Path:
    return target.with_suffix(".own")


def above_of(target: Path) -> Path:
    return target.with_suffix(".above")


def write_places(found: DirectoryCheck, target: Path) -> None:
    """The names and places into ``target``, one a line, and what stands above them beside it."""
    spool, known = Spool(above_of(target)), dict[tuple[int, ...], tuple[int, int]]()
    with target.open("w", encoding="utf-8") as lines:
        for file_id, start, length, above in found.places():
            if above not in known:
                known[above] = spool(json.dumps(found.keys_of(above)))
            lines.write(json.dumps([file_id, [start, length, *known[above]]]) + "\n")
    spool.close()


def read_places(target: Path) -> Iterator[tuple[tuple[str, ...], Place]]:
    """The components of each File ID, and where the rest of it is."""
    with target.open(encoding="utf-8") as lines:
        for line in lines:
            file_id, place = json.loads(line)
            yield tuple(file_id.split("\\")), place


class Expectations:
    """What a child looks up for the files that it reads. Opens nothing before it is asked."""

    def __init__(self, target: Path) -> None:
        self._own, self._of_above = own_of(target), above_of(target)
        self._open: dict[Path, int] = {}
        self._above: dict[tuple[int, int], Keys] = {}

    def expected(self, place: Place) -> Expected:
        """Of one file, with the keys of all records above it."""
        from mediasvc.media.checking.check_directory import Expected

        start, length, *above = place
        row: dict[str, Any] = json.loads(self._line(self._own, start, length))
        return Expected.from_json(row, self._keys_above(above[0], above[1]))

    def _keys_above(self, start: int, length: int) -> Keys:
        from mediasvc.media.checking.check_directory import keys_from_json

        found = self._above.get((start, length))
        if found is None:
            if len(self._above) >= MOST_KEPT:
                self._above.clear()
            line = self._line(self._of_above, start, length)
            found = self._above[start, length] = keys_from_json(json.loads(line))
        return found

    def _line(self, path: Path, start: int, length: int) -> str:
        descriptor = self._open.get(path)
        if descriptor is None:
            descriptor = self._open[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(descriptor, length, start).decode()

    def close(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
