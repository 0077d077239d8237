"""The directory tree of a UDF volume, walked without recursion and within a budget."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.budget import Budget
from mediasvc.media.labels import collisions, label
from mediasvc.media.tree import ROOT, Tree
from mediasvc.media.troubles import Troubles
from mediasvc.media.udf.udf_descriptors import Place
from mediasvc.media.udf.udf_directory import FileIdentifier, identifiers
from mediasvc.media.udf.udf_entry import FileEntry
from mediasvc.media.udf.udf_open import Opened
from mediasvc.media.udf.udf_partitions import Run
from mediasvc.media.udf.udf_tables import FILE_KINDS, FOLDER, NO_FILE, READABLE_FILES
from mediasvc.media.udf.udf_volume import HOLE, MIRROR_USED
from mediasvc.model import Severity

if TYPE_CHECKING:
    from mediasvc.settings import Limits

#: No folder of a disc is longer.
FOLDER_LIMIT = 256 << 20


@dataclass(frozen=True, slots=True)
class _Folder:
    icb: Place
    number: int
    depth: int


class UdfTree:
    """Files in the order of the walk: ``offsets`` (of the first byte) and ``lengths`` in bytes.

    ``pieces`` holds, for the few files that do not lie in one piece, where they lie. ``flaws``
    says in words why a file cannot be read. Troubles with folders become findings here; the
    files are judged by who asked.
    """

    def __init__(self, opened: Opened, limits: Limits, troubles: Troubles) -> None:
        self._volume, self._troubles = opened.volume, troubles
        self._depth, self._count = limits.depth, Budget(limits)
        self.names = Tree()
        self.offsets, self.lengths = array("Q"), array("Q")
        self.pieces: dict[int, list[Run]] = {}
        self.flaws: dict[int, str] = {}
        self._walk(opened.root)

    def __len__(self) -> int:
        return len(self.offsets)

    def _walk(self, root: Place) -> None:
        waiting = [_Folder(root, ROOT, 0)]
        seen = {(root.partition, root.block)}
        while waiting:
            for below in self._list(waiting.pop()):
                place = below.icb.partition, below.icb.block
                if place in seen:
                    self._trouble(below.number, "udf-directory-loop",
                                  "this folder leads back to one that was already read", "M33")
                elif below.depth > self._depth:
                    self._trouble(below.number, "too-deep",
                                  f"folders more than {self._depth} deep are not read", "M19")
                else:
                    seen.add(place)
                    waiting.append(below)

    def _list(self, folder: _Folder) -> list[_Folder]:
        """Take up the files of a folder and return the folders in it."""
        below: list[_Folder] = []
        names: list[str] = []
        for found in self._identifiers(folder):
            self._count.enter()
            if found.name is None:
                self._trouble(folder.number, "udf-name-unreadable",
                              "the name of a file in this folder cannot be read", "M34")
            name = found.shown
            if found.is_directory:
                number = self.names.add_folder(folder.number, name)
                below.append(_Folder(found.icb, number, folder.depth + 1))
            else:
                self._take(folder, name, found.icb)
                names.append(name)
            if found.is_hidden:
                self._troubles.tally("warning", "udf-hidden", self._label(folder.number, name),
                                     "{n:entry is|entries are} marked hidden and read all the same",
                                     "M35")
        for group in collisions(names):
            self._trouble(folder.number, "names-collide",
                          f"{len(group)} names in this folder differ at most in case or accents; "
                          "all of them are kept", "M12")
        return below

    def _identifiers(self, folder: _Folder) -> Iterator[FileIdentifier]:
        """The entries of a folder that count; a finding where the rest of it is damaged."""
        try:
            for found in identifiers(self._contents(folder.icb, self._whole_copy(folder.icb))):
                if found.is_parent:
                    continue
                if found.is_deleted:
                    self._troubles.tally(
                        "info", "udf-deleted", self._label(folder.number, found.shown),
                        "{n:entry was|entries were} deleted from the disc by its writer; not read",
                        "M35")
                    continue
                yield found
        except DamagedError as error:
            self._trouble(folder.number, "udf-folder-damaged",
                          f"part of this folder's list cannot be read ({error.text}); files may "
                          "be missing", "M34")

    def _whole_copy(self, icb: Place) -> int:
        """Which copy of a folder's list can be read to its end; the first where none can."""
        copies = self._volume.partition(icb.partition).copies
        for copy in range(copies if copies > 1 else 0):
            try:
                for _ in identifiers(self._contents(icb, copy)):
                    pass
            except DamagedError:
                continue
            if copy:
                self._troubles.tally("warning", "udf-mirror-used", "", MIRROR_USED, "M34")
            return copy
        return 0

    def _contents(self, icb: Place, copy: int) -> bytes:
        entry = self._volume.entry(icb)
        if entry.file_type != FOLDER:
            raise DamagedError("it is no folder")
        if entry.length > FOLDER_LIMIT:
            raise BudgetError("the folders of the disc image are too long to be read")
        runs = self._volume.pieces(icb, entry, copy)
        if any(offset == HOLE for offset, _ in runs):
            raise DamagedError("part of it was never written")
        return self._volume.read(runs)

    def _take(self, folder: _Folder, name: str, icb: Place) -> None:
        """Take up one file; what is wrong with it becomes its flaw."""
        index = self.names.add_file(folder.number, name)
        length, runs = 0, []
        try:
            entry = self._volume.entry(icb)
            self._look(entry, folder, name)
            runs = self._volume.pieces(icb, entry)
            length = entry.length
        except DamagedError as error:
            self.flaws[index] = error.text
        self.offsets.append(max(runs[0][0], 0) if runs else 0)
        self.lengths.append(length)
        if len(runs) > 1 or (runs and runs[0][0] == HOLE):
            self.pieces[index] = runs

    def _look(self, entry: FileEntry, folder: _Folder, name: str) -> None:
        if entry.file_type not in READABLE_FILES:
            raise DamagedError(FILE_KINDS.get(entry.file_type, NO_FILE))
        if entry.has_streams:
            self._troubles.tally("info", "udf-streams", self._label(folder.number, name),
                                 "{n:file has|files have} named streams; they were passed over",
                                 "M36")

    def _label(self, folder: int, name: str) -> str:
        return label((*self.names.folder_parts(folder), name))

    def _trouble(self, folder: int, code: str, text: str, rule: str) -> None:
        severity: Severity = "warning" if code == "names-collide" else "error"
        self._troubles.add(severity, code, label(self.names.folder_parts(folder)), text, rule)
