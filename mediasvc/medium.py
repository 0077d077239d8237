"""Reading scratched media: a refused read is tried again before it counts (FAULTS M28)."""

from __future__ import annotations

import errno
import os
import time

from mediasvc.errors import MediumError

#: Seconds before each further attempt: a drive needs a moment to find the track again.
PAUSES = (0.1, 0.4, 1.0)
#: The part in which a failure is placed; drives read ahead about as much.
BLOCK = 64 << 10


def read_at(fd: int, length: int, offset: int) -> bytes:
    """Up to ``length`` bytes from ``offset``, none behind the end of the file.

    Raises MediumError, which says where, when the medium refuses for good; other OSErrors as they
    are.
    """
    for pause in PAUSES:
        try:
            return os.pread(fd, length, offset)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            time.sleep(pause)
    return _last_attempt(fd, length, offset)


def read_into(fd: int, room: memoryview, offset: int) -> int:
    """`read_at` into memory that is there: how many bytes, 0 behind the end of the file."""
    try:
        return os.preadv(fd, [room], offset)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
    data = read_at(fd, len(room), offset)
    room[:len(data)] = data
    return len(data)


def _last_attempt(fd: int, length: int, offset: int) -> bytes:
    """Block by block, to know which one it is."""
    parts: list[bytes] = []
    for start in range(offset, offset + length, BLOCK):
        try:
            parts.append(os.pread(fd, min(BLOCK, offset + length - start), start))
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            raise MediumError(f"could not be read from the medium from byte {start} on") from None
        if not parts[-1]:
            break
    return b"".join(parts)
