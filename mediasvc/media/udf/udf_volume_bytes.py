"""What a UDF volume says of itself, as bytes (ECMA-167 part 3), for new discs."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime

from mediasvc.media.udf import udf_bytes as udf
from mediasvc.media.udf.udf_bytes import BLOCK, OURSELVES, UNIT, Form, charset, stamp, text, whole

#: Sectors: the second set of descriptors, what says that nobody writes any more, the anchor.
MAIN, RESERVE, INTEGRITY, ANCHOR = 32, 48, 64, 256
SEQUENCE = 16
#: Blocks of the file set, of what ends it, and of the entry of the root.
FILE_SET, ROOT_ENTRY = 0, 2
#: No bitmap of a metadata file: nobody writes there (UDF 2.2.10).
_NONE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Extent:
    """Where the partition is: its first sector and its blocks. ``metadata``: blocks of the
    metadata partition, whose file begins with the partition; ``mirror``: block of the entry of
    its copy."""

    start: int
    blocks: int
    metadata: int = 0
    mirror: int = 0


class Descriptors:
    """What stands outside the partition, and the file set in it."""

    def __init__(self, form: Form, volume_id: str, moment: datetime) -> None:
        self._form, self._name, self._moment = form, volume_id, moment

    def recognition(self) -> bytes:
        """Three sectors that say "NSR02" or "NSR03" (2/9.1, 3/9.1)."""
        return b"".join(whole(b"\0" + word + b"\1") for word in (b"BEA01", self._nsr, b"TEA01"))

    @property
    def _nsr(self) -> bytes:
        return b"NSR03" if self._form.third else b"NSR02"

    def anchor(self, sector: int) -> bytes:
        """3/10.2"""
        size = SEQUENCE * BLOCK
        return whole(self._form.tagged(udf.ANCHOR, sector, struct.pack(
            "<IIII", size, MAIN, size, RESERVE) + bytes(480)))

    def sequence(self, sector: int, extent: Extent) -> bytes:
        """A volume descriptor sequence (3/8.4.2) at ``sector``."""
        parts = [(udf.PRIMARY, self._primary()), (udf.LOGICAL, self._logical(extent)),
                 (udf.PARTITION, self._partition(extent)),
                 (udf.UNALLOCATED, struct.pack("<II", 3, 0)),
                 (udf.IMPLEMENTATION, self._implementation()), (udf.END, bytes(496))]
        data = b"".join(whole(self._form.tagged(kind, sector + at, body))
                        for at, (kind, body) in enumerate(parts))
        return data.ljust(SEQUENCE * BLOCK, b"\0")

    def _primary(self) -> bytes:
        """3/10.1; both interchange levels are 2 (PS3.12 P.2.1.1, X.2.1.1)."""
        unique = f"{int(self._moment.timestamp()) & 0xFFFFFFFF:08X}{self._name}"
        return b"".join((
            struct.pack("<II", 0, 0), text(self._name, 32),
            struct.pack("<HHHHII", 1, 1, 2, 2, 1, 1), text(unique, 128), charset(), charset(),
            bytes(16), OURSELVES, stamp(self._moment), OURSELVES, bytes(64),
            struct.pack("<IH", 0, 0), bytes(22)))

    def _logical(self, extent: Extent) -> bytes:
        """3/10.6, a partition map of type 1 (3/10.7.2) and one of metadata (UDF 2.2.10)."""
        maps = struct.pack("<BBHH", 1, 6, 1, 0)
        if self._form.apart:
            maps += struct.pack("<BBxx", 2, 64) + self._identified("*UDF Metadata Partition")
            maps += struct.pack("<HHIIIIHB5x", 1, 0, 0, extent.mirror, _NONE, UNIT, UNIT, 1)
        return b"".join((
            struct.pack("<I", 1), charset(), text(self._name, 128), struct.pack("<I", BLOCK),
            self._form.domain(), udf.place(2 * BLOCK, FILE_SET, 0, self._form.folders),
            struct.pack("<II", len(maps), 2 if self._form.apart else 1), OURSELVES, bytes(128),
            struct.pack("<II", 2 * BLOCK, INTEGRITY), maps))

    def _identified(self, name: str) -> bytes:
        """An identifier of UDF's own with the revision (UDF 2.1.5.3)."""
        return udf.entity(name, struct.pack("<H", self._form.revision))

    def _partition(self, extent: Extent) -> bytes:
        """3/10.5; read-only."""
        return b"".join((
            struct.pack("<IHH", 2, 1, 0), udf.entity("+" + self._nsr.decode()), bytes(128),
            struct.pack("<III", 1, extent.start, extent.blocks), OURSELVES, bytes(128),
            bytes(156)))

    def _implementation(self) -> bytes:
        """UDF 2.2.7"""
        return b"".join((
            struct.pack("<I", 4), self._identified("*UDF LV Info"), charset(),
            text(self._name, 128), text("", 36), text("", 36), text("", 36), OURSELVES,
            bytes(128)))

    def integrity(self, files: int, folders: int, extent: Extent, next_unique: int) -> bytes:
        """Two sectors: the volume was closed (3/10.10, UDF 2.2.6), and no more follows."""
        form = self._form
        sizes = (extent.blocks, extent.metadata) if form.apart else (extent.blocks,)
        body = b"".join((
            stamp(self._moment), struct.pack("<III", 1, 0, 0), struct.pack("<Q", next_unique),
            bytes(24), struct.pack("<II", len(sizes), 46), bytes(4 * len(sizes)),
            struct.pack(f"<{len(sizes)}I", *sizes), OURSELVES,
            struct.pack("<IIHHH", files, folders, form.least, form.least, form.revision)))
        return (whole(form.tagged(udf.INTEGRITY, INTEGRITY, body))
                + whole(form.tagged(udf.END, INTEGRITY + 1, bytes(496))))

    def file_set(self) -> bytes:
        """Two blocks: the file set (4/14.1), and no more follows."""
        form = self._form
        body = b"".join((
            stamp(self._moment), struct.pack("<HHIIII", 3, 3, 1, 1, 0, 0), charset(),
            text(self._name, 128), charset(), text(self._name, 32), text("", 32), text("", 32),
            udf.place(BLOCK, ROOT_ENTRY, 0, form.folders), form.domain(), bytes(16), bytes(48)))
        return (whole(form.tagged(udf.FILE_SET, FILE_SET, body))
                + whole(form.tagged(udf.END, FILE_SET + 1, bytes(496))))
