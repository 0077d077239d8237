"""Names of many files and their folders in columns: some 30 bytes a file instead of 300."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

ROOT = 0


class Column:
    """An append-only list of strings kept as one run of UTF-8 (surrogates pass through)."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("Q", [0])

    def append(self, text: str) -> None:
        self._text += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._text))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:
        return self._text[self._ends[index]:self._ends[index + 1]].decode("utf-8", "surrogatepass")


class Tree:
    """Folders (number 0 is the root) and the files in them, numbered as they were added."""

    def __init__(self) -> None:
        self._folder_names, self._parents = Column(), array("I", [ROOT])
        self._folder_names.append("")
        self._names, self._folders = Column(), array("I")
        self._last: tuple[int, tuple[str, ...]] = (ROOT, ())

    def add_folder(self, parent: int, name: str) -> int:
        self._folder_names.append(name)
        self._parents.append(parent)
        return len(self._parents) - 1

    def add_file(self, folder: int, name: str) -> int:
        self._names.append(name)
        self._folders.append(folder)
        return len(self._folders) - 1

    def __len__(self) -> int:
        return len(self._folders)

    def parts(self, index: int) -> tuple[str, ...]:
        """The components of a file's name, from the root."""
        return (*self.folder_parts(self._folders[index]), self._names[index])

    def folder_parts(self, folder: int) -> tuple[str, ...]:
        """Those of the last folder are kept: whoever goes through a disc asks for them again."""
        last, parts = self._last
        if last != folder:
            parts = tuple(self._climb(folder))[::-1]
            self._last = folder, parts
        return parts

    def _climb(self, folder: int) -> Iterator[str]:
        while folder != ROOT:
            yield self._folder_names[folder]
            folder = self._parents[folder]
