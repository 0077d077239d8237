"""Packs: what is needed to rebuild the bytes of instances as they were received.

A pack is a sequence of entries, each a zstandard skippable frame that holds the entry's header
and then a zstandard frame that holds the delta. So ``zstd -d`` reads any pack, each entry stands
alone, and a pack can be scanned without the database.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import zstandard

from mediasvc.errors import DamagedError
from mediasvc.span import Span
from mediasvc.store.durable import Shelf
from mediasvc.store.file_operations import OPERATIONS, FileOperations
from mediasvc.store.scratch import Scratch

#: RFC 8878 3.1.2: skippable frames have the magic number 0x184D2A50 … 5F and a length.
_SKIPPABLE = 0x184D2A5D
_MARK = b"MSRD\x01"
#: magic, length of the rest · mark and version, received and object sha256, lengths of the delta
#: and of its frame; then a CRC-32 of all that
_FIELDS = struct.Struct("<II5s32s32sQQ")
_HEADER = struct.Struct(f"<{_FIELDS.size}sI")
_LEVEL = 9
#: A delta is header bytes; what would be larger is kept as an object instead.
DELTA_LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class Place:
    """Where one delta lies: bytes ``offset … offset + length`` of a pack."""

    pack_sha256: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack on disk, with the places of its deltas in the order in which they were given."""

    sha256: str
    length: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry's own header says."""

    received_sha256: str
    object_sha256: str
    place: Place


class Received(Shelf):
    """archive/received/abcd….zst"""

    def __init__(self, archive: Path, operations: FileOperations = OPERATIONS) -> None:
        super().__init__(archive / "received", Scratch(archive / "tmp", operations), ".zst",
                         fan_out=False)

    def write_pack(self, deltas: Sequence[tuple[str, str, bytes]]) -> Pack:
        """Place one durable pack of ``(received sha256, object sha256, delta)``.

        Raises StorageError; ValueError when there are no deltas.
        """
        if not deltas:
            raise ValueError("a pack without deltas")
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        entries = [_entry(compressor, *delta) for delta in deltas]
        temp, sha256, length = self.write(entries)
        self.place(temp, sha256)
        offset, places = 0, []
        for entry in entries:
            places.append(Place(sha256, offset, len(entry)))
            offset += len(entry)
        return Pack(sha256, length, tuple(places))

    def read(self, place: Place) -> bytes:
        """The delta. Raises DamagedError when the pack does not hold it whole."""
        return self.read_entry(place)[1]

    def read_entry(self, place: Place) -> tuple[Entry, bytes]:
        """The delta with what its header says of it. Raises DamagedError."""
        path = self.path(place.pack_sha256)
        if not path.is_file():
            raise DamagedError("A pack of received headers is missing from the archive.")
        with Span(str(path), place.offset, place.length).view() as view:
            if place.length < _HEADER.size:
                raise DamagedError("The place is too short for an entry.")
            received, object_sha256, size, frame = _parse(view[:_HEADER.size])
            if _HEADER.size + frame != place.length:
                raise DamagedError("The pack does not hold this entry at its place.")
            delta = _decompress(bytes(view[_HEADER.size:]), size)
        return Entry(received, object_sha256, place), delta

    def scan(self, sha256: str) -> Iterator[Entry]:
        """The entries of a pack, from its own bytes. Raises DamagedError at the first bad one."""
        span = Span.of_file(self.path(sha256))
        offset = 0
        while offset < span.length:
            if offset + _HEADER.size > span.length:
                raise DamagedError("The pack ends within an entry.")
            with Span(span.path, offset, _HEADER.size).view() as view:
                received, object_sha256, _, frame = _parse(view)
            length = _HEADER.size + frame
            if offset + length > span.length:
                raise DamagedError("The pack ends within an entry.")
            yield Entry(received, object_sha256, Place(sha256, offset, length))
            offset += length


def _entry(compressor: zstandard.ZstdCompressor, received: str, object_sha256: str,
           delta: bytes) -> bytes:
    frame = compressor.compress(delta)
    fields = _FIELDS.pack(_SKIPPABLE, _HEADER.size - 8, _MARK, bytes.fromhex(received),
                          bytes.fromhex(object_sha256), len(delta), len(frame))
    return _HEADER.pack(fields, zlib.crc32(fields)) + frame


def _parse(view: memoryview) -> tuple[str, str, int, int]:
    fields, check = _HEADER.unpack(view)
    magic, length, mark, received, object_sha256, size, frame = _FIELDS.unpack(fields)
    if (magic, length, mark, check) != (_SKIPPABLE, _HEADER.size - 8, _MARK, zlib.crc32(fields)) \
            or size > DELTA_LIMIT:
        raise DamagedError("The pack does not hold an entry at its place.")
    return received.hex(), object_sha256.hex(), size, frame


def _decompress(frame: bytes, size: int) -> bytes:
    try:
        delta = zstandard.ZstdDecompressor().decompress(frame, max_output_size=max(size, 1))
    except zstandard.ZstdError as error:
        raise DamagedError("A delta of the pack cannot be read.") from error
    if len(delta) != size:
        raise DamagedError("A delta of the pack has another length than its header says.")
    return delta
