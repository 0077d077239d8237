"""A folder for bytes that are not kept: unpacked for a look, or on their way to another place."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediasvc.errors import StorageError


@contextmanager
def private_folder(root: Path | None = None) -> Iterator[Path]:
    """Nobody else may read it, and what a killed process left is removed by the next (FAULTS L03).

    It lies in ``root``, or the system's folder for temporary files (TMPDIR). Raises StorageError
    when somebody else owns our place there.
    """
    root = _checked(root or Path(tempfile.gettempdir()) / f"mediasvc-{os.getuid()}")
    guard = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        _sweep(root)
        folder = Path(tempfile.mkdtemp(dir=root))
        alive = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(alive, fcntl.LOCK_EX)
    finally:
        os.close(guard)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(alive)


def _checked(root: Path) -> Path:
    root.mkdir(mode=0o700, exist_ok=True)
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StorageError("The folder for temporary files is not private.",
                           "Remove it, or set TMPDIR to another place.")
    return root


def _sweep(root: Path) -> None:
    for folder in root.iterdir():
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # its owner has just removed it
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # its owner lives
        finally:
            os.close(fd)
