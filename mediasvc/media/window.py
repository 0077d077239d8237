"""A container's bytes, wherever they lie: a whole file or a stored part of one."""

from __future__ import annotations

import os
from contextlib import suppress

from mediasvc.errors import DamagedError
from mediasvc.media.member import Identity
from mediasvc.medium import read_at
from mediasvc.span import Span
from mediasvc.step import step


class Window:
    """Reads from the file of ``span`` by offset from the span's start. Close it.

    Plain reads and no mapping: a file that shrinks meanwhile raises instead of killing us.
    """

    def __init__(self, span: Span) -> None:
        self.length = span.length
        self._span, self._scattered = span, False
        try:
            self._fd = span.open()
        except OSError as error:
            raise DamagedError(f"it cannot be opened ({os.strerror(error.errno or 0)})") from None
        status = os.fstat(self._fd)
        self._identity = Identity.of(status)
        if status.st_size < span.offset + span.length:
            self.close()
            raise DamagedError("the file ends before the container in it does")

    def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes. Raises DamagedError when they are not all there."""
        if offset < 0 or length < 0 or offset + length > self.length:
            raise DamagedError("it points past the end of the file")
        data = self._pread(length, offset)
        while len(data) < length:
            more = self._pread(length - len(data), offset + len(data))
            if not more:
                raise DamagedError("the file became shorter while it was read")
            data += more
        step()
        return data

    def _pread(self, length: int, offset: int) -> bytes:
        try:
            return read_at(self._fd, length, self._span.offset + offset)
        except OSError as error:
            raise DamagedError(f"it cannot be read ({os.strerror(error.errno or 0)})") from None

    def head(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes: fewer at the end of the file, none beyond it."""
        return self.read(offset, min(length, self.length - offset)) if offset < self.length else b""

    def expect(self, offset: int, length: int) -> None:
        """Begin to read a few bytes, one of many places: from now on nothing beyond what is asked
        for is read ahead. Does not wait, and nothing depends on it."""
        with suppress(OSError, AttributeError):
            if not self._scattered:
                os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_RANDOM)
                self._scattered = True
            os.posix_fadvise(self._fd, self._span.offset + offset, length, os.POSIX_FADV_WILLNEED)

    def span(self, offset: int, length: int) -> Span:
        return Span(self._span.path, self._span.offset + offset, length)

    def fingerprint(self) -> str:
        """A file name for what is made of these bytes: another when the file is another one."""
        facts = (self._identity.inode, self._identity.modified_ns, self._span.offset, self.length)
        return "-".join(f"{fact:x}" for fact in facts)

    def unchanged(self) -> bool:
        """Whether the path still leads to the file that was opened, with length and time."""
        try:
            return Identity.of(os.lstat(self._span.path)) == self._identity
        except OSError:
            return False

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
