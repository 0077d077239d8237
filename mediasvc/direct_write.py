"""A large new file is written past the page cache (open(2), O_DIRECT).

What an import or a transcoding writes is not read again soon. Going through the page cache costs a
second copy in memory, and the sync that follows has to push it all out; written directly, 1 GB in
0.5 MB files took half the time with its sync.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import threading
from collections.abc import Iterable
from contextlib import suppress

#: What every block device takes as alignment of offset, length and memory.
BLOCK = 4096
BUFFER = 4 << 20
#: Below this the wait for the device costs more than the copy.
FROM = 128 << 10

_mine = threading.local()


def write_direct(fd: int, parts: Iterable[bytes | memoryview]) -> tuple[str, int]:
    """Write ``parts`` one after the other to ``fd``, an empty file at its beginning.

    Returns sha256 (hex) and bytes written. Nothing is durable yet: the caller syncs. File systems
    that know no direct writing get plain ones. Raises OSError.
    """
    buffer = _buffer()
    digest, length, filled = hashlib.sha256(), 0, 0
    for part in parts:
        rest = memoryview(part)
        while rest:
            taken = min(len(rest), BUFFER - filled)
            buffer[filled:filled + taken] = rest[:taken]
            filled, rest = filled + taken, rest[taken:]
            if filled == BUFFER:
                digest.update(buffer)
                _put(fd, buffer)
                length, filled = length + filled, 0
    digest.update(buffer[:filled])
    _put_last(fd, buffer, filled, length)
    return digest.hexdigest(), length + filled


def _buffer() -> memoryview:
    """One for each thread; a mapping, because those begin at a page."""
    if not hasattr(_mine, "buffer"):
        _mine.buffer = memoryview(mmap.mmap(-1, BUFFER))
    found: memoryview = _mine.buffer
    return found


def _put_last(fd: int, buffer: memoryview, filled: int, before: int) -> None:
    """The end of the file: whole blocks are written, and what is too much is cut off again."""
    if filled < FROM:
        _direct(fd, False)
        _write(fd, buffer[:filled])
        return
    padded = -(-filled // BLOCK) * BLOCK
    buffer[filled:padded] = bytes(padded - filled)
    _put(fd, buffer[:padded])
    os.ftruncate(fd, before + filled)


def _put(fd: int, blocks: memoryview) -> None:
    """Whole blocks, directly where the file system can."""
    if _direct(fd, True):
        try:
            done = os.write(fd, blocks)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            done = 0
        if done == len(blocks):
            return
        _direct(fd, False)  # what a direct write left over need not begin at a block
        blocks = blocks[done:]
    _write(fd, blocks)


def _write(fd: int, rest: memoryview) -> None:
    while rest:
        rest = rest[os.write(fd, rest):]


def _direct(fd: int, wanted: bool) -> bool:
    """Set or clear O_DIRECT; False when writes go through the page cache afterwards."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    new = flags | os.O_DIRECT if wanted else flags & ~os.O_DIRECT
    if new != flags:
        with suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETFL, new)
            return wanted
        return False
    return wanted
