"""Single UDF descriptors, taken apart and checked (ECMA-167 3/7.2). Nothing is followed here."""

from __future__ import annotations

import struct
from binascii import crc_hqx
from dataclasses import dataclass
from typing import Any

from mediasvc.errors import DamagedError
from mediasvc.media.udf.udf_tables import FIELDS, TAG


@dataclass(frozen=True, slots=True)
class Place:
    """A long allocation descriptor (4/14.14.2): ``length`` bytes at a block of a partition.

    ``kind`` are the top two bits of the length.
    """

    length: int
    block: int
    partition: int
    kind: int = 0

    @classmethod
    def parse(cls, raw: bytes) -> Place:
        length, block, partition = struct.unpack_from("<IIH", raw)
        return cls(length & 0x3FFFFFFF, block, partition, length >> 30)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """``identifier`` and ``location`` are the tag's; ``raw`` is the whole block, which lies at the
    byte ``offset`` of the image."""

    identifier: int
    location: int
    raw: bytes
    offset: int

    def field(self, name: str) -> Any:
        """A field of `FIELDS`: an int, or bytes."""
        at, layout = FIELDS[self.identifier][name]
        return struct.unpack_from(layout, self.raw, at)[0]

    def place(self, name: str) -> Place:
        return Place.parse(self.field(name))


def parse_descriptor(raw: bytes, offset: int) -> Descriptor:
    """The descriptor that ``raw`` begins with.

    Raises DamagedError when checksum or CRC of its tag are wrong (3/7.2.3, 3/7.2.6) or ``raw`` is
    too short for the fields that its kind has.
    """
    if len(raw) < TAG.size:
        raise DamagedError("a descriptor of the disc is cut off")
    identifier, _, checksum, _, crc, crc_length, location = TAG.unpack_from(raw)
    if (sum(raw[:TAG.size]) - raw[4]) & 0xFF != checksum or not any(raw[:TAG.size]):
        raise DamagedError("a descriptor of the disc is not there")
    if TAG.size + crc_length > len(raw):
        raise DamagedError("a descriptor of the disc is cut off")
    if crc_hqx(raw[TAG.size:TAG.size + crc_length], 0) != crc:
        raise DamagedError("a descriptor of the disc is damaged")
    end = max((at + struct.calcsize(layout)
               for at, layout in FIELDS.get(identifier, {}).values()), default=0)
    if len(raw) < end:
        raise DamagedError("a descriptor of the disc is cut off")
    return Descriptor(identifier, location, raw, offset)
