"""Temporary files of one process, found again and removed when it died."""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mediasvc.store.file_operations import (
    OPERATIONS,
    FileOperations,
    make_folder,
    storage_error,
)


class Scratch:
    """A folder of temporary files of this process under ``root``, made when first needed.

    It is locked while we live (flock ends with us, whatever ends us), so that `sweep` of another
    process takes away only what the dead left behind. Whoever makes one sweeps.
    """

    def __init__(self, root: Path, operations: FileOperations = OPERATIONS) -> None:
        self.operations, self.root = operations, root
        self._guard = threading.Lock()
        self._open: tuple[Path, int] | None = None

    def path(self) -> Path:
        """A fresh name; the file is not made. Raises StorageError."""
        return self._opened()[0] / secrets.token_hex(8)

    @property
    def anchor(self) -> int:
        """A descriptor on the file system, opened before any file that `path` named."""
        return self._opened()[1]

    def another_anchor(self) -> int:
        """The same, the caller's to close: an error that it tells, `anchor` still tells too."""
        try:
            return os.open(self._opened()[0], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise storage_error(error) from error

    def _opened(self) -> tuple[Path, int]:
        with self._guard:
            try:
                while self._open is None:
                    self._open = self._make()
            except OSError as error:
                raise storage_error(error) from error
            return self._open

    def _make(self) -> tuple[Path, int] | None:
        make_folder(self.root, self.operations)
        folder = self.root / secrets.token_hex(8)
        self.operations.mkdir(folder)
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:  # a sweep came between
            return None
        fcntl.flock(fd, fcntl.LOCK_EX)
        if not folder.exists():  # a sweep had it locked
            os.close(fd)
            return None
        weakref.finalize(self, _close, folder, fd, os.getpid())
        self._sweep(folder)
        return folder, fd

    def sweep(self) -> int:
        """Remove what dead processes left; returns the number of files. Raises StorageError."""
        try:
            return self._sweep(self._open[0] if self._open else None)
        except OSError as error:
            raise storage_error(error) from error

    def _sweep(self, mine: Path | None) -> int:
        entries = sorted(self.root.iterdir()) if self.root.is_dir() else []
        return sum(self._sweep_one(entry) for entry in entries if entry != mine)

    def _sweep_one(self, entry: Path) -> int:
        if entry.is_symlink() or entry.is_file():
            self.operations.unlink(entry)
            return 1
        try:
            fd = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:  # its owner has just ended
            return 0
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            files = list(entry.iterdir())
            for path in files:
                self.operations.unlink(path)
            self.operations.rmdir(entry)
        except (BlockingIOError, FileNotFoundError):  # its owner lives, or has just ended
            return 0
        finally:
            os.close(fd)
        return len(files)

    def discard(self, paths: Iterable[Path]) -> None:
        """Best effort: the sweep takes what cannot be removed now."""
        for path in paths:
            with suppress(OSError):
                self.operations.unlink(path)


def _close(folder: Path, fd: int, owner: int) -> None:
    """At the end of the process, or when nobody holds the scratch any more; not in a fork."""
    if os.getpid() == owner:
        with suppress(OSError):
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
    os.close(fd)
