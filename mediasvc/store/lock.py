"""One service per home (FAULTS C08, C10): a lock that ends with its process, whatever ends it."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from mediasvc.errors import LockedError


class HomeLock:
    """``with HomeLock(home.lock):`` — raises LockedError (exit 11) naming the holder.

    The file's text is only for people; the lock itself is flock, so nothing is left stale.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._fd = path, -1

    def acquire(self) -> None:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(fd)
            os.close(fd)
            raise LockedError(f"Another mediasvc works on this home{holder}.",
                              "Wait for it or stop it.") from error
        since = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps({"pid": os.getpid(), "since": since}).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.release()


def _holder(fd: int) -> str:
    with suppress(ValueError, KeyError, TypeError):
        known = json.loads(os.pread(fd, 4096, 0))
        return f" (process {int(known['pid'])}, since {str(known['since'])[:32]})"
    return ""
