"""A folder as it lies: read through directory descriptors, never through a link."""

from __future__ import annotations

import os
import stat
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from mediasvc.errors import DamagedError
from mediasvc.media.labels import collisions, label, refusal
from mediasvc.media.member import Context, Entry, Identity
from mediasvc.media.tree import ROOT, Tree
from mediasvc.span import Span

OPEN_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_DIRECTORY
PATH_LIMIT = 4095
KINDS = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket",
         stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


@dataclass(slots=True)
class _Level:
    """A folder that is being walked: its open descriptor and the names still to do, last first."""

    fd: int
    number: int
    parts: tuple[str, ...]
    names: list[str] = field(default_factory=list)


class Folder:
    """Lists ``root`` depth first in the order of sorted names. Memory: about 70 bytes a file."""

    def __init__(self, root: Path, context: Context) -> None:
        self._root, self._context = root, context
        self._tree = Tree()
        self._lengths, self._inodes, self._modified = array("Q"), array("Q"), array("q")
        fd = os.open(root, OPEN_FOLDER)
        try:
            self._walk(fd)
        finally:
            os.close(fd)

    def __len__(self) -> int:
        return len(self._tree)

    def entry(self, index: int) -> Entry:
        parts = self._tree.parts(index)
        return Entry(parts, parts, self._lengths[index], index)

    def span(self, index: int) -> Span:
        parts = self._tree.parts(index)
        try:
            status = self._status(parts)
        except OSError as error:
            raise DamagedError(f"it cannot be opened ({_words(error)})") from None
        if not stat.S_ISREG(status.st_mode):
            raise DamagedError("it is not a regular file any more")
        if Identity.of(status) != self._identity(index):
            raise DamagedError("it changed after it was listed")
        return Span(self._path(parts), 0, self._lengths[index])

    def unchanged(self, index: int) -> bool:
        """Whether the file is the one that was listed: inode, length and time of change."""
        try:
            status = self._status(self._tree.parts(index))
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and Identity.of(status) == self._identity(index)

    def _path(self, parts: tuple[str, ...]) -> str:
        """pathlib would take half of the time that listing takes."""
        return os.path.join(self._root, *parts)  # noqa: PTH118

    def _status(self, parts: tuple[str, ...]) -> os.stat_result:
        """Of the file below the root, no component of whose path is a link. Raises OSError."""
        fd = os.open(self._root, OPEN_FOLDER)
        try:
            for part in parts[:-1]:
                inner = os.open(part, OPEN_FOLDER, dir_fd=fd)
                os.close(fd)
                fd = inner
            return os.stat(parts[-1], dir_fd=fd, follow_symlinks=False)
        finally:
            os.close(fd)

    def close(self) -> None:
        """Nothing stays open."""

    def _identity(self, index: int) -> Identity:
        return Identity(self._inodes[index], self._lengths[index], self._modified[index])

    def _walk(self, root_fd: int) -> None:
        levels = [_Level(os.dup(root_fd), ROOT, ())]
        try:
            levels[0].names = self._names(levels[0])
            while levels:
                level = levels[-1]
                if not level.names:
                    os.close(levels.pop().fd)
                    continue
                below = self._visit(level, level.names.pop())
                if below:
                    levels.append(below)
        finally:
            for level in levels:
                os.close(level.fd)

    def _names(self, level: _Level) -> list[str]:
        """The names in a folder, sorted, last first, without those to be ignored."""
        names: list[str] = []
        troubles = self._context.troubles
        try:
            with os.scandir(level.fd) as found:
                for entry in found:
                    self._context.budget.enter()
                    if not self._context.passes_over((entry.name,), (*level.parts, entry.name)):
                        names.append(entry.name)
        except OSError as error:
            troubles.add("error", "folder-unreadable", label(level.parts),
                         f"this folder cannot be read to its end ({_words(error)})", "M28")
        for group in collisions(names):
            troubles.add("warning", "names-collide", label((*level.parts, group[0])),
                         f"{len(group)} names here differ only in case or accents; "
                         "all of them are kept", "M12")
        names.sort(reverse=True)
        return names

    def _visit(self, level: _Level, name: str) -> _Level | None:
        """Take up one file, refuse it, or return the folder to go into."""
        parts = (*level.parts, name)
        troubles = self._context.troubles
        try:
            status = os.stat(name, dir_fd=level.fd, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                return self._enter(level, parts)
        except OSError as error:
            troubles.refuse("unreadable", label(parts), f"it cannot be read ({_words(error)})",
                            "M28")
            return None
        if not stat.S_ISREG(status.st_mode):
            kind = KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
            rule = "M02" if stat.S_ISLNK(status.st_mode) else "M03"
            troubles.refuse("not-a-file", label(parts), f"it is {kind} and is not read", rule)
        elif refused := self._refusal(parts, status.st_size):
            troubles.refuse("name-refused" if refused[1] == "M19" else "too-long", label(parts),
                            refused[0], refused[1])
        else:
            self._take(level, parts, status)
        return None

    def _enter(self, level: _Level, parts: tuple[str, ...]) -> _Level | None:
        troubles, limits = self._context.troubles, self._context.budget.limits
        if len(parts) > limits.depth:
            troubles.refuse("too-deep", label(parts),
                            f"folders more than {limits.depth} deep are not read", "M19")
            return None
        fd = os.open(parts[-1], OPEN_FOLDER, dir_fd=level.fd)
        below = _Level(fd, self._tree.add_folder(level.number, parts[-1]), parts)
        try:
            below.names = self._names(below)
        except BaseException:
            os.close(fd)
            raise
        return below

    def _refusal(self, parts: tuple[str, ...], length: int) -> tuple[str, str] | None:
        budget = self._context.budget
        if budget.too_long(length):
            return f"it is longer than {budget.limits.member_bytes} bytes", "M03"
        if len(os.fsencode(self._path(parts))) > PATH_LIMIT:
            return "its path is longer than the system can open", "M19"
        return refusal(parts, budget.limits.depth)

    def _take(self, level: _Level, parts: tuple[str, ...], status: os.stat_result) -> None:
        self._context.notice_hidden(parts[-1:], parts)
        self._context.budget.announce(status.st_size)
        self._tree.add_file(level.number, parts[-1])
        self._lengths.append(status.st_size)
        self._inodes.append(status.st_ino)
        self._modified.append(status.st_mtime_ns)


def _words(error: OSError) -> str:
    return os.strerror(error.errno or 0)
