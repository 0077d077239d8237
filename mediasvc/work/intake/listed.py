"""The members of a package as the ledger's side holds them: pages, and those behind the first few
packed, because there may be hundreds of thousands of them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from sys import intern
from typing import Any, overload

from mediasvc.media.member import Member

PAGE = 1_000
#: Pages that are open at a time: as many as batches are on their way in the children. And so many
#: of the first are never packed: most packages have no others, and all of them are asked for often.
OPEN = 8


def member_row(member: Member) -> dict[str, Any]:
    """As a child tells of it; `dataclasses.asdict` takes ten times as long."""
    return {"number": member.number, "label": member.label, "parts": member.parts,
            "shown": member.shown, "length": member.length, "position": member.position}


class Members(Sequence[Member]):
    """In order of number; some 20 bytes each behind the first few, unpacked a page at a time."""

    def __init__(self) -> None:
        self._first: list[Member] = []
        self._packed: list[bytes] = []
        self._last: list[Member] = []
        self._page = lru_cache(OPEN)(self._unpacked)

    def extend(self, rows: Iterable[dict[str, Any]]) -> None:
        """What a child told of the next members."""
        source = iter(rows)
        self._first += map(_member, islice(source, OPEN * PAGE - len(self._first)))
        while page := list(islice(source, PAGE - len(self._last))):
            self._last += map(_member, page)
            if len(self._last) == PAGE:
                self._packed.append(zlib.compress(json.dumps(
                    [member_row(member) for member in self._last]).encode(), 1))
                self._last = []

    def __len__(self) -> int:
        return len(self._first) + len(self._packed) * PAGE + len(self._last)

    @overload
    def __getitem__(self, index: int) -> Member: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Member]: ...

    def __getitem__(self, index: int | slice) -> Member | Sequence[Member]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index < len(self._first):
            return self._first[index]
        page, place = divmod(index - len(self._first), PAGE)
        return (self._page(page) if page < len(self._packed) else self._last)[place]

    def __iter__(self) -> Iterator[Member]:
        yield from self._first
        for page in range(len(self._packed)):
            yield from self._unpacked(page)
        yield from self._last

    def _unpacked(self, page: int) -> list[Member]:
        return [_member(row) for row in json.loads(zlib.decompress(self._packed[page]))]


def _member(row: dict[str, Any]) -> Member:
    parts = tuple(map(intern, row["parts"]))
    shown = parts if row["shown"] == row["parts"] else tuple(map(intern, row["shown"]))
    return Member(number=int(row["number"]), label=str(row["label"]), parts=parts, shown=shown,
                  length=int(row["length"]), position=int(row["position"]))
