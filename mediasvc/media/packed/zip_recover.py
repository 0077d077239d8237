"""What can still be read of a zip without its end: its local headers, one after the other."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.budget import Budget
from mediasvc.media.packed.inflate import DEFLATED, OUTPUT
from mediasvc.media.packed.zip_directory import (
    AES,
    DESCRIPTOR,
    FULL32,
    LOCAL,
    UNICODE_PATH,
    ZIP64,
    ZipEntry,
    fields,
    wide_values,
)
from mediasvc.media.packed.zip_local import LOCAL_HEADER
from mediasvc.media.window import Window

DESCRIPTOR_MARK = b"PK\x07\x08"
_CHUNK = 1 << 18


def recover(window: Window, budget: Budget) -> Iterator[ZipEntry]:
    """Entries from the start of the file on, until one is cut off or makes no sense.

    The attributes that only the central directory has are unknown and 0. Entries of unknown
    length are inflated to find their end, at the expense of ``budget``.
    """
    at = 0
    while window.head(at, 4) == LOCAL:
        try:
            entry, at = _entry(window, at, budget)
        except (DamagedError, BudgetError):
            return
        yield entry


def _entry(window: Window, at: int, budget: Budget) -> tuple[ZipEntry, int]:
    """(the entry at ``at``, where the next one begins)."""
    (_, _, flags, method, time, _, crc, packed, length, name_length,
     extra_length) = LOCAL_HEADER.unpack(window.read(at, LOCAL_HEADER.size))
    start = at + LOCAL_HEADER.size + name_length + extra_length
    rest = window.read(at + LOCAL_HEADER.size, name_length + extra_length)
    extra = fields(rest[name_length:])
    length, packed = wide_values(extra.get(ZIP64, b""), (length, FULL32), (packed, FULL32))
    end = start + packed
    if flags & DESCRIPTOR:
        if method != DEFLATED or flags & 1:
            raise DamagedError("its length is unknown")
        packed, length, crc = _measure(window, start, budget)
        end = _after_descriptor(window, start + packed, crc)
    if end > window.length:
        raise DamagedError("it is cut off")
    return ZipEntry(rest[:name_length], extra.get(UNICODE_PATH, b""), flags, method, time, crc,
                    packed, length, at, 0, 0, extra.get(AES, b"")), end


def _measure(window: Window, start: int, budget: Budget) -> tuple[int, int, int]:
    """(packed length, length, CRC) of a deflate stream that ends by itself."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    at, length, crc = start, 0, 0
    while not stream.eof:
        chunk = stream.unconsumed_tail
        if not chunk:
            chunk = window.head(at, _CHUNK)
            at += len(chunk)
        try:
            piece = stream.decompress(chunk, OUTPUT)
        except zlib.error:
            raise DamagedError("its packed bytes are damaged") from None
        if not chunk and not piece:
            raise DamagedError("it is cut off")
        length += len(piece)
        budget.check_ratio(at - start, length)
        budget.produce(len(piece))
        crc = zlib.crc32(piece, crc)
    return at - start - len(stream.unused_data), length, crc


def _after_descriptor(window: Window, at: int, crc: int) -> int:
    """Where the entry after a data descriptor begins (4.3.9): 12 to 24 bytes on.

    Raises DamagedError when the descriptor states another checksum.
    """
    raw = window.head(at, 24)
    mark = 4 if raw[:4] == DESCRIPTOR_MARK else 0
    if raw[mark:mark + 4] != crc.to_bytes(4, "little"):
        raise DamagedError("its checksum is wrong")
    for size in (12, 20):
        if window.head(at + mark + size, 2) in (b"PK", b""):
            return at + mark + size
    raise DamagedError("what follows it makes no sense")
