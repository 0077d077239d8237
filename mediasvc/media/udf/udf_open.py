"""Opening a UDF volume: its partition maps and its file set (ECMA-167 3/10.6, 3/10.7, 4/8.3)."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediasvc.errors import DamagedError
from mediasvc.media.troubles import Troubles
from mediasvc.media.udf.udf_descriptors import Place, parse_descriptor
from mediasvc.media.udf.udf_names import decode_dstring
from mediasvc.media.udf.udf_partitions import Metadata, Partition, Physical, Run, Sparable, Virtual
from mediasvc.media.udf.udf_sequence import Sequence, read_sequence
from mediasvc.media.udf.udf_tables import (
    FILE_SET,
    MAPS_START,
    METADATA_FILE,
    METADATA_MAP,
    METADATA_MIRROR,
    NEWEST_REVISION,
    SPARABLE_MAP,
    SPARING_TABLE,
    VIRTUAL_MAP,
)
from mediasvc.media.udf.udf_virtual import find_table
from mediasvc.media.udf.udf_volume import HOLE, Volume
from mediasvc.media.window import Window

if TYPE_CHECKING:
    from mediasvc.settings import Limits

#: A sparing table is never longer in practice: 65,535 packets of 8 bytes (UDF 2.2.12).
SPARING_LIMIT = 1 << 20
#: Entries that stand for no packet of the partition begin here (UDF 2.2.12).
SPARE = 0xFFFFFFF0


@dataclass(frozen=True, slots=True)
class Opened:
    """``root`` is the root folder's ICB, ``identifier`` the name of the disc, ``revision`` that
    of UDF (0x0250 is 2.50)."""

    volume: Volume
    root: Place
    identifier: str
    revision: int


@dataclass(frozen=True, slots=True)
class _Map:
    """One partition map (3/10.7): ``name`` is empty for type 1."""

    number: int
    name: bytes
    raw: bytes


def open_volume(window: Window, limits: Limits, troubles: Troubles) -> Opened:
    """Raises DamagedError when no volume, partition or file set can be trusted."""
    sequence, second = read_sequence(window)
    if second:
        troubles.add("warning", "udf-reserve-used", "", "the description of the disc is damaged "
                     "and was read from its reserve", "M34")
    volume = Volume(window, sequence.block, limits, troubles)
    maps = list(_maps(sequence))
    bases = {one.number: _base(window, sequence, one, maps) for one in maps}
    volume.partitions += [bases[one.number] for one in maps]
    for index, one in enumerate(maps):
        volume.partitions[index] = _mapped(volume, index, one, sequence)
    contents = Place.parse(sequence.logical.field("contents"))
    found = volume.descriptor(contents, (FILE_SET,))
    if sequence.logical.field("revision") > NEWEST_REVISION:
        troubles.add("warning", "udf-revision", "", "the disc is written by a newer edition of "
                     "UDF than is known here; files may be missing", "PS3.12 P")
    return Opened(volume, found.place("root"),
                  decode_dstring(sequence.logical.field("identifier")),
                  sequence.logical.field("revision"))


def _maps(sequence: Sequence) -> Iterator[_Map]:
    raw, at = sequence.logical.raw, MAPS_START
    end = min(at + sequence.logical.field("maps_length"), len(raw))
    for _ in range(sequence.logical.field("maps")):
        length = raw[at + 1] if at + 2 <= end else 0
        if at + length > end or (raw[at], length) not in ((1, 6), (2, 64)):
            raise DamagedError("the disc states a partition of an unknown kind")
        kind, one = raw[at], raw[at:at + length]
        number = struct.unpack_from("<H", one, 4 if kind == 1 else 38)[0]
        yield _Map(number, b"" if kind == 1 else one[5:28].rstrip(b"\0"), one)
        at += length


def _base(window: Window, sequence: Sequence, one: _Map, maps: list[_Map]) -> Partition:
    """What the blocks of a partition number are, before tables and metadata files."""
    descriptor = sequence.partitions.get(one.number)
    if descriptor is None:
        raise DamagedError("the disc names a partition and does not say where it is")
    base = Physical(descriptor.field("start"), descriptor.field("length"), sequence.block)
    for other in maps:
        if other.number == one.number and other.name == SPARABLE_MAP:
            return _sparable(window, base, other.raw)
    return base


def _sparable(window: Window, base: Physical, raw: bytes) -> Sparable:
    """UDF 2.2.9: the newest of up to four tables. Without any the blocks cannot be trusted."""
    packet, count, size = struct.unpack_from("<HBxI", raw, 40)
    newest: tuple[int, dict[int, int]] | None = None
    for start in struct.unpack_from("<4I", raw, 48)[:count]:
        table = window.head(start * base.block, min(size, SPARING_LIMIT))
        try:
            parse_descriptor(table, 0)
        except DamagedError:
            continue
        if table[17:17 + len(SPARING_TABLE)] != SPARING_TABLE or len(table) < 56:
            continue
        entries, number = struct.unpack_from("<HxxI", table, 48)
        if newest is None or number > newest[0]:
            words = struct.unpack_from(f"<{2 * min(entries, (len(table) - 56) // 8)}I", table, 56)
            newest = number, {first: to for first, to in zip(words[::2], words[1::2], strict=True)
                              if first < SPARE and packet and not first % packet}
    if newest is None:
        raise DamagedError("the list of the disc's replaced blocks cannot be read")
    return Sparable(base, packet, newest[1])


def _mapped(volume: Volume, index: int, one: _Map, sequence: Sequence) -> Partition:
    base = volume.partitions[index]
    if one.name in (b"", SPARABLE_MAP):
        return base
    if one.name == VIRTUAL_MAP:
        start = sequence.partitions[one.number].field("start")
        return Virtual(base, volume.block, array("I", find_table(volume, index, start)))
    if one.name == METADATA_MAP:
        return _metadata(volume, index, one.raw)
    raise DamagedError("the disc states a partition of an unknown kind")


def _metadata(volume: Volume, index: int, raw: bytes) -> Metadata:
    """The metadata file, its mirror, or both (UDF 2.2.10); the first is tried first."""
    files: list[list[Run]] = []
    trouble = DamagedError("the list of the disc's entries cannot be read")
    for block, kind in zip(struct.unpack_from("<II", raw, 40), (METADATA_FILE, METADATA_MIRROR),
                           strict=True):
        icb = Place(volume.block, block, index)
        try:
            entry = volume.entry(icb)
            runs = volume.pieces(icb, entry)
        except DamagedError as error:
            trouble = error
            continue
        if entry.file_type == kind and all(offset != HOLE for offset, _ in runs):
            files.append(runs)
    if not files:
        raise trouble
    return Metadata(files, volume.block)
