"""Local headers of a zip: do they say the same as the central directory? (FAULTS M20)"""

from __future__ import annotations

import struct

from mediasvc.errors import DamagedError
from mediasvc.media.packed.zip_directory import (
    DESCRIPTOR,
    ENCRYPTED,
    FULL32,
    LOCAL,
    UTF8,
    ZIP64,
    ZipEntry,
    fields,
    wide_values,
)
from mediasvc.media.window import Window

#: Local file header (4.3.7) without name and extra field.
LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
_GUESS = 512


def locate(window: Window, entry: ZipEntry) -> int:
    """Where an entry's packed bytes begin. Raises DamagedError when its two headers disagree."""
    raw = window.head(entry.local, LOCAL_HEADER.size + _GUESS)
    if len(raw) < LOCAL_HEADER.size or raw[:4] != LOCAL:
        raise DamagedError("it is not where the zip's list says")
    (_, _, flags, method, _, _, crc, packed, length, name_length,
     extra_length) = LOCAL_HEADER.unpack_from(raw)
    start: int = LOCAL_HEADER.size + name_length + extra_length
    if start > len(raw):
        raw = window.read(entry.local, start)
    name_end = LOCAL_HEADER.size + name_length
    if raw[LOCAL_HEADER.size:name_end] != entry.name:
        raise DamagedError("it has two different names")
    length, packed = wide_values(fields(raw[name_end:start]).get(ZIP64, b""),
                                 (length, FULL32), (packed, FULL32))
    compared = ENCRYPTED if entry.name.isascii() else ENCRYPTED | UTF8
    if method != entry.method or (flags ^ entry.flags) & compared:
        raise DamagedError("its two headers state different formats")
    stated, listed = (crc, packed, length), (entry.crc, entry.packed, entry.length)
    if stated != listed and not (flags & DESCRIPTOR and _open(stated, listed)):
        raise DamagedError("its two headers state different lengths or checksums")
    return entry.local + start


def _open(stated: tuple[int, ...], listed: tuple[int, ...]) -> bool:
    """Whether numbers that a descriptor states later were left open (0, or full for zip64)."""
    return all(here in (0, FULL32, there) for here, there in zip(stated, listed, strict=True))
