"""The tables of an ISO 9660 image as bytes: volume descriptors, path tables, directories.

ECMA-119, level 1, written from its tables, with the same names in Rock Ridge; the reader that
judges an image (`iso9660`) shares nothing with this.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mediasvc import __version__
from mediasvc.media.iso.image_tree import ROOT, ImageTree
from mediasvc.media.iso.rock_ridge_write import ROOT_USE, SELF_USE, name_use

SECTOR = 2048
#: The first 16 sectors are the system area; then the descriptors stand (6.2.1).
SYSTEM = 16
_RECORD = struct.Struct("<BBIIII")
_REST = struct.Struct("<BBBHHB")
FOLDER_FLAG = 2


@dataclass(frozen=True, slots=True)
class Names:
    """What the volume says of itself. ``moment``: when everything on it was made."""

    volume_id: str
    moment: datetime
    publisher: str = ""


def sectors(length: int) -> int:
    return -(-length // SECTOR)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % SECTOR)


def identifier(name: str, is_folder: bool) -> bytes:
    """A name without extension keeps its full stop (PS3.12 F.2.1.2)."""
    if is_folder:
        return name.encode()
    return (f"{name};1" if "." in name else f"{name}.;1").encode()


def _record_length(name: bytes, use: bytes = b"") -> int:
    """Of even length; so is the place of the System Use field (9.1.12, 9.1.13)."""
    return 33 + len(name) + (len(name) + 1) % 2 + len(use) + len(use) % 2


def _both(value: int) -> int:
    """A 32-bit number in the two byte orders, the second one as a number of the first (7.3.3)."""
    return int.from_bytes(value.to_bytes(4, "big"), "little")


def record(name: bytes, sector: int, length: int, is_folder: bool, when: bytes,
           use: bytes = b"") -> bytes:
    """A directory record (9.1) with its System Use field."""
    size = _record_length(name, use)
    head = _RECORD.pack(size, 0, sector, _both(sector), length, _both(length))
    rest = _REST.pack(FOLDER_FLAG if is_folder else 0, 0, 0, 1, 1 << 8, len(name))
    data = head + when + rest + name + bytes((len(name) + 1) % 2) + use
    return data if len(data) == size else data + b"\0"


def short_time(moment: datetime) -> bytes:
    """9.1.5; in UTC."""
    at = moment.astimezone(UTC)
    return bytes((at.year - 1900, at.month, at.day, at.hour, at.minute, at.second, 0))


def long_time(moment: datetime | None) -> bytes:
    """8.4.26.1; in UTC, or not given."""
    if moment is None:
        return b"0" * 16 + b"\0"
    return f"{moment.astimezone(UTC):%Y%m%d%H%M%S}00".encode() + b"\0"


class IsoTables:
    """Sizes are known from the names alone; where things stand is told when they are written."""

    def __init__(self, tree: ImageTree) -> None:
        self._tree = tree
        self.lengths = [_folder_length(tree, folder) for folder in range(len(tree.folders))]
        self.path_length = sum(8 + _even(max(1, len(name))) for name in tree.folders)

    @property
    def path_sectors(self) -> int:
        """Of one of the two path tables."""
        return sectors(self.path_length)

    @property
    def sectors(self) -> int:
        """Both path tables and all folders."""
        return 2 * self.path_sectors + sum(map(sectors, self.lengths))

    def write(self, first: int, places: Sequence[int], lengths: Sequence[int],
              moment: datetime) -> Iterator[bytes]:
        """Path tables and folders as they stand from sector ``first`` on; ``places`` are the
        sectors of the files."""
        folders = list(self._folders(first))
        for order in ("<", ">"):
            yield _padded(b"".join(self._path_records(order, folders)))
        when = short_time(moment)
        for folder in range(len(folders)):
            yield self._folder(folder, folders, places, lengths, when)

    def root(self, first: int, moment: datetime) -> bytes:
        """The record of the root that stands in the descriptor (8.4.18)."""
        return record(b"\0", next(self._folders(first)), self.lengths[ROOT], True,
                      short_time(moment))

    def _folders(self, first: int) -> Iterator[int]:
        at = first + 2 * self.path_sectors
        for length in self.lengths:
            yield at
            at += sectors(length)

    def _path_records(self, order: str, folders: Sequence[int]) -> Iterator[bytes]:
        for number, name in enumerate(self._tree.folders):
            written = name.encode() or b"\0"
            yield struct.pack(order + "BBIH", len(written), 0, folders[number],
                              self._tree.above[number] + 1)
            yield written + bytes(len(written) % 2)

    def _folder(self, folder: int, folders: Sequence[int], places: Sequence[int],
                lengths: Sequence[int], when: bytes) -> bytes:
        tree, above = self._tree, self._tree.above[folder]
        parts = [record(b"\0", folders[folder], self.lengths[folder], True, when, _use(folder)),
                 record(b"\1", folders[above], self.lengths[above], True, when, SELF_USE)]
        used = sum(map(len, parts))
        for is_folder, at in tree.entries(folder):
            name = tree.folders[at] if is_folder else tree.names[at]
            where, length = ((folders[at], self.lengths[at]) if is_folder
                             else (places[at], lengths[at]))
            one = record(identifier(name, is_folder), where, length, is_folder, when,
                         name_use(name, is_folder))
            if gap := _gap(used, len(one)):
                parts.append(bytes(gap))
            parts.append(one)
            used += gap + len(one)
        return _padded(b"".join(parts))


def _use(folder: int) -> bytes:
    """System Use of a folder's record for itself."""
    return ROOT_USE if folder == ROOT else SELF_USE


def _gap(used: int, length: int) -> int:
    """No record goes over the end of a sector (6.8.1.1)."""
    left = -used % SECTOR
    return left if left < length and left else 0


def _folder_length(tree: ImageTree, folder: int) -> int:
    used = _record_length(b"\0", _use(folder)) + _record_length(b"\1", SELF_USE)
    for is_folder, at in tree.entries(folder):
        name = tree.folders[at] if is_folder else tree.names[at]
        length = _record_length(identifier(name, is_folder), name_use(name, is_folder))
        used += _gap(used, length) + length
    return sectors(used) * SECTOR


def _even(length: int) -> int:
    return length + length % 2


def primary(names: Names, tables: IsoTables, first: int, total: int, seal: bytes) -> bytes:
    """The primary volume descriptor (8.4) of an image of ``total`` sectors, whose tables stand
    from sector ``first`` on. ``seal``: 512 bytes of application use."""

    def text(value: str, length: int) -> bytes:
        return value.encode("ascii", "replace")[:length].ljust(length)

    def two(value: int) -> bytes:
        return struct.pack("<H", value) + struct.pack(">H", value)

    def four(value: int) -> bytes:
        return struct.pack("<I", value) + struct.pack(">I", value)

    when = long_time(names.moment)
    return b"".join((
        b"\1CD001\1\0", text("", 32), text(names.volume_id.rstrip(), 32), bytes(8), four(total),
        bytes(32), two(1), two(1), two(SECTOR), four(tables.path_length),
        struct.pack("<II", first, 0), struct.pack(">II", first + tables.path_sectors, 0),
        tables.root(first, names.moment), text("", 128), text(names.publisher, 128),
        text("", 128), text(f"MEDIASVC {__version__}".upper(), 128), text("", 37), text("", 37),
        text("", 37), when, when, long_time(None), when, b"\1\0", seal, bytes(653)))


def terminator() -> bytes:
    """8.3"""
    return _padded(b"\xffCD001\1")
