"""What stands on a disc: files by name, and where their bytes come from."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError
from mediasvc.media.long_list import LongList
from mediasvc.span import Span

DICOMDIR = "DICOMDIR"
README = "README.TXT"
INDEX = "INDEX.HTM"
MANIFEST = "MANIFEST.TXT"
#: Detached signature of the list, where the desk has a key.
MANIFEST_SIGNATURE = "MANIFEST.SIG"
WEB_FOLDER = "IHE_PDI"
VIDEO_FOLDER = "VIDEO"
DICOM_FOLDER = "DICOM"


@dataclass(frozen=True, slots=True)
class DiscFile:
    """``parts``: the path on the disc, upper case 8.3; ``sha256`` of exactly these bytes."""

    parts: tuple[str, ...]
    span: Span
    sha256: str
    dense: bool = False
    """The bytes are encoded already: no use in compressing them again (zip)."""

    @property
    def path(self) -> str:
        return "/".join(self.parts)


def disc_files(folder: Path | None = None) -> LongList[DiscFile]:
    """An empty list for the files of a disc; ``folder``: where a long one waits."""
    return LongList(_packed, _unpacked, folder)


def _packed(file: DiscFile) -> tuple[Any, ...]:
    span = file.span
    return file.parts, span.path, span.offset, span.length, span.seal, file.sha256, file.dense


def _unpacked(row: tuple[Any, ...]) -> DiscFile:
    parts, path, offset, length, seal, sha256, dense = row
    return DiscFile(parts, Span(path, offset, length, seal), sha256, dense)


class SpanFile(io.RawIOBase):
    """A span as a binary file that is opened only while it is read.

    For writers that keep thousands of file objects until they master an image. Raises
    DamagedError when the file has become shorter.
    """

    def __init__(self, span: Span) -> None:
        self._span, self._at, self._fd = span, 0, -1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    @property
    def mode(self) -> str:
        return "rb"

    @property
    def name(self) -> str:
        """What libraries show in messages: nothing."""
        return ""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._span.length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        """``size`` bytes unless the span ends: writers take a short read for the end."""
        left = self._span.length - self._at
        left = left if size < 0 else min(size, left)
        parts: list[bytes] = []
        while left > 0:
            if self._fd < 0:
                self._fd = self._span.open()
            part = os.pread(self._fd, left, self._span.offset + self._at)
            if not part:
                raise DamagedError("a file became shorter while it was copied")
            parts.append(part)
            self._at += len(part)
            left -= len(part)
        if self._at >= self._span.length:
            self._release()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        data = self.read(len(target))
        target[:len(data)] = data
        return len(data)

    def close(self) -> None:
        self._release()
        super().close()

    def _release(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

