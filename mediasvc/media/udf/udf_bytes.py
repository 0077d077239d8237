"""Descriptors of a UDF volume as bytes (ECMA-167, UDF 1.02 to 2.60), for discs being written.

The reader that judges an image (`udf_volume` and its neighbours) shares nothing with this.
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

BLOCK = 2048
#: Tags (3/7.2.1, 4/7.2.1).
PRIMARY, ANCHOR, IMPLEMENTATION, PARTITION, LOGICAL, UNALLOCATED, END, INTEGRITY = (
    1, 2, 4, 5, 6, 7, 8, 9)
FILE_SET, NAME, ENTRY, EXTENDED_ENTRY = 256, 257, 261, 266
FOLDER, FILE, METADATA, MIRROR = 4, 5, 250, 251
_TAG = struct.Struct("<HHBBHHHI")
#: Read-only, in the suffix of the domain (UDF 2.1.4.3).
_READ_ONLY = 3
#: Everybody may read, and look into folders (4/14.9.5).
_READ, _LOOK = 0x1084, 0x14A5
#: An extent is shorter than 1 GiB and ends with a whole block, but for the last one
#: (4/14.14.1.1), that of a metadata file with a whole unit (UDF 2.2.13.1).
MOST = (1 << 30) - 32 * BLOCK
#: How the pieces of an entry are written down (4/14.6.8).
LONG = 1
#: Blocks of an ECC block of BD, and the least unit of a metadata file (UDF 2.2.10).
UNIT = 32


@dataclass(frozen=True, slots=True)
class Form:
    """What a revision of UDF makes different, as the domain writes it (0x0102, 0x0250 …).

    From 2.50 on all entries and folders stand in a partition of their own, which is a file
    (UDF 2.2.10, 2.2.13); on read-only partitions 2.60 differs from 2.50 by its number only.
    """

    revision: int

    @property
    def apart(self) -> bool:
        """Entries and folders stand in a metadata partition."""
        return self.revision >= 0x0250

    @property
    def third(self) -> bool:
        """ECMA-167 3rd edition: NSR03, its tags, extended file entries."""
        return self.revision >= 0x0200

    @property
    def least(self) -> int:
        """The revision that a reader must know (UDF 2.2.6.4)."""
        return min(self.revision, 0x0250)

    @property
    def folders(self) -> int:
        """Number of the partition map by which folders and entries are found (3/10.7)."""
        return 1 if self.apart else 0

    def tagged(self, identifier: int, location: int, body: bytes) -> bytes:
        """A descriptor with its tag (3/7.2); ``location`` is the block where it will stand."""
        crc = crc_hqx(body, 0)
        tag = _TAG.pack(identifier, 3 if self.third else 2, 0, 0, 0, crc, len(body), location)
        return tag[:4] + bytes((sum(tag) & 0xFF,)) + tag[5:] + body

    def domain(self) -> bytes:
        return entity("*OSTA UDF Compliant", struct.pack("<HB", self.revision, _READ_ONLY))

    def name(self, written: str, is_folder: bool, block: int, unique: int,
             location: int) -> bytes:
        """A file identifier descriptor (4/14.4); an empty name is the way up."""
        flags = 2 * is_folder | (0 if written else 8)
        shown = b"\x08" + written.encode() if written else b""
        body = struct.pack("<HBB", 1, flags, len(shown))
        body += place(BLOCK, block, unique, self.folders) + b"\0\0" + shown
        return self.tagged(NAME, location, body + bytes(-(len(body) + 16) % 4))

    def entry(self, kind: int, length: int, block: int, location: int, unique: int, when: bytes,
              links: int = 1) -> bytes:
        """The entry of ``length`` bytes from ``block`` on (4/14.9, 4/14.17), as a whole block."""
        far = self.apart and kind == FILE
        where = far_extents(length, block) if far else extents(length, block)
        icb = struct.pack("<IH2sHBB6sH", 0, 4, b"", 1, 0, kind, b"", LONG if far else 0)
        mode = _LOOK if kind == FOLDER else _READ
        blocks = -(-length // BLOCK)
        body = icb + struct.pack("<IIIHBBI", 0xFFFFFFFF, 0xFFFFFFFF, mode, links, 0, 0, 0)
        if self.third:
            body += struct.pack("<QQQ", length, length, blocks) + 4 * when
            body += struct.pack("<II", 1, 0) + bytes(32)
        else:
            body += struct.pack("<QQ", length, blocks) + 3 * when + struct.pack("<I", 1) + bytes(16)
        body += OURSELVES + struct.pack("<QII", unique, 0, len(where)) + where
        return whole(self.tagged(EXTENDED_ENTRY if self.third else ENTRY, location, body))


def whole(data: bytes) -> bytes:
    """Filled up to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def entity(name: str, suffix: bytes = b"") -> bytes:
    """1/7.4"""
    return b"\0" + name.encode().ljust(23, b"\0") + suffix.ljust(8, b"\0")


#: Who wrote an entry.
OURSELVES = entity("*MEDIASVC")


def charset() -> bytes:
    """1/7.2.1, UDF 2.1.2"""
    return b"\0" + b"OSTA Compressed Unicode".ljust(63, b"\0")


def text(value: str, size: int) -> bytes:
    """A dstring of ``size`` bytes (1/7.2.12)."""
    data = b"\x08" + value.encode("latin-1", "replace")[:size - 2] if value else b""
    return data.ljust(size - 1, b"\0") + bytes((len(data),))


def stamp(moment: datetime) -> bytes:
    """1/7.3, in UTC"""
    at = moment.astimezone(UTC)
    return struct.pack("<HhBBBBBBBB", 1 << 12, at.year, at.month, at.day, at.hour, at.minute,
                       at.second, 0, 0, 0)


def place(length: int, block: int, unique: int = 0, partition: int = 0) -> bytes:
    """A long allocation descriptor (4/14.14.2, UDF 2.3.4.3)."""
    return struct.pack("<IIHHI", length, block, partition, 0, unique)


def extents(length: int, block: int) -> bytes:
    """Short allocation descriptors of bytes that follow each other (4/14.14.1)."""
    return b"".join(struct.pack("<II", taken, at) for taken, at in _pieces(length, block))


def far_extents(length: int, block: int) -> bytes:
    """Long ones, which name the partition beside that of the entries (4/14.14.2)."""
    return b"".join(place(taken, at) for taken, at in _pieces(length, block))


def _pieces(length: int, block: int) -> Iterator[tuple[int, int]]:
    while length:
        taken = min(length, MOST)
        yield taken, block
        block += taken // BLOCK
        length -= taken


def name_length(written: str) -> int:
    length = 38 + (1 + len(written) if written else 0)
    return length + -length % 4

