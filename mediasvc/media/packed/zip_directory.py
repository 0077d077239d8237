"""The central directory of a zip (APPNOTE 6.3), read strictly: nothing is guessed or skipped."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.window import Window

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END64, LOCATOR64 = b"PK\x06\x06", b"PK\x06\x07"
#: End of central directory (4.3.16), its zip64 form (4.3.14) and the locator of that (4.3.15).
END_RECORD = struct.Struct("<4sHHHHIIH")
END64_RECORD = struct.Struct("<4sQHHIIQQQQ")
LOCATOR64_RECORD = struct.Struct("<4sIQI")
#: Central directory header (4.3.12) without name, extra field and comment.
CENTRAL_HEADER = struct.Struct("<4sHHHHHHIIIHHHHHII")
COMMENT_LIMIT = 0xFFFF
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF
ENCRYPTED, DESCRIPTOR, UTF8 = 0x0001, 0x0008, 0x0800
#: Extra field ids: zip64 (4.5.3), Info-ZIP Unicode path (4.6.9), WinZip AES.
ZIP64, UNICODE_PATH, AES = 0x0001, 0x7075, 0x9901
_CHUNK = 1 << 20
_FIRST_READ = 512
#: No central header is longer: name, extra field and comment have 16-bit lengths.
_HEADER_LIMIT = CENTRAL_HEADER.size + 3 * FULL16


class NoEndError(DamagedError):
    """The zip has no end record (yet)."""


@dataclass(frozen=True, slots=True)
class End:
    """Where the central directory lies. ``prefix`` is added to every offset that it states.

    ``oddities`` are what makes other programs read other files, in words.
    """

    entries: int
    offset: int
    length: int
    prefix: int
    oddities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One central directory header; ``local`` is the offset of its local header in the file."""

    name: bytes
    unicode_path: bytes
    flags: int
    method: int
    time: int
    crc: int
    packed: int
    length: int
    local: int
    host: int
    attributes: int
    aes: bytes

    @property
    def is_encrypted(self) -> bool:
        return bool(self.flags & ENCRYPTED)


def find_end(window: Window) -> End:
    """The end record; of several, the one with the others in its comment.

    Raises NoEndError without one, DamagedError for one that makes no sense, UnsupportedError for
    a split zip.
    """
    tail = min(window.length, END_RECORD.size + COMMENT_LIMIT)
    data = window.read(window.length - tail, tail)
    found = list(_end_positions(data))
    exact = [at for at, comment in found if at + END_RECORD.size + comment == len(data)]
    if not found:
        raise NoEndError("the zip has no end; it was cut off")
    at = exact[0] if exact else found[-1][0]
    oddities = []
    if not exact:
        oddities.append("bytes follow after its end")
    if len(exact) > 1:
        oddities.append("it has more than one end")
    return _read_end(window, window.length - tail + at, data[at:at + END_RECORD.size], oddities)


def _end_positions(data: bytes) -> Iterator[tuple[int, int]]:
    """(position, comment length) of every end record that fits into ``data``."""
    at = data.find(END)
    while at >= 0:
        if at + END_RECORD.size <= len(data):
            comment = struct.unpack_from("<H", data, at + 20)[0]
            if at + END_RECORD.size + comment <= len(data):
                yield at, comment
        at = data.find(END, at + 1)


def _read_end(window: Window, at: int, raw: bytes, oddities: list[str]) -> End:
    _, disk, start_disk, here, entries, length, offset, _ = END_RECORD.unpack(raw)
    end = at
    wide = _read_end64(window, at)
    if wide is not None:
        end, (disk, start_disk, here, entries64, length64, offset64) = wide
        for narrow, value, full in ((entries, entries64, FULL16), (length, length64, FULL32),
                                    (offset, offset64, FULL32)):
            if narrow not in (full, value):
                oddities.append("its two ends state different numbers")
        entries, length, offset = entries64, length64, offset64
    if disk or start_disk or here != entries:
        raise UnsupportedError("it is one part of a zip that was split")
    prefix = end - length - offset
    if prefix < 0 or entries * CENTRAL_HEADER.size > length:
        raise DamagedError("the end of the zip contradicts the rest of it")
    if prefix and entries and window.head(offset, 4) == CENTRAL:
        oddities.append("bytes lie between its list and its end")
        prefix = 0
    elif prefix:
        oddities.append("other bytes stand before it")
    return End(entries, offset + prefix, length, prefix, tuple(oddities))


