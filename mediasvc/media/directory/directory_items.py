"""The records of a DICOMDIR in columns: there may be hundreds of thousands, most of them alike."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import overload

from mediasvc.media.directory.directory_item import NO_FILE, Item
from mediasvc.media.directory.file_id import FileId
from mediasvc.media.tree import Column

_BETWEEN = "\\"  # no part of a plain File ID has it (PS3.10 8.2)


class Items(Sequence[Item]):
    """In the order of the file, some 130 bytes each. What the tree is made of (``offsets``,
    ``next``, ``lower``, `level`, `loose`) is read without making an `Item`."""

    def __init__(self) -> None:
        self.offsets, self.next, self.lower = array("Q"), array("Q"), array("Q")
        self._lengths, self._alike = array("Q"), array("I")
        self._kinds: list[Item] = []
        self._number: dict[tuple[object, ...], int] = {}
        self._paths, self._uids = Column(), Column()
        self._odd: dict[int, FileId] = {}

    def append(self, item: Item) -> None:
        """``item`` stands behind all that came before."""
        at = len(self)
        self.offsets.append(item.offset)
        self.next.append(item.next)
        self.lower.append(item.lower)
        self._lengths.append(item.end - item.offset)
        plain = not item.file_id.oddities and not item.file_id.outside
        if not plain:
            self._odd[at] = item.file_id
        self._paths.append(_BETWEEN.join(item.file_id.parts) if plain else "")
        self._uids.append(item.sop_instance_uid)
        self._alike.append(self._kind(item))

    def _kind(self, item: Item) -> int:
        """Patients, studies and series have a kind of their own; images share theirs."""
        key = (item.type, item.active, item.sop_class_uid, item.transfer_syntax_uid,
               item.mrdr_offset, id(item.tags))
        number = None if item.identity else self._number.get(key)
        if number is None:
            number = len(self._kinds)
            self._kinds.append(replace(item, offset=0, end=0, next=0, lower=0, file_id=NO_FILE,
                                       sop_instance_uid=""))
            if not item.identity:
                self._number[key] = number
        return number

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        kind, offset = self._kinds[self._alike[index]], self.offsets[index]
        return Item(offset, offset + self._lengths[index], kind.type, kind.level, self.next[index],
                    self.lower[index], kind.active, self._file_id(index), kind.sop_class_uid,
                    self._uids[index], kind.transfer_syntax_uid, kind.mrdr_offset, kind.identity,
                    kind.tags)

    def _file_id(self, index: int) -> FileId:
        path = self._paths[index]
        if path:
            return FileId(tuple(path.split(_BETWEEN)))
        return self._odd.get(index, NO_FILE)

    def odd_names(self) -> Iterator[tuple[int, FileId]]:
        """File IDs that are odd or lead outside, and of which record they are."""
        return iter(self._odd.items())

    def level(self, index: int) -> int | None:
        return self._kinds[self._alike[index]].level

    def loose(self, index: int) -> bool:
        return self._kinds[self._alike[index]].loose

    def find(self, offset: int) -> int | None:
        """Which record begins there."""
        at = bisect_left(self.offsets, offset)
        return at if at < len(self.offsets) and self.offsets[at] == offset else None
