"""ISO 9660 volume descriptors and directory records (ECMA-119, Joliet), read from raw bytes.

Independent of the library that writes our discs, because it is what checks them. Nothing here
follows a structure: see `iso_tree` for the walk. The path table is never used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.errors import DamagedError
from mediasvc.media.window import Window

SECTOR = 2048
#: Volume descriptors begin after the system area (ECMA-119 6.2.1).
FIRST_DESCRIPTOR = 16
DESCRIPTOR_LIMIT = 64
STANDARD_IDENTIFIER = b"CD001"
PRIMARY, SUPPLEMENTARY, TERMINATOR = 1, 2, 255
#: Escape sequences that announce UCS-2 levels 1 to 3 (Joliet 3).
JOLIET_ESCAPES = (b"%/@", b"%/C", b"%/E")
#: Records are never longer than a byte can say, nor split over sectors (ECMA-119 6.8.1.1).
RECORD_HEAD = struct.Struct("<BBIIII7sBBBHHB")
ASSOCIATED, DIRECTORY, MULTI_EXTENT = 0x04, 0x02, 0x80
_CHUNK_SECTORS = 32


@dataclass(frozen=True, slots=True)
class Volume:
    """One primary or supplementary descriptor. Extents are byte offsets, lengths bytes.

    ``sector`` is where the descriptor lies, ``raw`` its 2048 bytes for whoever checks them.
    """

    kind: int
    joliet: bool
    sector: int
    system_identifier: str
    identifier: str
    space: int
    block: int
    root: Record
    raw: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """One directory record (ECMA-119 9.1). ``offset`` is the byte offset of the data."""

    name: bytes
    offset: int
    length: int
    flags: int
    interleaved: bool
    volume_number: int
    agrees: bool
    system_use: bytes

    @property
    def is_directory(self) -> bool:
        return bool(self.flags & DIRECTORY)


def read_volumes(window: Window, first_sector: int = FIRST_DESCRIPTOR) -> tuple[Volume, ...]:
    """Primary and Joliet descriptors of the session whose set begins at ``first_sector``.

    Raises DamagedError when there is no primary descriptor that makes sense.
    """
    volumes: list[Volume] = []
    for sector in range(first_sector, first_sector + DESCRIPTOR_LIMIT):
        raw = window.head(sector * SECTOR, SECTOR)
        if len(raw) < SECTOR or raw[1:6] != STANDARD_IDENTIFIER or raw[0] == TERMINATOR:
            break
        if raw[0] == PRIMARY or (raw[0] == SUPPLEMENTARY and raw[88:91] in JOLIET_ESCAPES):
            volumes.append(_volume(raw, sector))
    if not any(volume.kind == PRIMARY for volume in volumes):
        raise DamagedError("the disc image has no primary volume descriptor")
    return tuple(volumes)


def _volume(raw: bytes, sector: int) -> Volume:
    joliet = raw[0] == SUPPLEMENTARY
    encoding = "utf-16-be" if joliet else "ascii"
    block = struct.unpack_from("<H", raw, 128)[0]
    if block not in (512, 1024, 2048):
        raise DamagedError("the disc image states an impossible block size")
    root = parse_record(raw[156:190], block)
    if root is None or not root.is_directory:
        raise DamagedError("the disc image has no root directory")
    return Volume(
        kind=raw[0], joliet=joliet, sector=sector,
        system_identifier=raw[8:40].decode(encoding, "replace"),
        identifier=raw[40:72].decode(encoding, "replace"),
        space=struct.unpack_from("<I", raw, 80)[0] * block, block=block, root=root, raw=raw)


def parse_record(data: bytes, block: int) -> Record | None:
    """The record that ``data`` begins with, None when it contradicts itself (ECMA-119 9.1)."""
    if len(data) < RECORD_HEAD.size + 1:
        return None
    (size, extended, extent, extent_big, length, length_big, _, flags, unit, gap, volume, _,
     name_length) = RECORD_HEAD.unpack_from(data)
    padded = RECORD_HEAD.size + name_length + (name_length + 1) % 2
    if size > len(data) or not name_length or RECORD_HEAD.size + name_length > size:
        return None
    agrees = extent == _swapped(extent_big) and length == _swapped(length_big)
    return Record(
        name=data[RECORD_HEAD.size:RECORD_HEAD.size + name_length],
        offset=(extent + extended) * block, length=length, flags=flags,
        interleaved=bool(unit or gap), volume_number=volume, agrees=agrees,
        system_use=data[padded:size])


def _swapped(value: int) -> int:
    return int.from_bytes(value.to_bytes(4, "little"), "big")


def records(window: Window, offset: int, length: int, block: int) -> Iterator[Record | None]:
    """The records of a directory extent; None for each sector whose rest cannot be read.

    Raises DamagedError when the extent leaves the file.
    """
    if offset + length > window.length:
        raise DamagedError("the directory lies past the end of the image")
    for start in range(0, length, _CHUNK_SECTORS * SECTOR):
        chunk = window.read(offset + start, min(_CHUNK_SECTORS * SECTOR, length - start))
        for sector in range(0, len(chunk), SECTOR):
            yield from _sector_records(chunk[sector:sector + SECTOR], block)


def _sector_records(sector: bytes, block: int) -> Iterator[Record | None]:
    at = 0
    while at < len(sector) and (size := sector[at]):
        record = parse_record(sector[at:at + size], block) if at + size <= len(sector) else None
        yield record
        if record is None:
            return
        at += size


def plain_name(raw: bytes) -> str:
    """``IM000001.;1`` → ``IM000001``; other versions than 1 stay visible.

    ISO 9660:1999 ("level 4") allows any bytes; they are UTF-8 in practice.
    """
    name = raw.decode("utf-8", "surrogateescape")
    stem = name.removesuffix(";1")
    return stem.removesuffix(".") if stem.strip(".") else stem


def joliet_name(raw: bytes) -> str | None:
    """A UCS-2 name without ``;1``; None when its length is odd."""
    return None if len(raw) % 2 else raw.decode("utf-16-be", "surrogatepass").removesuffix(";1")
