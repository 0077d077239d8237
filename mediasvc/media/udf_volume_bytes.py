"""What a UDF volume says of itself, as bytes (ECMA-167 part 3, UDF 1.02), for new discs."""

from __future__ import annotations

import struct
from datetime import datetime

from mediasvc.media import udf_bytes as udf
from mediasvc.media.udf_bytes import BLOCK, charset, domain, ourselves, stamp, tagged, text, whole

#: Sectors: the second set of descriptors, what says that nobody writes any more, the anchor.
MAIN, RESERVE, INTEGRITY, ANCHOR = 32, 48, 64, 256
SEQUENCE = 16
#: The partition begins behind the first anchor.
START = ANCHOR + 1
#: Blocks of the partition: its file set, what ends it, and the entry of the root.
FILE_SET, ROOT_ENTRY = 0, 2


def recognition() -> bytes:
    """Three sectors that say "NSR02" (2/9.1, 3/9.1)."""
    return b"".join(whole(b"\0" + word + b"\1") for word in (b"BEA01", b"NSR02", b"TEA01"))


def anchor(sector: int) -> bytes:
    """3/10.2"""
    size = SEQUENCE * BLOCK
    return whole(tagged(udf.ANCHOR, sector, struct.pack("<IIII", size, MAIN, size, RESERVE)
                        + bytes(480)))


def sequence(sector: int, volume_id: str, blocks: int, moment: datetime) -> bytes:
    """A volume descriptor sequence (3/8.4.2) at ``sector``; the partition has ``blocks``."""
    parts = [(udf.PRIMARY, _primary(volume_id, moment)), (udf.LOGICAL, _logical(volume_id)),
             (udf.PARTITION, _partition(blocks)), (udf.UNALLOCATED, struct.pack("<II", 3, 0)),
             (udf.IMPLEMENTATION, _implementation(volume_id)), (udf.END, bytes(496))]
    data = b"".join(whole(tagged(kind, sector + at, body)) for at, (kind, body) in enumerate(parts))
    return data.ljust(SEQUENCE * BLOCK, b"\0")


def _primary(volume_id: str, moment: datetime) -> bytes:
    """3/10.1"""
    unique = f"{int(moment.timestamp()) & 0xFFFFFFFF:08X}{volume_id}"
    return b"".join((
        struct.pack("<II", 0, 0), text(volume_id, 32), struct.pack("<HHHHII", 1, 1, 2, 2, 1, 1),
        text(unique, 128), charset(), charset(), bytes(16), ourselves(), stamp(moment),
        ourselves(), bytes(64), struct.pack("<IH", 0, 0), bytes(22)))


def _logical(volume_id: str) -> bytes:
    """3/10.6, one partition map of type 1 (3/10.7.2)."""
    return b"".join((
        struct.pack("<I", 1), charset(), text(volume_id, 128), struct.pack("<I", BLOCK), domain(),
        udf.place(2 * BLOCK, FILE_SET), struct.pack("<II", 6, 1), ourselves(), bytes(128),
        struct.pack("<II", 2 * BLOCK, INTEGRITY), struct.pack("<BBHH", 1, 6, 1, 0)))


def _partition(blocks: int) -> bytes:
    """3/10.5; read-only."""
    return b"".join((
        struct.pack("<IHH", 2, 1, 0), udf.entity("+NSR02"), bytes(128),
        struct.pack("<III", 1, START, blocks), ourselves(), bytes(128), bytes(156)))


def _implementation(volume_id: str) -> bytes:
    """UDF 2.2.7"""
    return b"".join((
        struct.pack("<I", 4), udf.entity("*UDF LV Info", struct.pack("<H", udf.REVISION)),
        charset(), text(volume_id, 128), text("", 36), text("", 36), text("", 36), ourselves(),
        bytes(128)))


def integrity(files: int, folders: int, blocks: int, next_unique: int, moment: datetime) -> bytes:
    """Two sectors: the volume was closed (3/10.10, UDF 2.2.6), and no more follows."""
    body = b"".join((
        stamp(moment), struct.pack("<III", 1, 0, 0), struct.pack("<Q", next_unique), bytes(24),
        struct.pack("<IIII", 1, 46, 0, blocks), ourselves(),
        struct.pack("<IIHHH", files, folders, *[udf.REVISION] * 3)))
    return (whole(tagged(udf.INTEGRITY, INTEGRITY, body))
            + whole(tagged(udf.END, INTEGRITY + 1, bytes(496))))


def file_set(volume_id: str, moment: datetime) -> bytes:
    """Two blocks: the file set (4/14.1), and no more follows."""
    body = b"".join((
        stamp(moment), struct.pack("<HHIIII", 3, 3, 1, 1, 0, 0), charset(), text(volume_id, 128),
        charset(), text(volume_id, 32), text("", 32), text("", 32),
        udf.place(BLOCK, ROOT_ENTRY), domain(), bytes(16), bytes(48)))
    return (whole(tagged(udf.FILE_SET, FILE_SET, body))
            + whole(tagged(udf.END, FILE_SET + 1, bytes(496))))
