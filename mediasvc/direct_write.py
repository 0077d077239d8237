"""Large new files are written past the page cache (open(2), O_DIRECT).

What an import, a transcoding or an export writes is not read again soon. Going through the page
cache costs a second copy in memory, and the sync that follows has to push it all out; written
directly, 1 GB in 0.5 MB files took half the time with its sync.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import mmap
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

#: What every block device takes as alignment of offset, length and memory.
BLOCK = 4096
BUFFER = 4 << 20
#: Below this the wait for the device costs more than the copy.
FROM = 128 << 10
#: Below this a part costs more calls than copying.
SMALL = 32 << 10

#: What is said where room cannot be had beforehand.
_CANNOT = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EINTR)

_mine = threading.local()


def write_direct(fd: int, parts: Iterable[bytes | memoryview], *, direct: bool = True,
                 ) -> tuple[str, int]:
    """Write ``parts`` one after the other to ``fd``, an empty file at its beginning; not
    ``direct``: through the page cache, for what is read again soon.

    Returns sha256 (hex) and bytes written. Nothing is durable yet: the caller syncs. File systems
    that know no direct writing get plain ones. Raises OSError.
    """
    if not direct:
        return _through_cache(fd, parts)
    digest = hashlib.sha256()
    length = _directly(fd, parts, digest.update)
    return digest.hexdigest(), length


def _directly(fd: int, parts: Iterable[bytes | memoryview],
              told: Callable[[bytes | memoryview], object]) -> int:
    """Bytes written; ``told`` hears of them before."""
    buffer = _mine.__dict__.pop("buffer", None)  # not there while a source of parts writes itself
    file = DirectFile(fd, buffer)
    for run in _runs(parts):
        told(run)
        file.write(run)
    file.flush()
    _mine.buffer = file.buffer
    return file.tell()


def _through_cache(fd: int, parts: Iterable[bytes | memoryview]) -> tuple[str, int]:
    digest, length = hashlib.sha256(), 0
    for run in _runs(parts):
        digest.update(run)
        written = 0
        while written < len(run):
            written += os.write(fd, run[written:] if written else run)
        length += written
    return digest.hexdigest(), length


def _runs(parts: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """The same bytes, small parts joined: a spliced instance begins with a dozen of them."""
    small: list[bytes | memoryview] = []
    length = 0
    for part in parts:
        if length + len(part) < SMALL:
            small.append(part)
            length += len(part)
            continue
        if small:
            yield b"".join(small)
            small, length = [], 0
        yield part
    yield b"".join(small)


def write_new(path: Path | str, parts: Iterable[bytes | memoryview], *, direct: bool = True,
              ) -> tuple[str, int]:
    """`write_direct` into a file that was not there, readable by nobody else."""
    fd = _new(path)
    try:
        return write_direct(fd, parts, direct=direct)
    finally:
        os.close(fd)


def write_hashed(path: Path | str, parts: Iterable[bytes | memoryview]) -> int:
    """`write_new` for who knows the sha256 of ``parts`` already: bytes written."""
    fd = _new(path)
    try:
        return _directly(fd, parts, lambda run: None)
    finally:
        os.close(fd)


def _new(path: Path | str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def new_buffer() -> memoryview:
    """For one `DirectFile` at a time; a mapping, because those begin at a page."""
    return memoryview(mmap.mmap(-1, BUFFER + BLOCK))


def block_buffer() -> memoryview:
    """Whole blocks that begin at a page: `DirectFile.write` takes them from where they are."""
    return memoryview(mmap.mmap(-1, BUFFER))


def reserve(fd: int, size: int) -> None:
    """Room on the disk for the first ``size`` bytes of a file, where that can be had at once.

    Not posix_fallocate(3), which writes into every block where the file system cannot. Raises
    OSError, as when the disk is too full.
    """
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if fallocate is None:
        return
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if size and fallocate(fd, 0, 0, size) and (number := ctypes.get_errno()) not in _CANNOT:
        raise OSError(number, os.strerror(number))


class DirectFile:
    """A new file that is written mostly from beginning to end, as its writers see it.

    ``fd`` is open for writing, for `read` also for reading, and stays the caller's. Call `flush`
    at the end; until then the descriptor does not show everything. Methods raise OSError.
    """

    def __init__(self, fd: int, buffer: memoryview | None = None) -> None:
        self._fd = fd
        self.buffer = new_buffer() if buffer is None else buffer
        self._position = 0
        #: The buffer holds bytes ``_first`` to ``_last`` of what lies at ``_base``, a block.
        self._base = self._first = self._last = 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        if self._position != self._base + self._last:
            self.flush()
            self._begin(self._position)
        rest = memoryview(data)
        if self._last == 0 and len(rest) >= BUFFER:
            rest = rest[self._as_it_is(rest):]
        while rest:
            taken = min(len(rest), len(self.buffer) - self._last)
            self.buffer[self._last:self._last + taken] = rest[:taken]
            self._last += taken
            rest = rest[taken:]
            if self._last == len(self.buffer):
                self._put(self._last)
                self._begin(self._base + self._last)
        self._position += len(data)
        return len(data)

    def _as_it_is(self, data: memoryview) -> int:
        """Write whole blocks without copying them; how many bytes, 0 where the device does not take
        memory that lies like that."""
        done = self._pass_by(data[:len(data) // BLOCK * BLOCK], self._base)
        done -= done % BLOCK  # of a disk that is almost full
        self._begin(self._base + done)
        return done

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}
        self._position = offset + (start[whence] if whence in start else self._length())
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int) -> bytes:
        self.flush()
        data = os.pread(self._fd, size, self._position)
        self._position += len(data)
        return data

    def truncate(self, size: int) -> int:
        """Make the empty file ``size`` bytes long, with room for them on the disk where the file
        system can tell that: blocks that are there are written and read by others side by side,
        those that are only got by writing shut readers out meanwhile."""
        os.ftruncate(self._fd, size)
        reserve(self._fd, size)
        return size

    def flush(self) -> None:
        """Everything written so far can be read from the file.

        What is left of the last block goes through the page cache. Written whole and cut off again,
        ext4 would read it back first, a sixth to a third of the time of a file of 0.5 MB.
        """
        if self._last > self._first:
            whole = self._last // BLOCK * BLOCK
            self._put(whole)
            self._plain(max(whole, self._first), self._last)
            self._begin(self._base + self._last)

    def _length(self) -> int:
        written = self._base + self._last if self._last > self._first else 0
        return max(os.fstat(self._fd).st_size, written)

    def _begin(self, offset: int) -> None:
        self._first = self._last = offset % BLOCK
        self._base = offset - self._first

    def _put(self, end: int) -> None:
        """Write up to ``end``, a block's end: directly from the first whole block on."""
        start = min(-(-self._first // BLOCK) * BLOCK, end)
        if end - start < FROM:
            start = end
        self._plain(self._first, max(start, self._first))
        if start < end:
            done = self._pass_by(self.buffer[start:end], self._base + start)
            self._plain(start + done, end)

    def _pass_by(self, data: memoryview, offset: int) -> int:
        """Bytes that could be written past the cache, which may be none."""
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, flags | os.O_DIRECT)
            return os.pwrite(self._fd, data, offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return 0
        finally:
            with suppress(OSError):
                fcntl.fcntl(self._fd, fcntl.F_SETFL, flags)

    def _plain(self, start: int, end: int) -> None:
        while start < end:
            start += os.pwrite(self._fd, self.buffer[start:end], self._base + start)
