"""Temporary files of one process, found again and removed when it died."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mediasvc.store.file_operations import OPERATIONS, FileOperations, storage_error


class Scratch:
    """A folder of temporary files of this process under ``root``.

    It is locked while we live (flock ends with us, whatever ends us), so that `sweep` of another
    process takes away only what the dead left behind.
    """

    def __init__(self, root: Path, operations: FileOperations = OPERATIONS) -> None:
        self.operations = operations
        self.root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            self.folder = root / secrets.token_hex(8)
            operations.mkdir(self.folder)
            self.fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self.fd, fcntl.LOCK_EX)
            if self.folder.exists():  # a sweep may have come between
                break
            os.close(self.fd)
        self._number = 0

    def path(self) -> Path:
        """A fresh name; the file is not made."""
        self._number += 1
        return self.folder / f"{self._number:x}-{secrets.token_hex(4)}"

    def sweep(self) -> int:
        """Remove what dead processes left; returns the number of files. Raises StorageError."""
        removed = 0
        try:
            for entry in sorted(self.root.iterdir()):
                if entry != self.folder:
                    removed += self._sweep_one(entry)
        except OSError as error:
            raise storage_error(error) from error
        return removed

    def _sweep_one(self, entry: Path) -> int:
        if entry.is_symlink() or not entry.is_dir():
            self.operations.unlink(entry)
            return 1
        fd = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            files = list(entry.iterdir())
            for path in files:
                self.operations.unlink(path)
            self.operations.rmdir(entry)
        except BlockingIOError:
            return 0
        finally:
            os.close(fd)
        return len(files)

    def discard(self, paths: Iterable[Path]) -> None:
        """Best effort: the sweep takes what cannot be removed now."""
        for path in paths:
            with suppress(OSError):
                self.operations.unlink(path)

    def close(self) -> None:
        self.discard(self.folder.iterdir())
        with suppress(OSError):
            self.operations.rmdir(self.folder)
        os.close(self.fd)
