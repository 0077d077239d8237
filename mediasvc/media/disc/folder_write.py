"""A file-set as a plain folder, ready for a USB stick (PS3.12 Annex R)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from mediasvc.media.disc.disc_file import DiscFile


def write_folder(target: Path, files: Iterable[DiscFile], *, moment: datetime,
                 report: Callable[[int, int], None] | None = None,
                 copied: Callable[[DiscFile], None] = lambda file: None) -> None:
    """Copy the files into ``target``, an empty folder. ``report(done, 0)`` in bytes; ``copied`` is
    told of each file that is needed no more.

    Files are 0644 and folders 0755 with the date ``moment``, so that two copies are alike.
    Raises DamagedError when a source became shorter, FileExistsError when two names are equal.
    """
    done = 0
    for file in files:
        path = target.joinpath(*file.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "xb") as copy:
            for chunk in file.span.chunks():
                copy.write(chunk)
                done += len(chunk)
                if report:
                    report(done, 0)
        path.chmod(0o644)
        os.utime(path, (moment.timestamp(), moment.timestamp()))
        copied(file)
