"""An image whose instances come first: their lengths are not known before they are there.

ISO 9660 lets a file stand anywhere. Room is kept at the beginning for tables, DICOMDIR and pages;
each instance goes behind it, to the next free sector, straight from where it was made; what is
known last, the tables among it, is written last. The layout is that of `iso_write` but for some
unused sectors before the first instance.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from mediasvc.direct_write import DirectFile
from mediasvc.media.disc.disc_file import DICOM_FOLDER, DiscFile
from mediasvc.media.iso.iso_seal import SECTOR
from mediasvc.media.iso.iso_tables import Names, sectors
from mediasvc.media.iso.iso_write import IsoImage, Placed, in_order, iso_bytes
from mediasvc.span import Span

Report = Callable[[int, int], None]


class GrowingImage:
    """Use as a context manager: what was not finished is removed."""

    def __init__(self, path: Path, first: int) -> None:
        """Make ``path``, a new file; its instances begin at sector ``first``."""
        self.path, self._first, self._end = path, first, first
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = DirectFile(self._fd)
        self._file.seek(first * SECTOR)

    def close(self) -> None:
        os.close(self._fd)
        self.path.unlink(missing_ok=True)

    def take(self, span: Span) -> Span:
        """Copy an instance in; where it stands now. Raises DamagedError when it became shorter."""
        found = Span(str(self.path), self._end * SECTOR, span.length)
        for chunk in span.chunks():
            self._file.write(chunk)
        self._file.write(bytes(-span.length % SECTOR))
        self._end += sectors(span.length)
        return found

    def _sector(self, file: DiscFile) -> int | None:
        return file.span.offset // SECTOR if file.span.path == str(self.path) else None

    def flush(self) -> None:
        """All that was taken can be read at its place."""
        self._file.flush()

    def finish(self, files: Sequence[DiscFile], *, volume_id: str, moment: datetime,
               with_udf: int, report: Report | None = None) -> bool:
        """Write what is not in it yet. False, and nothing is written, when the tables are longer
        than what was kept for them. Raises what `write_iso` raises."""
        ordered = in_order(files)
        image = IsoImage((file.parts for file in ordered), with_udf)
        if image.first > self._first:
            return False
        placed = place_grown(image, ordered, self._first, self._end, self._sector)
        total = image.total(placed.end)
        for file, sector in zip(ordered, placed.places, strict=True):
            if file.span.path == str(self.path) or not file.span.length:
                continue
            self._file.seek(sector * SECTOR)
            for chunk in file.span.chunks():
                self._file.write(chunk)
            self._file.write(bytes(-file.span.length % SECTOR))
            if report:
                report(self._file.tell(), total * SECTOR)
        names = Names(volume_id, moment)
        self._file.seek(placed.end * SECTOR)
        self._file.write(image.tail(names, placed.end))
        self._file.flush()
        self._file.seek(0)
        for part in image.tables(names, placed):
            self._file.write(part)
        self._file.flush()
        os.ftruncate(self._fd, total * SECTOR)
        return True


def place_grown(image: IsoImage, files: Iterable[DiscFile], first: int, end: int,
                is_there: Callable[[DiscFile], int | None]) -> Placed:
    """Instances stand from sector ``first`` to ``end``; ``is_there``: where, None for other files.
    Those before the first instance stand in front of it as long as there is room."""
    front, behind = image.first, False
    places, lengths = array("Q"), array("Q")
    for file in files:
        lengths.append(file.span.length)
        count = sectors(file.span.length)
        there = is_there(file)
        if there is not None:
            places.append(there)
            behind = True
        elif not behind and front + count <= first:
            places.append(front)
            front += count
        else:
            places.append(end)
            end += count
    return Placed(places, lengths, end)


def grown_bytes(files: Sequence[DiscFile], *, first: int, with_udf: int) -> int:
    """How long the image will be whose instances begin at sector ``first``."""
    ordered = in_order(files)
    image = IsoImage((file.parts for file in ordered), with_udf)
    if image.first > first:
        return iso_bytes(ordered, with_udf=with_udf)
    end = first + sum(sectors(file.span.length) for file in ordered
                      if file.parts[0] == DICOM_FOLDER)
    placed = place_grown(image, ordered, first, end,
                         lambda file: first if file.parts[0] == DICOM_FOLDER else None)
    return image.total(placed.end) * SECTOR
