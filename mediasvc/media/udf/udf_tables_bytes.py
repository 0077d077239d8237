"""The folders of a UDF volume as bytes (ECMA-167 part 4), over the files of an ISO 9660 image."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime

from mediasvc.media.iso.image_tree import ROOT, ImageTree
from mediasvc.media.udf import udf_bytes as udf
from mediasvc.media.udf.udf_bytes import BLOCK, Form, whole
from mediasvc.media.udf.udf_volume_bytes import ROOT_ENTRY

#: Unique ids of everything but the root are larger (UDF 3.2.1.1).
FIRST_UNIQUE = 16


class UdfTables:
    """The entries of all folders with their lists of names, then the entries of all files, from
    block `ROOT_ENTRY` of their partition on."""

    def __init__(self, tree: ImageTree, form: Form) -> None:
        self._tree, self._form = tree, form
        self._lengths = [self._list_length(folder) for folder in range(len(tree.folders))]
        self._folders = array("I")
        at = ROOT_ENTRY
        for length in self._lengths:
            self._folders.append(at)
            at += 1 + udf_blocks(length)
        self._files = at
        #: The block behind all entries.
        self.end = at + len(tree.names)

    @property
    def next_unique(self) -> int:
        return FIRST_UNIQUE + len(self._tree.folders) + len(self._tree.names)

    def write(self, places: Sequence[int], lengths: Sequence[int], start: int, moment: datetime,
              ) -> Iterator[bytes]:
        """``places`` are the sectors of the files; their partition begins at sector ``start``."""
        when, form = udf.stamp(moment), self._form
        for folder, block in enumerate(self._folders):
            yield form.entry(udf.FOLDER, self._lengths[folder], block + 1, block,
                             self._unique(folder), when, 1 + len(self._tree.below[folder]))
            yield whole(self._list(folder))
        for number, (sector, length) in enumerate(zip(places, lengths, strict=True)):
            at = self._files + number
            yield form.entry(udf.FILE, length, sector - start, at, self._unique_file(number), when)

    def _unique(self, folder: int) -> int:
        return 0 if folder == ROOT else FIRST_UNIQUE + folder

    def _unique_file(self, number: int) -> int:
        return FIRST_UNIQUE + len(self._tree.folders) + number

    def _list_length(self, folder: int) -> int:
        tree = self._tree
        return udf.name_length("") + sum(
            udf.name_length(tree.folders[at] if is_folder else tree.names[at])
            for is_folder, at in tree.entries(folder))

    def _list(self, folder: int) -> bytes:
        """Each name says in which block its own descriptor begins."""
        tree, above = self._tree, self._tree.above[folder]
        start = self._folders[folder] + 1
        parts = [self._form.name("", True, self._folders[above], self._unique(above), start)]
        used = len(parts[0])
        for is_folder, at in tree.entries(folder):
            block, unique = ((self._folders[at], self._unique(at)) if is_folder
                             else (self._files + at, self._unique_file(at)))
            name = tree.folders[at] if is_folder else tree.names[at]
            parts.append(self._form.name(name, is_folder, block, unique, start + used // BLOCK))
            used += len(parts[-1])
        return b"".join(parts)


def udf_blocks(length: int) -> int:
    return -(-length // BLOCK)
