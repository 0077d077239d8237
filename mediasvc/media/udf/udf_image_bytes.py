"""Where UDF's descriptors, entries and folders stand in an image beside ISO 9660.

Up to UDF 2.01 the partition begins with the entries. From 2.50 on it begins with a file that holds
them and a copy of that file (UDF 2.2.13), each in ECC blocks of its own. The copy could also stand
at the other end of the disc, but programs that open images (7-Zip) take what stands behind the
last file and is not the last anchor for a damage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from mediasvc.media.iso.image_tree import ImageTree
from mediasvc.media.udf import udf_bytes as udf
from mediasvc.media.udf.udf_bytes import BLOCK, UNIT, Form
from mediasvc.media.udf.udf_tables_bytes import UdfTables
from mediasvc.media.udf.udf_volume_bytes import (
    ANCHOR,
    INTEGRITY,
    MAIN,
    RESERVE,
    Descriptors,
    Extent,
)


class UdfImage:
    """The UDF of one image. Sectors are those of the image."""

    def __init__(self, tree: ImageTree, revision: int) -> None:
        self._form, self._tree = Form(revision), tree
        self._tables = UdfTables(tree, self._form)
        apart = self._form.apart
        self._metadata = _units(self._tables.end) if apart else 0
        #: The partition begins behind the first anchor, with a whole ECC block where there is one.
        self._start = _units(ANCHOR + 1) if apart else ANCHOR + 1
        #: The sector behind what stands in front of the files.
        self.end = self._start + (2 * (UNIT + self._metadata) if apart else self._tables.end)

    def total(self, end: int) -> int:
        """Sectors of the image whose files end before sector ``end``."""
        extent = self._extent(end)
        return extent.start + extent.blocks + 1

    def _extent(self, end: int) -> Extent:
        used = end - self._start
        if not self._form.apart:
            return Extent(self._start, used)
        return Extent(self._start, _units(used), self._metadata, UNIT + 2 * self._metadata)

    def head(self, sector: int, volume_id: str, places: Sequence[int], lengths: Sequence[int],
             end: int, moment: datetime) -> Iterator[bytes]:
        """From ``sector`` to `end`."""
        extent, tree = self._extent(end), self._tree
        words = Descriptors(self._form, volume_id, moment)
        parts = [
            (sector, words.recognition()),
            *((at, words.sequence(at, extent)) for at in (MAIN, RESERVE)),
            (INTEGRITY, words.integrity(len(tree.names), len(tree.folders), extent,
                                        self._tables.next_unique)),
            (ANCHOR, words.anchor(ANCHOR))]
        for at, data in parts:
            yield bytes((at - sector) * BLOCK) + data
            sector = at + len(data) // BLOCK
        yield bytes((self._start - sector) * BLOCK)
        if not self._form.apart:
            yield from self._entries(words, places, lengths, moment)
            return
        yield self._file(udf.METADATA, 0, UNIT, moment)
        for _ in range(2):
            yield from self._entries(words, places, lengths, moment)
            yield bytes((self._metadata - self._tables.end) * BLOCK)
        yield self._file(udf.MIRROR, extent.mirror, UNIT + self._metadata, moment)

    def tail(self, volume_id: str, end: int, moment: datetime) -> bytes:
        """What stands behind the last file: the rest of its ECC block, the last anchor."""
        extent = self._extent(end)
        sector = extent.start + extent.blocks
        words = Descriptors(self._form, volume_id, moment)
        return bytes((sector - end) * BLOCK) + words.anchor(sector)

    def _entries(self, words: Descriptors, places: Sequence[int], lengths: Sequence[int],
                 moment: datetime) -> Iterator[bytes]:
        yield words.file_set()
        yield from self._tables.write(places, lengths, self._start, moment)

    def _file(self, kind: int, at: int, block: int, moment: datetime) -> bytes:
        """The entry of the file that the entries stand in, as a whole unit; no name leads to it."""
        entry = self._form.entry(kind, self._metadata * BLOCK, block, at, 0, udf.stamp(moment), 0)
        return entry.ljust(UNIT * BLOCK, b"\0")


def _units(blocks: int) -> int:
    return -(-blocks // UNIT) * UNIT