def _read_end64(window: Window, at: int) -> tuple[int, tuple[int, ...]] | None:
    """(position, disk, start disk, entries here, entries, length, offset) of the zip64 end."""
    if at < LOCATOR64_RECORD.size + END64_RECORD.size:
        return None
    locator = window.read(at - LOCATOR64_RECORD.size, LOCATOR64_RECORD.size)
    if locator[:4] != LOCATOR64:
        return None
    _, _, stated, _ = LOCATOR64_RECORD.unpack(locator)
    for position in (stated, at - LOCATOR64_RECORD.size - END64_RECORD.size):
        raw = window.head(position, END64_RECORD.size)
        if len(raw) == END64_RECORD.size and raw[:4] == END64:
            return position, END64_RECORD.unpack(raw)[4:]
    raise DamagedError("the zip's second end is missing")


def headers(window: Window, end: End) -> Iterator[tuple[int, ZipEntry]]:
    """(file offset, entry) of all central headers in order.

    Raises DamagedError where one does not begin or end rightly.
    """
    buffer, at, read = b"", 0, 0
    for _ in range(end.entries):
        if len(buffer) - at < _HEADER_LIMIT and read < end.length:
            more = min(_CHUNK, end.length - read)
            buffer, at = buffer[at:] + window.read(end.offset + read, more), 0
            read += more
        start = end.offset + read - (len(buffer) - at)
        entry, at = _parse(buffer, at, end.prefix)
        yield start, entry
    if len(buffer) - at or read < end.length:
        raise DamagedError("the zip's list is longer than its end says")


def read_header(window: Window, end: End, at: int) -> ZipEntry:
    """The entry whose central header lies at ``at``, as `headers` gave it."""
    buffer = window.head(at, _FIRST_READ)
    try:
        return _parse(buffer, 0, end.prefix)[0]
    except DamagedError:
        return _parse(window.head(at, _HEADER_LIMIT), 0, end.prefix)[0]


def _parse(buffer: bytes, at: int, prefix: int) -> tuple[ZipEntry, int]:
    if len(buffer) - at < CENTRAL_HEADER.size or buffer[at:at + 4] != CENTRAL:
        raise DamagedError("the zip's list is damaged")
    (_, made_by, _, flags, method, time, _, crc, packed, length, name_length, extra_length,
     comment_length, disk, _, attributes, local) = CENTRAL_HEADER.unpack_from(buffer, at)
    at += CENTRAL_HEADER.size
    name = buffer[at:at + name_length]
    at += name_length
    extra = fields(buffer[at:at + extra_length])
    at += extra_length + comment_length
    if at > len(buffer):
        raise DamagedError("the zip's list is damaged")
    length, packed, local, disk = wide_values(
        extra.get(ZIP64, b""), (length, FULL32), (packed, FULL32), (local, FULL32), (disk, FULL16))
    if disk:
        raise UnsupportedError("it is one part of a zip that was split")
    return ZipEntry(name, extra.get(UNICODE_PATH, b""), flags, method, time, crc, packed,
                    length, local + prefix, made_by >> 8, attributes, extra.get(AES, b"")), at


def fields(extra: bytes) -> dict[int, bytes]:
    """The extra field by id. Raises DamagedError on a field that leaves it or occurs twice.

    Fewer than four bytes at the end are padding (zipalign leaves such).
    """
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        identifier, size = struct.unpack_from("<HH", extra, at)
        if at + 4 + size > len(extra):
            raise DamagedError("an extra field of the zip is damaged")
        if identifier in found and identifier in (ZIP64, UNICODE_PATH, AES):
            raise DamagedError("an extra field of the zip occurs twice")
        found[identifier] = extra[at + 4:at + 4 + size]
        at += 4 + size
    return found


def wide_values(wide: bytes, *values: tuple[int, int]) -> list[int]:
    """Each (value, full): the next 8 (or 4) bytes of the zip64 field where the value is full."""
    result, at = [], 0
    for value, full in values:
        size = 8 if full == FULL32 else 4
        if value == full and at + size <= len(wide):
            value = int.from_bytes(wide[at:at + size], "little")
            at += size
        result.append(value)
    return result
