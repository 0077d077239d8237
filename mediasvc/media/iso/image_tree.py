"""Folders and files of an image that is being made, in the order that its tables want.

Names are those of ISO 9660 level 1, which PS3.10 File IDs fit into: 8.3, digits, capitals and _.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator

from mediasvc.media.tree import Column

FILE_NAME = re.compile(r"[A-Z0-9_]{1,8}(\.[A-Z0-9_]{1,3})?")
FOLDER_NAME = re.compile(r"[A-Z0-9_]{1,8}")
#: Names of a path, folders and file (ECMA-119 6.8.2.1: eight levels with the root).
LEVELS = 8
ROOT = 0

Parts = tuple[str, ...]


class ImageTree:
    """Folders are numbered level by level, within a level by the number of the folder above, then
    by name (ECMA-119 6.9.1); 0 is the root. Files keep the numbers of their place in ``paths``.

    Raises ValueError for a path that level 1 does not know, or that is there twice.
    """

    def __init__(self, paths: Iterable[Parts]) -> None:
        made: dict[Parts, array[int]] = {(): array("I")}
        names = Column()
        for number, parts in enumerate(paths):
            files = made.get(parts[:-1])
            if files is None:
                files = _make(made, parts[:-1])
            if not FILE_NAME.fullmatch(parts[-1]) or len(parts) > LEVELS:
                raise ValueError(f"{parts[-1]} is no name of ISO 9660 level 1, or too deep")
            names.append(parts[-1])
            files.append(number)
        self.names = names
        ordered = _ordered(made)
        numbers = {folder: number for number, folder in enumerate(ordered)}
        self.folders = [folder[-1] if folder else "" for folder in ordered]
        self.above = array("I", (numbers[folder[:-1]] for folder in ordered))
        self.below: list[list[int]] = [[] for _ in ordered]
        for number, folder in enumerate(ordered[1:], 1):
            self.below[numbers[folder[:-1]]].append(number)
        self.files = [array("I", sorted(made.pop(folder), key=lambda at: sort_key(names[at])))
                      for folder in ordered]
        self._refuse_twins()

    def _refuse_twins(self) -> None:
        for folder, files in enumerate(self.files):
            found = [self.names[at] for at in files]
            found += [self.folders[at] for at in self.below[folder]]
            if len(set(found)) < len(found):
                raise ValueError("two files or folders of an image have the same name")

    def entries(self, folder: int) -> Iterator[tuple[bool, int]]:
        """(is a folder, number) of what stands in ``folder``, in the order of its names."""
        rows = [(sort_key(self.names[at]), False, at) for at in self.files[folder]]
        rows += [(sort_key(self.folders[at]), True, at) for at in self.below[folder]]
        if self.below[folder]:
            rows.sort()
        return ((is_folder, at) for _, is_folder, at in rows)


def sort_key(name: str) -> tuple[str, str]:
    """Names as if filled up with spaces, then extensions (ECMA-119 9.3)."""
    stem, _, extension = name.partition(".")
    return stem, extension


def _make(made: dict[Parts, array[int]], folder: Parts) -> array[int]:
    if not FOLDER_NAME.fullmatch(folder[-1]) or len(folder) >= LEVELS:
        raise ValueError(f"{folder[-1]} is no name of a folder of ISO 9660, or too deep")
    if folder[:-1] not in made:
        _make(made, folder[:-1])
    return made.setdefault(folder, array("I"))


def _ordered(folders: Iterable[Parts]) -> list[Parts]:
    """Parents have lower numbers, so ordering level by level by path is ordering by them."""
    return sorted(folders, key=lambda folder: (len(folder), folder))
