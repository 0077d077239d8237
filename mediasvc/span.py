"""A run of bytes in a file: how one instance is handed around without copying it."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError
from mediasvc.medium import read_at

#: Below this a plain read is faster than a mapping, and immune to SIGBUS.
READ_LIMIT = 32 << 20
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Span:
    """``length`` bytes of the regular file ``path`` from byte ``offset``.

    ``seal`` says what they were when they were hashed, so that later readers need not hash again.
    """

    path: str
    offset: int
    length: int
    seal: str = field(default="", compare=False)

    @classmethod
    def of_file(cls, path: Path | str) -> Span:
        return cls(str(path), 0, Path(path).stat().st_size)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Span:
        return cls(str(row["path"]), int(row["offset"]), int(row["length"]),
                   str(row.get("seal", "")))

    def as_json(self) -> dict[str, Any]:
        row = {"path": self.path, "offset": self.offset, "length": self.length}
        return row | {"seal": self.seal} if self.seal else row

    def sealed(self, view: memoryview) -> Span:
        """The span with the seal of its bytes ``view``, which were just read and hashed."""
        return replace(self, seal=self._seal(view))

    def holds(self, view: memoryview, sha256: str) -> bool:
        """Whether the bytes just read are those that had this sha256.

        Either the seal is whole, or they are hashed again: a file that is the same inode with the
        same times, and whose words have the same sum, was not changed in between, and its medium
        gave the same bytes twice.
        """
        if self.seal and self.seal == self._seal(view):
            return True
        return hashlib.sha256(view).hexdigest() == sha256

    def _seal(self, view: memoryview) -> str:
        import numpy as np

        words = np.frombuffer(view, np.uint64, len(view) // 8)
        tail = bytes(view[words.nbytes:]).hex()
        status = Path(self.path).lstat()
        facts = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns,
                 status.st_ctime_ns, int(words.sum(dtype=np.uint64)))
        return ".".join(f"{fact:x}" for fact in facts) + "." + tail

    def open(self) -> int:
        """A read-only descriptor of a regular file; never waits on a FIFO, never follows a link."""
        return self._opened()[0]

    def _opened(self) -> tuple[int, int]:
        """The descriptor and the length of the file."""
        fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise DamagedError("not a regular file")
        except BaseException:
            os.close(fd)
            raise
        return fd, status.st_size

    @contextmanager
    def view(self) -> Iterator[memoryview]:
        """All bytes, read or mapped. Raises DamagedError when the file is shorter than the span."""
        fd, size = self._opened()
        try:
            if size < self.offset + self.length:
                raise DamagedError("the file ends before the item does")
            if self.length <= READ_LIMIT:
                yield memoryview(self._read(fd))
                return
            page = self.offset % mmap.ALLOCATIONGRANULARITY
            start = self.offset - page
            with mmap.mmap(fd, self.length + page, access=mmap.ACCESS_READ, offset=start) as mapped:
                whole = memoryview(mapped)
                part = whole[page:]
                try:
                    yield part
                finally:
                    part.release()
                    whole.release()
        finally:
            os.close(fd)

    def _read(self, fd: int) -> bytes:
        data = read_at(fd, self.length, self.offset)
        while len(data) < self.length:
            more = read_at(fd, self.length - len(data), self.offset + len(data))
            if not more:
                raise DamagedError("the file ends before the item does")
            data += more
        return data

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The bytes in order; raises DamagedError when the file ends too early."""
        fd = self.open()
        try:
            done = 0
            while done < self.length:
                data = read_at(fd, min(size, self.length - done), self.offset + done)
                if not data:
                    raise DamagedError("the file ends before the item does")
                done += len(data)
                yield data
        finally:
            os.close(fd)

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()
