"""Descriptors of a UDF volume as bytes (ECMA-167, UDF 1.02), for discs that are being written.

The reader that judges an image (`udf_volume` and its neighbours) shares nothing with this.
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from datetime import UTC, datetime

BLOCK = 2048
REVISION = 0x0102
#: Tags (3/7.2.1, 4/7.2.1).
PRIMARY, ANCHOR, IMPLEMENTATION, PARTITION, LOGICAL, UNALLOCATED, END, INTEGRITY = (
    1, 2, 4, 5, 6, 7, 8, 9)
FILE_SET, NAME, ENTRY = 256, 257, 261
FOLDER, FILE = 4, 5
_TAG = struct.Struct("<HHBBHHHI")
#: Read-only, in the suffix of the domain (UDF 2.1.4.3).
_READ_ONLY = 3
#: Everybody may read, and look into folders (4/14.9.5).
_READ, _LOOK = 0x1084, 0x14A5
#: An extent is shorter than 1 GiB and ends with a whole block, but for the last one (4/14.14.1.1).
MOST = (1 << 30) - BLOCK


def tagged(identifier: int, location: int, body: bytes) -> bytes:
    """A descriptor with its tag (3/7.2); ``location`` is the block where it will stand."""
    crc = crc_hqx(body, 0)
    tag = _TAG.pack(identifier, 2, 0, 0, 0, crc, len(body), location)
    return tag[:4] + bytes((sum(tag) & 0xFF,)) + tag[5:] + body


def whole(data: bytes) -> bytes:
    """Filled up to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def entity(name: str, suffix: bytes = b"") -> bytes:
    """1/7.4"""
    return b"\0" + name.encode().ljust(23, b"\0") + suffix.ljust(8, b"\0")


def domain() -> bytes:
    return entity("*OSTA UDF Compliant", struct.pack("<HB", REVISION, _READ_ONLY))


def ourselves() -> bytes:
    return entity("*MEDIASVC")


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


def place(length: int, block: int, unique: int = 0) -> bytes:
    """A long allocation descriptor in the only partition (4/14.14.2, UDF 2.3.4.3)."""
    return struct.pack("<IIHHI", length, block, 0, 0, unique)


def extents(length: int, block: int) -> bytes:
    """Short allocation descriptors of bytes that follow each other (4/14.14.1)."""
    parts = []
    while length:
        taken = min(length, MOST)
        parts.append(struct.pack("<II", taken, block))
        block += taken // BLOCK
        length -= taken
    return b"".join(parts)


def name(written: str, is_folder: bool, block: int, unique: int, location: int) -> bytes:
    """A file identifier descriptor (4/14.4); an empty name is the way up."""
    flags = 2 * is_folder | (0 if written else 8)
    shown = b"\x08" + written.encode() if written else b""
    body = struct.pack("<HBB", 1, flags, len(shown)) + place(BLOCK, block, unique)
    body += b"\0\0" + shown
    return tagged(NAME, location, body + bytes(-(len(body) + 16) % 4))


def name_length(written: str) -> int:
    length = 38 + (1 + len(written) if written else 0)
    return length + -length % 4


def entry(kind: int, length: int, block: int, location: int, unique: int, when: bytes,
          links: int = 1) -> bytes:
    """A file entry (4/14.9) of ``length`` bytes from ``block`` on, as a whole block."""
    where = extents(length, block)
    icb = struct.pack("<IH2sHBB6sH", 0, 4, b"", 1, 0, kind, b"", 0)
    body = icb + struct.pack(
        "<IIIHBBIQQ", 0xFFFFFFFF, 0xFFFFFFFF, _READ if kind == FILE else _LOOK, links, 0, 0, 0,
        length, -(-length // BLOCK)) + 3 * when + struct.pack("<I", 1) + bytes(16)
    body += ourselves() + struct.pack("<QII", unique, 0, len(where)) + where
    return whole(tagged(ENTRY, location, body))
