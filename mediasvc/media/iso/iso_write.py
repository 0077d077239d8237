"""ISO 9660 level 1 images for PS3.12 Annexes F (CD), P and X (DVD and BD, with UDF beside it).

Tables first, then the files of the root, then the others in the order in which they are given. All
of the tables is known before the first file is copied, so an image is written from its first byte
to its last and hashed on the way; or the files first, where their lengths are not known before
(`IsoStream`). The readers that judge the result share nothing with this.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import BinaryIO

from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.fetch import Foresight
from mediasvc.media.iso.arrival import Arrival
from mediasvc.media.iso.image_tree import ImageTree
from mediasvc.media.iso.iso_seal import FIELD, FIELD_LENGTH, SECTOR, Seal
from mediasvc.media.iso.iso_tables import SYSTEM, IsoTables, Names, primary, sectors, terminator
from mediasvc.media.iso.write_behind import WriteBehind
from mediasvc.media.long_list import picked
from mediasvc.media.udf.udf_image_bytes import UdfImage

UDF_SECTORS = 512
"""What the descriptors, anchors and whole units of UDF take at most."""
#: Sectors of a file that one directory record of level 1 can name (ECMA-119 9.1.4, 10.1).
MOST = (1 << 32) - SECTOR

#: Tables up to this length are made once and kept until they are sealed; longer ones twice.
KEPT = 64 << 20
#: Files whose bytes the system is asked for before they are needed: a disk that is asked for many
#: at a time gives small ones ten times as fast.
SOON = 16

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Placed:
    """Sectors and lengths of the files of an image, by number; ``end``: the sector behind them."""

    places: Sequence[int]
    lengths: Sequence[int]
    end: int


class IsoImage:
    """The tables of an image that holds files of these names."""

    def __init__(self, names: Iterable[tuple[str, ...]], with_udf: int) -> None:
        """``with_udf``: its revision as a number, 0x0250 is 2.50; 0: none. Raises ValueError where
        a name is not level 1 or too deep, or twice there."""
        tree = ImageTree(names)
        self._iso = IsoTables(tree)
        self._udf = UdfImage(tree, with_udf) if with_udf else None
        #: First sector of the ISO tables, and the first one that a file can have.
        self._tables = SYSTEM + 2 if self._udf is None else self._udf.end
        self.first = self._tables + self._iso.sectors

    def place(self, lengths: Iterable[int]) -> Placed:
        """One file behind the other. Raises ValueError for one that is too long."""
        places, known, at = array("Q"), array("Q"), self.first
        for length in lengths:
            if length > MOST:
                raise ValueError("a file of an image cannot be larger than 4 GiB")
            places.append(at)
            known.append(length)
            at += sectors(length)
        return Placed(places, known, at)

    def total(self, end: int) -> int:
        """Sectors of the whole image whose files end before sector ``end``."""
        return end if self._udf is None else self._udf.total(end)

    def tables(self, names: Names, placed: Placed) -> Iterator[bytes | bytearray]:
        """The image from its first byte to `first`, sealed."""
        total = self.total(placed.end)
        digest = hashlib.sha256()
        start = min((at for at, length in zip(placed.places, placed.lengths, strict=True)
                     if length), default=total)
        end = placed.end if start < total else total
        size = self.first * SECTOR
        kept, at = bytearray(size if size <= KEPT else 0), 0
        for part in self._parts(names, placed, b" " * FIELD_LENGTH):
            digest.update(part)
            if kept:
                kept[at:at + len(part)] = part
                at += len(part)
        digest.update(bytes((start - self.first) * SECTOR))
        digest.update(self.tail(names, placed.end))
        seal = Seal(start * SECTOR, end * SECTOR, digest.hexdigest())
        if not kept:
            return self._parts(names, placed, seal.field())
        kept[FIELD:FIELD + FIELD_LENGTH] = seal.field()
        return iter((kept,))

    def tail(self, names: Names, end: int) -> bytes:
        """What stands behind the last file, which ends before sector ``end``."""
        return b"" if self._udf is None else self._udf.tail(
            names.volume_id.rstrip(), end, names.moment)

    def _parts(self, names: Names, placed: Placed, seal: bytes) -> Iterator[bytes]:
        total = self.total(placed.end)
        yield bytes(SYSTEM * SECTOR)
        yield primary(names, self._iso, self._tables, total, seal)
        yield terminator()
        if self._udf is not None:
            yield from self._udf.head(SYSTEM + 2, names.volume_id.rstrip(), placed.places,
                                      placed.lengths, placed.end, names.moment)
        yield from self._iso.write(self._tables, placed.places, placed.lengths, names.moment)


def write_iso(target: BinaryIO, files: Sequence[DiscFile], *, volume_id: str, moment: datetime,
              with_udf: int = 0, publisher: str = "", report: Report | None = None,
              copied: Callable[[DiscFile], None] = lambda file: None,
              arrival: Arrival | None = None) -> str:
    """Master an image into ``target`` (empty, at its beginning) and return its sha256.

    ``files`` are streamed from their spans; memory is a few numbers a file. ``report(done, total)``
    in bytes; ``copied`` is told of each file that is needed no more, ``arrival`` of what of the
    image can be read. Raises ValueError where a name is not level 1 (8.3, upper case, at most eight
    levels), DamagedError when a source became shorter.
    """
    ordered = in_order(files)
    image = IsoImage((file.parts for file in ordered), with_udf)
    placed = image.place(file.span.length for file in ordered)
    total = image.total(placed.end) * SECTOR
    names = Names(volume_id, moment, publisher)
    tail = image.tail(names, placed.end)
    target.truncate(total)
    _write_at(target, placed.end * SECTOR, tail)
    foresight = Foresight()
    if arrival is not None:
        arrival.begin(_opening(ordered, placed))
    with WriteBehind(target, arrival.reached if arrival else None, tail) as out:
        for part in image.tables(names, placed):
            out.write(part)
        for file, soon in zip_longest(ordered, ordered[SOON:]):
            if soon:
                foresight.ask(soon.span)
            out.copy(file.span, lambda: report(out.written, total) if report else None)
            out.write(bytes(-file.span.length % SECTOR))
            copied(file)
    return out.sha256


def _write_at(target: BinaryIO, offset: int, data: bytes) -> None:
    """Readers look for the end of an image before they open it."""
    if data:
        target.seek(offset)
        target.write(data)
        target.flush()
        target.seek(0)


def _opening(files: Sequence[DiscFile], placed: Placed) -> int:
    """Where the first file begins that does not stand in the root."""
    return next((place * SECTOR for file, place in zip(files, placed.places, strict=True)
                 if len(file.parts) > 1), placed.end * SECTOR)


def in_order(files: Sequence[DiscFile]) -> Sequence[DiscFile]:
    """DICOMDIR and its neighbours in the root before all others, which stay as they are."""
    root, others = list[tuple[str, int]](), array("Q")
    for place, file in enumerate(files):
        if len(file.parts) == 1:
            root.append((file.parts[0], place))
        else:
            others.append(place)
    return picked(files, ((place for _, place in sorted(root)), others))


def iso_bytes(files: Sequence[DiscFile], *, with_udf: int = 0) -> int:
    """How long the image of these files will be, to the byte; nothing is read or written."""
    known = in_order(files)
    image = IsoImage((file.parts for file in known), with_udf)
    return image.total(image.place(file.span.length for file in known).end) * SECTOR


def image_size(lengths: Iterable[int], with_udf: int = 0) -> int:
    """No image of files of these lengths is larger, when folders hold ten files or more each."""
    total = 64 * SECTOR + (UDF_SECTORS * SECTOR if with_udf else 0)
    for length in lengths:
        total += file_size(length, with_udf)
    return total


def file_size(length: int, with_udf: int = 0) -> int:
    """What one more file takes at most: whole sectors, its records, its part of the folders."""
    entries = 0 if not with_udf else 3 if with_udf >= 0x0250 else 2
    return -(-length // SECTOR) * SECTOR + SECTOR // 4 + entries * SECTOR
