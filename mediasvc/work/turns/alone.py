"""Nobody else works on a package meanwhile; the lock ends with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from mediasvc.errors import LockedError
from mediasvc.work.desk import Desk


@contextmanager
def alone(desk: Desk, number: int) -> Iterator[None]:
    """Raises LockedError when another process is at package ``number``."""
    folder = desk.home.staging / str(number)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"Package {number} is being worked on by another process.") from error
        yield
    finally:
        os.close(fd)
