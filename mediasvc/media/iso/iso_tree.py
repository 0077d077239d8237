"""One directory tree of an ISO 9660 image, walked without recursion and within a budget."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.budget import Budget
from mediasvc.media.iso.iso9660 import (
    ASSOCIATED,
    MULTI_EXTENT,
    SECTOR,
    Record,
    Volume,
    joliet_name,
    plain_name,
    records,
)
from mediasvc.media.iso.rock_ridge import Attributes, attributes, skip_length
from mediasvc.media.labels import collisions, label
from mediasvc.media.tree import ROOT, Tree
from mediasvc.media.troubles import Troubles
from mediasvc.media.window import Window
from mediasvc.model import Severity

if TYPE_CHECKING:
    from mediasvc.settings import Limits

#: Directory bytes that are read for each entry that the settings allow.
BYTES_PER_ENTRY = 1024
SELF, PARENT = b"\0", b"\1"
S_IFMT, S_IFREG, S_IFDIR = 0o170000, 0o100000, 0o040000


@dataclass(frozen=True, slots=True)
class _Folder:
    offset: int
    length: int
    plain: int
    shown: int
    depth: int


class IsoTree:
    """Files in the order of the walk: ``offsets`` and ``lengths`` in bytes, names in two trees.

    ``plain`` holds the tree's own names, ``shown`` the Rock Ridge ones (the same `Tree` when
    there are none). ``flaws`` says in words why a file cannot be read plainly. Troubles with
    folders become findings here; the files are judged by `iso_package`.
    """

    def __init__(self, window: Window, volume: Volume, limits: Limits, troubles: Troubles) -> None:
        self._window, self._volume, self._troubles = window, volume, troubles
        self._depth, self._count = limits.depth, Budget(limits)
        self._bytes_left = limits.entries * BYTES_PER_ENTRY
        self._skip = None if volume.joliet else self._find_rock_ridge()
        self.plain = Tree()
        self.shown = Tree() if self.has_rock_ridge else self.plain
        self.offsets, self.lengths = array("Q"), array("Q")
        self.flaws: dict[int, str] = {}
        self._walk()

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def has_rock_ridge(self) -> bool:
        return self._skip is not None

    def _find_rock_ridge(self) -> int | None:
        """The SUSP skip length when the root's first record announces Rock Ridge."""
        root = self._volume.root
        try:
            first = next(records(self._window, root.offset, root.length, self._volume.block), None)
        except DamagedError:
            return None
        return None if first is None else skip_length(first)

    def _walk(self) -> None:
        root = self._volume.root
        waiting = [_Folder(root.offset, root.length, ROOT, ROOT, 0)]
        seen = {root.offset}
        while waiting:
            for below in self._list(waiting.pop()):
                if below.offset in seen:
                    self._trouble(below, "iso-directory-loop",
                                  "this folder leads back to one that was already read", "M33")
                elif below.depth > self._depth:
                    self._trouble(below, "too-deep",
                                  f"folders more than {self._depth} deep are not read", "M19")
                else:
                    seen.add(below.offset)
                    waiting.append(below)

    def _list(self, folder: _Folder) -> list[_Folder]:
        """Take up the files of a folder and return the folders in it."""
        self._bytes_left -= folder.length
        if self._bytes_left < 0:
            raise BudgetError("the folders of the disc image are too long to be read")
        below: list[_Folder] = []
        names: list[str] = []
        pieces: list[Record] = []
        for record in self._records(folder):
            self._count.enter()
            found = self._attributes(folder, record)
            if record.flags & ASSOCIATED:
                self._troubles.tally("info", "iso-associated-files", "",
                                     "{n:resource fork was|resource forks were} passed over", "M36")
            elif record.is_directory or found.child is not None:
                below += self._folder(folder, record, found)
            else:
                pieces.append(record)
                if not record.flags & MULTI_EXTENT:
                    names.append(self._take(folder, pieces, found))
                    pieces = []
        if pieces:
            self._trouble(folder, "iso-record-damaged", "a file in this folder has no end", "M34")
        for group in collisions(names):
            self._trouble(folder, "names-collide",
                          f"{len(group)} names in this folder differ at most in case or accents; "
                          "all of them are kept", "M12")
        return below

    def _records(self, folder: _Folder) -> Iterator[Record]:
        """Records that make sense, without ``.`` and ``..``; findings for the others."""
        try:
            for record in records(self._window, folder.offset, folder.length, self._volume.block):
                if record is None:
                    self._trouble(folder, "iso-record-damaged",
                                  "part of this folder's list is damaged; files may be missing",
                                  "M34")
                elif record.name not in (SELF, PARENT):
                    if not record.agrees:
                        self._troubles.tally(
                            "warning", "iso-numbers-disagree", "", "{n:entry states|entries "
                            "state} {n:=its|their} place or length twice and differently; other "
                            "readers may show other files",
                            "M34")
                    yield record
        except DamagedError:
            self._trouble(folder, "iso-truncated",
                          "this folder's list lies past the end of the image; its files are "
                          "missing", "M30")

    def _attributes(self, folder: _Folder, record: Record) -> Attributes:
        if self._skip is None:
            return Attributes()
        try:
            return attributes(self._window, record, self._skip, self._volume.block)
        except DamagedError as error:
            self._trouble(folder, "iso-rock-ridge-damaged",
                          f"the long name of a file in this folder is unknown: {error.text}", "M34")
            return Attributes()

    def _folder(self, folder: _Folder, record: Record, found: Attributes) -> list[_Folder]:
        """The folder that a record stands for; none for one that Rock Ridge moved elsewhere."""
        if found.moved:
            return []
        offset, length = record.offset, record.length
        plain, shown = self._names(record, found)
        number = self.plain.add_folder(folder.plain, plain)
        shown_number = (self.shown.add_folder(folder.shown, shown)
                        if self.shown is not self.plain else number)
        below = _Folder(offset, length, number, shown_number, folder.depth + 1)
        if found.child is None:
            return [below]
        offset = found.child * self._volume.block
        try:
            own = next(records(self._window, offset, SECTOR, self._volume.block), None)
        except DamagedError:
            own = None
        if own is None or own.name != SELF:
            self._trouble(below, "iso-record-damaged", "this folder was moved and is lost", "M34")
            return []
        return [_Folder(offset, own.length, number, shown_number, folder.depth + 1)]

    def _take(self, folder: _Folder, pieces: list[Record], found: Attributes) -> str:
        """Take up one file, made of one or more extents that must follow each other."""
        plain, shown = self._names(pieces[0], found)
        index = self.plain.add_file(folder.plain, plain)
        if self.shown is not self.plain:
            self.shown.add_file(folder.shown, shown)
        self.offsets.append(pieces[0].offset)
        self.lengths.append(sum(piece.length for piece in pieces))
        if flaw := _flaw(pieces, found):
            self.flaws[index] = flaw
        return shown

    def _names(self, record: Record, found: Attributes) -> tuple[str, str]:
        """(the tree's own name, the fullest name)."""
        if self._volume.joliet:
            name = joliet_name(record.name)
            plain = record.name.decode("latin-1") if name is None else name
        else:
            plain = plain_name(record.name)
        if found.name:
            return plain, found.name.decode("utf-8", "surrogateescape")
        return plain, plain

    def _trouble(self, folder: _Folder, code: str, text: str, rule: str) -> None:
        severity: Severity = "warning" if code == "names-collide" else "error"
        self._troubles.add(severity, code, label(self.shown.folder_parts(folder.shown)), text, rule)


def _flaw(pieces: list[Record], found: Attributes) -> str:
    if found.refused:
        return found.refused
    kind = (found.mode or S_IFREG) & S_IFMT
    if kind not in (0, S_IFREG):
        return "it is not a regular file"
    if any(piece.interleaved for piece in pieces):
        return "it is stored interleaved with others"
    for before, after in pairwise(pieces):
        if before.offset + before.length != after.offset:
            return "it is stored in pieces that do not follow each other"
    return ""
