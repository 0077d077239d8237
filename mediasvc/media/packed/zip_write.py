"""A file-set as one ZIP (PS3.12 Annex V): DICOMDIR in the root, 8-character names, one file-set."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import IO, Any

from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.long_list import LongList

#: Native pixel data shrink almost as well at level 1 as at 9, five times faster.
LEVEL = 1


def write_zip(target: IO[bytes], files: Iterable[DiscFile], *, moment: datetime,
              report: Callable[[int, int], None] | None = None,
              copied: Callable[[DiscFile], None] = lambda file: None) -> None:
    """Write the archive into ``target`` (empty, writable, seekable), streamed file by file.

    Encoded files (`DiscFile.dense`) and those of the root are stored, others deflated.
    ``report(done, 0)`` in bytes; ``copied`` is told of each file that is needed no more. Raises
    DamagedError when a source became shorter.
    """
    done = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        keep_little(archive, zipfile.ZipInfo)
        for file in files:
            with archive.open(_entry(file, moment), "w") as entry:
                for chunk in file.span.chunks():
                    entry.write(chunk)
                    done += len(chunk)
                    if report:
                        report(done, 0)
            copied(file)


def keep_little(archive: Any, kind: type[Any]) -> None:
    """What ``archive`` notes of each file until its end, a ``kind``, waits in a file; nobody asks
    for one by its name meanwhile."""
    names = [name for one in kind.__mro__ for name in getattr(one, "__slots__", ())]

    def pack(info: Any) -> tuple[Any, ...]:
        return tuple(getattr(info, name, ...) for name in names)

    def unpack(row: tuple[Any, ...]) -> Any:
        info = object.__new__(kind)
        for name, value in zip(names, row, strict=True):
            if value is not ...:
                setattr(info, name, value)
        return info

    archive.filelist, archive.NameToInfo = LongList(pack, unpack), _Forgetful()


class _Forgetful(dict[str, Any]):
    def __setitem__(self, name: str, info: Any) -> None:
        """It stands in the list."""


def _entry(file: DiscFile, moment: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(file.path, moment.astimezone(UTC).timetuple()[:6])
    info.create_system = 3  # Unix, so that the mode below is understood
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.file_size = file.span.length
    if not file.dense and len(file.parts) > 1:
        # what stands in the root says when the disc was made: deflated, its length would too
        info.compress_type = zipfile.ZIP_DEFLATED
        info._compresslevel = LEVEL  # type: ignore[attr-defined]  # no public name before 3.13
    return info
