"""A UDF file entry and the list of its pieces (ECMA-167 4/14.6-4/14.14), nothing followed here."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mediasvc.errors import DamagedError
from mediasvc.media.udf.udf_descriptors import Descriptor, Place
from mediasvc.media.udf.udf_tables import (
    EMBEDDED,
    ENTRY_SIZE,
    EXTENDED,
    EXTENDED_FILE_ENTRY,
    LONG,
    SHORT,
)

#: Bytes of one allocation descriptor (4/14.14.1-4/14.14.3).
SIZES = {SHORT: 8, LONG: 16, EXTENDED: 20}
_SHORT, _EXTENDED = struct.Struct("<II"), struct.Struct("<IIIIH")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """``area`` are the allocation descriptors, or the contents themselves when ``layout`` is
    `EMBEDDED`; ``area_at`` is the byte of the image where it begins. Lengths are bytes."""

    file_type: int
    length: int
    layout: int
    area: bytes
    area_at: int
    has_streams: bool


def parse_entry(found: Descriptor) -> FileEntry:
    """Raises DamagedError when the entry is longer than its block."""
    start = ENTRY_SIZE[found.identifier] + found.field("attributes")
    end = start + found.field("allocation")
    if end > len(found.raw):
        raise DamagedError("its entry on the disc is longer than a block")
    layout, length = found.field("flags") & 7, found.field("information")
    if layout == EMBEDDED and length != end - start:
        raise DamagedError("its contents in the entry are not as long as it says")
    if layout > EMBEDDED:
        raise DamagedError("its entry on the disc is of an unknown form")
    streams = found.identifier == EXTENDED_FILE_ENTRY and found.field("streams") & 0x3FFFFFFF
    return FileEntry(found.field("file_type"), length, layout, found.raw[start:end],
                     found.offset + start, bool(streams))


def allocation(area: bytes, layout: int, partition: int) -> list[Place]:
    """The allocation descriptors of ``area`` up to the one that ends them (4/12).

    Short ones are of ``partition``. Raises DamagedError for an extent that is stored packed: its
    recorded length differs from its information length (4/14.14.3).
    """
    places: list[Place] = []
    for at in range(0, len(area) - SIZES[layout] + 1, SIZES[layout]):
        if layout == LONG:
            place = Place.parse(area[at:at + 16])
        elif layout == SHORT:
            length, block = _SHORT.unpack_from(area, at)
            place = Place(length & 0x3FFFFFFF, block, partition, length >> 30)
        else:
            length, recorded, information, block, number = _EXTENDED.unpack_from(area, at)
            if recorded & 0x3FFFFFFF != information:
                raise DamagedError("it is stored packed")
            place = Place(length & 0x3FFFFFFF, block, number, length >> 30)
        if not place.length:
            break
        places.append(place)
    return places
