"""The records of a DICOMDIR in columns, some hundred bytes each with the name of its file.

There may be hundreds of thousands.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from mediasvc.media.checking.checked_record import DirectoryRecord, Lacks, level_of


class Kind(NamedTuple):
    """What many records have in common; see `DirectoryRecord`."""

    type: str
    in_use: bool
    sop_class_uid: str
    lacks: Lacks

    @property
    def level(self) -> int:
        return level_of(self.type)


def _numbers() -> array[int]:
    return array("q")


@dataclass(slots=True)
class Records:
    """In the order of the file. ``parents`` (-1: none) and how often each was ``reached``, at most
    twice, are found by `check_records`. ``identities``: number → what no other record of its type
    may have."""

    nexts: array[int] = field(default_factory=_numbers)
    lowers: array[int] = field(default_factory=_numbers)
    parents: array[int] = field(default_factory=_numbers)
    reached: bytearray = field(default_factory=bytearray)
    identities: dict[int, bytes] = field(default_factory=dict)
    _offsets: array[int] = field(default_factory=_numbers)
    _kinds: array[int] = field(default_factory=_numbers)
    _known: list[Kind] = field(default_factory=list)
    _known_at: dict[tuple[str, bool, str, int], int] = field(default_factory=dict, compare=False)

    def append(self, record: DirectoryRecord) -> None:
        same = record.type, record.in_use, record.sop_class_uid, id(record.lacks)
        number = self._known_at.get(same, -1)
        if number < 0:
            number = self._known_at[same] = len(self._known)
            self._known.append(Kind(*same[:3], record.lacks))  # which keeps the id alive
        if record.identity:
            self.identities[len(self)] = record.identity
        self._offsets.append(record.offset)
        self.nexts.append(record.next)
        self.lowers.append(record.lower)
        self.parents.append(-1)
        self.reached.append(0)
        self._kinds.append(number)

    def __len__(self) -> int:
        return len(self._kinds)

    def __getitem__(self, number: int) -> Kind:
        return self._known[self._kinds[number]]

    def __iter__(self) -> Iterator[Kind]:
        return map(self._known.__getitem__, self._kinds)

    def at(self, offset: int) -> int | None:
        """The number of the record there."""
        number = bisect_left(self._offsets, offset)
        found = number < len(self) and self._offsets[number] == offset
        return number if found else None


class Names:
    """Texts, of which only the letters are kept."""

    def __init__(self) -> None:
        self._letters, self._ends = bytearray(), array("Q")

    def append(self, name: str) -> None:
        self._letters += name.encode()
        self._ends.append(len(self._letters))

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self._ends:
            yield self._letters[start:end].decode()
            start = end

    def twice(self) -> Counter[str]:
        """Those that are there several times, and how often."""
        hashes = np.sort(np.fromiter(map(hash, self), np.int64, len(self._ends)))
        again = {*hashes[1:][hashes[1:] == hashes[:-1]].tolist()}
        counts = Counter(name for name in self if hash(name) in again) if again else Counter()
        return Counter({name: count for name, count in counts.items() if count > 1})
