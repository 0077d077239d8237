"""The part of an image that belongs to no file, vouched for by a hash in the image itself.

Files are in the list of hashes, the rest (descriptors, directories, path tables, UDF) is hashed
into the application-use field of the primary volume descriptor (ECMA-119 8.4.32), which that hash
takes as blank. Together with zeros between files, no byte of the image can change unnoticed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

SECTOR = 2048
DESCRIPTOR = 16 * SECTOR
FIELD = DESCRIPTOR + 883
FIELD_LENGTH = 512
CHUNK = 1 << 20
_SEAL = re.compile(rb"MEDIASVC SEAL 1 FILES (\d{1,12})-(\d{1,12}) SHA256 ([0-9a-f]{64}) *")

#: (offset, length) → bytes
Read = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Seal:
    """``start`` to ``end``: the bytes where files lie; everything else is hashed."""

    start: int
    end: int
    sha256: str

    def field(self) -> bytes:
        return (f"MEDIASVC SEAL 1 FILES {self.start}-{self.end} SHA256 {self.sha256}"
                .encode().ljust(FIELD_LENGTH))


def make_seal(read: Read, length: int, start: int, end: int) -> Seal:
    """Of an image of ``length`` bytes whose files lie in ``start`` to ``end``."""
    digest = hashlib.sha256(read(0, FIELD) + b" " * FIELD_LENGTH)
    for first, last in ((FIELD + FIELD_LENGTH, start), (end, length)):
        for at in range(first, last, CHUNK):
            digest.update(read(at, min(CHUNK, last - at)))
    return Seal(start, end, digest.hexdigest())


def read_seal(descriptor: bytes) -> Seal | None:
    """The seal in a primary volume descriptor (2048 bytes), None where there is none."""
    found = _SEAL.fullmatch(descriptor[883:883 + FIELD_LENGTH])
    return Seal(int(found[1]), int(found[2]), found[3].decode()) if found else None


def holds(seal: Seal, read: Read, length: int) -> bool:
    """Whether the image is as it was sealed."""
    inside = FIELD + FIELD_LENGTH <= seal.start <= seal.end <= length
    return inside and make_seal(read, length, seal.start, seal.end) == seal
