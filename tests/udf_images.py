"""A small writer of UDF images of every kind, honest until a test patches them.

It shares nothing with the reader: even the CRC of ECMA-167 7.2.6 is computed bit by bit here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import PurePosixPath

FILE, FOLDER, METADATA, MIRROR = 5, 4, 250, 251
SHORT, LONG, EXTENDED, EMBEDDED = range(4)
#: The partition begins here; block 256 is the anchor's.
START = 288
PACKET = 32


def crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def tagged(identifier: int, location: int, body: bytes) -> bytes:
    """``body`` behind the 16 bytes of a descriptor tag."""
    head = struct.pack("<HHBBHHHI", identifier, 3, 0, 0, 1, crc(body), len(body), location)
    return head[:4] + bytes([sum(head) & 0xFF]) + head[5:] + body


def cs0(name: str) -> bytes:
    try:
        return b"\x08" + name.encode("latin-1")
    except UnicodeEncodeError:
        return b"\x10" + name.encode("utf-16-be", "surrogatepass")


def dstring(text: str, size: int) -> bytes:
    raw = cs0(text)
    return raw.ljust(size - 1, b"\0") + bytes([len(raw)])


def regid(name: bytes, suffix: bytes = b"") -> bytes:
    return b"\0" + name.ljust(23, b"\0") + suffix.ljust(8, b"\0")


def long_ad(length: int, block: int, partition: int) -> bytes:
    return struct.pack("<IIH6x", length, block, partition)


@dataclass
class UdfImage:
    """``kind`` plain, sparable, virtual or metadata. ``pieces``: how many each file lies in.

    ``names`` replaces the name bytes of a path, ``marks`` adds file characteristics to it.
    Afterwards ``entries`` and ``identifiers`` say at which byte of ``data`` they lie.
    """

    files: dict[str, bytes]
    kind: str = "plain"
    layout: int = SHORT
    block: int = 2048
    revision: int = 0x0201
    extended: bool = False
    pieces: int = 1
    strategy: int = 4
    metadata_runs: int = 2
    with_iso: bytes = b""
    marks: dict[str, int] = field(default_factory=dict)
    names: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    blocks: list[bytes] = field(default_factory=list)
    table: list[int] = field(default_factory=list)
    metadata: list[bytes] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    entries: dict[str, int] = field(default_factory=dict)
    identifiers: dict[str, int] = field(default_factory=dict)
    _folders: dict[str, tuple[int, list[tuple[str, int]]]] = field(default_factory=dict)

    def build(self) -> UdfImage:
        self.blocks = [bytes(self.block)] * 4  # metadata file entries, mirror, spare
        root = self._entry_block()
        self._put(root, tagged(256, root, self._file_set()))
        top = self._folder(PurePosixPath("."))
        self._put(root, tagged(256, root, self._file_set(top)))
        if self.kind == "metadata":
            self._write_metadata()
        if self.kind == "virtual":
            self._write_table()
        self._write_volume()
        return self

    # --- blocks ---------------------------------------------------------------------------------

    @property
    def home(self) -> int:
        """The partition reference of entries."""
        return 1 if self.kind in ("virtual", "metadata") else 0

    def _entry_block(self) -> int:
        """A new block for an entry; of strategy 4096 the first of four."""
        numbers = [self._new_block() for _ in range(4 if self.strategy == 4096 else 1)]
        return numbers[0]

    def _new_block(self) -> int:
        if self.kind == "metadata":
            self.metadata.append(bytes(self.block))
            return len(self.metadata) - 1
        self.blocks.append(bytes(self.block))
        if self.kind == "virtual":
            self.table.append(len(self.blocks) - 1)
            return len(self.table) - 1
        return len(self.blocks) - 1

    def _put(self, number: int, raw: bytes) -> None:
        assert len(raw) <= self.block
        target = self.metadata if self.kind == "metadata" else self.blocks
        at = self.table[number] if self.kind == "virtual" else number
        target[at] = raw.ljust(self.block, b"\0")

    def _data_blocks(self, content: bytes) -> int:
        first = len(self.blocks)
        for at in range(0, len(content), self.block):
            self.blocks.append(content[at:at + self.block].ljust(self.block, b"\0"))
        return first

    # --- files ----------------------------------------------------------------------------------

    def _folder(self, folder: PurePosixPath) -> int:
        number = self._entry_block()
        self.places[str(folder)] = number
        inside = sorted({PurePosixPath(p) for p in self.files if PurePosixPath(p).parent == folder})
        above = {parent for p in self.files for parent in PurePosixPath(p).parents}
        below = sorted(f for f in above if f.parent == folder and f != folder)
        raw, starts = bytearray(self._identifier(0x0A, b"", number)), []
        for path in [*below, *inside]:
            marks = 2 if path in below else 0
            at = self._folder(path) if path in below else self._file(path)
            name = self.names.get(str(path), cs0(path.name))
            starts.append((str(path), len(raw)))
            raw += self._identifier(marks | self.marks.get(str(path), 0), name, at)
        self._folders[str(folder)] = number, starts
        self._entry(number, FOLDER, bytes(raw), min(self.pieces, 1))
        return number

    def _identifier(self, marks: int, name: bytes, block: int) -> bytes:
        body = struct.pack("<HBB", 1, marks, len(name)) + long_ad(self.block, block, self.home)
        body += b"\0\0" + name
        return tagged(257, 0, body.ljust(-(-(len(body) + 16) // 4) * 4 - 16, b"\0"))

    def _file(self, path: PurePosixPath) -> int:
        number = self._entry_block()
        self.places[str(path)] = number
        content = self.files[str(path)]
        self._entry(number, self.types.get(str(path), FILE), content, self.pieces)
        return number

    def _entry(self, number: int, kind: int, content: bytes, pieces: int) -> None:
        if self.layout == EMBEDDED and len(content) <= self.block - 220:
            raw = self._file_entry(number, kind, len(content), EMBEDDED, content)
        else:
            layout = LONG if self.kind != "plain" and self.layout in (SHORT, EMBEDDED) else \
                SHORT if self.layout == EMBEDDED else self.layout
            raw = self._file_entry(number, kind, len(content), layout,
                                   self._allocation(content, layout, pieces))
        if self.strategy == 4096:
            self._chain(number, raw)
        else:
            self._put(number, raw)

    def _allocation(self, content: bytes, layout: int, pieces: int) -> bytes:
        size = -(-len(content) // pieces // self.block) * self.block or self.block
        raw = b""
        for at in range(0, len(content), size):
            part = content[at:at + size]
            raw += descriptor(layout, len(part), self._data_blocks(part))
            if pieces > 1:
                self.blocks.append(b"between".ljust(self.block, b"\0"))
        return raw

    def _file_entry(self, number: int, kind: int, length: int, layout: int, area: bytes) -> bytes:
        icb = struct.pack("<IHHHBBIHH", 0, self.strategy, 0, 1, 0, kind, 0, 0, layout)
        owner = struct.pack("<IIIHBBI", 0, 0, 0x14A5, 1, 0, 0, 0)
        blocks = struct.pack("<Q", -(-length // self.block))
        if self.extended:
            body = icb + owner + struct.pack("<QQ", length, length) + blocks + bytes(48)
            body += struct.pack("<II", 1, 0) + bytes(16 + 16) + regid(b"*test") + bytes(8)
        else:
            body = icb + owner + struct.pack("<Q", length) + blocks + bytes(36)
            body += struct.pack("<I", 1) + bytes(16) + regid(b"*test") + bytes(8)
        body += struct.pack("<II", 0, len(area)) + area
        return tagged(266 if self.extended else 261, number, body)

    def _chain(self, number: int, raw: bytes) -> None:
        """An outdated entry, the way to the valid one, and nothing behind that."""
        self._put(number, self._file_entry(number, FILE, 0, SHORT, b""))
        icb = struct.pack("<IHHHBBIHH", 0, self.strategy, 0, 1, 0, 3, 0, 0, 0)
        self._put(number + 1, tagged(259, number + 1, icb + long_ad(self.block, number + 2,
                                                                    self.home)))
        self._put(number + 2, raw)

    # --- the volume -----------------------------------------------------------------------------

    def _file_set(self, root: int = 0) -> bytes:
        body = bytearray(512 - 16)
        body[304 - 16:336 - 16] = dstring("FILESET", 32)
        body[400 - 16:416 - 16] = long_ad(self.block, root, self.home)
        return bytes(body)

    def _write_metadata(self) -> None:
        """The metadata partition in some runs, its mirror as another copy in one."""
        raw = b"".join(self.metadata)
        size = -(-len(self.metadata) // self.metadata_runs) * self.block
        area = b""
        for at in range(0, len(raw), size):
            run = raw[at:at + size]
            area += descriptor(SHORT, len(run), self._data_blocks(run))
            self.blocks.append(b"between".ljust(self.block, b"\0"))
        mirror = descriptor(SHORT, len(raw), self._data_blocks(raw))
        for number, kind, one in ((0, METADATA, area), (1, MIRROR, mirror)):
            self.blocks[number] = self._file_entry(
                number, kind, len(raw), SHORT, one).ljust(self.block, b"\0")

    def _write_table(self) -> None:
        words = struct.pack(f"<{len(self.table)}I", *self.table)
        if self.revision >= 0x0200:
            raw, kind = struct.pack("<HH", 152, 0) + bytes(148) + words, 248
        else:
            raw, kind = words + regid(b"*UDF Virtual Alloc Tbl") + b"\xff" * 4, 0
        area = descriptor(SHORT, len(raw), self._data_blocks(raw))
        number = len(self.blocks)
        self.blocks.append(self._file_entry(number, kind, len(raw), SHORT, area).ljust(
            self.block, b"\0"))

    def _maps(self) -> list[bytes]:
        plain = b"\x01\x06" + struct.pack("<HH", 1, 0)
        head = b"\x02\x40\0\0"
        numbers = struct.pack("<HH", 1, 0)
        if self.kind == "sparable":
            places = struct.pack("<HBxI2I8x", PACKET, 2, self.block, 200, 201)
            return [head + regid(b"*UDF Sparable Partition") + numbers + places]
        if self.kind == "virtual":
            return [plain, head + regid(b"*UDF Virtual Partition") + numbers + bytes(24)]
        if self.kind == "metadata":
            places = struct.pack("<IIIIHB5x", 0, 1, 0xFFFFFFFF, 32, 1, 1)
            return [plain, head + regid(b"*UDF Metadata Partition") + numbers + places]
        return [plain]

    def _write_volume(self) -> None:
        if self.kind == "sparable":
            self.blocks += [bytes(self.block)] * (-len(self.blocks) % PACKET)
        size, tail = self.block, 0 if self.kind == "virtual" else 1
        self.data = bytearray((START + len(self.blocks) + tail) * size)
        self.data[:len(self.with_iso)] = self.with_iso
        version = b"NSR03" if self.revision >= 0x0200 else b"NSR02"
        for at, mark in enumerate((b"BEA01", version, b"TEA01")):
            self.data[(16 + at) * 2048:(16 + at) * 2048 + 7] = b"\0" + mark + b"\x01"
        for start in (96, 112):
            self._sequence(start)
        ends = [256] if self.kind == "virtual" else [256, len(self.data) // size - 1]
        for place in ends:
            self.put(place, tagged(2, place, struct.pack("<IIII", 16 * size, 96, 16 * size, 112)
                                   + bytes(480)))
        if self.kind == "sparable":
            self._sparing({})
        self.data[START * size:(START + len(self.blocks)) * size] = b"".join(self.blocks)
        self._find()

    def _sequence(self, start: int) -> None:
        primary, logical, partition = bytearray(496), bytearray(424), bytearray(496)
        primary[24 - 16:56 - 16] = dstring("VOLUME", 32)
        struct.pack_into("<H", partition, 22 - 16, 0)
        struct.pack_into("<III", partition, 184 - 16, 1, START, len(self.blocks))
        maps = self._maps()
        logical[84 - 16:212 - 16] = dstring("DISC", 128)
        struct.pack_into("<I", logical, 212 - 16, self.block)
        logical[216 - 16:248 - 16] = regid(b"*OSTA UDF Compliant",
                                           struct.pack("<H", self.revision))
        logical[248 - 16:264 - 16] = long_ad(self.block, 4 if not self.home else 0, self.home)
        struct.pack_into("<II", logical, 264 - 16, sum(map(len, maps)), len(maps))
        bodies = [(1, primary), (6, logical + b"".join(maps)), (5, partition), (8, bytes(496))]
        for number, (kind, body) in enumerate(bodies):
            self.put(start + number, tagged(kind, start + number, bytes(body)))

    def _sparing(self, moved: dict[int, int]) -> None:
        body = regid(b"*UDF Sparing Table") + struct.pack("<HHI", len(moved), 0, 1)
        body += b"".join(struct.pack("<II", first, to) for first, to in moved.items())
        for place in (200, 201):
            self.put(place, tagged(0, place, body))

    def wear_out(self, packet: int) -> None:
        """Replace a packet by a spare one at the end and spoil the original."""
        size = PACKET * self.block
        at = START * self.block + packet * size
        spare = len(self.data) // self.block
        self.data += self.data[at:at + size]
        self.data[at:at + size] = b"\xee" * size
        self._sparing({packet * PACKET: spare})
        place = len(self.data) // self.block
        self.data += bytes(self.block)
        self.put(place, tagged(2, place, struct.pack("<IIII", 16 * self.block, 96,
                                                     16 * self.block, 112) + bytes(480)))

    # --- patching -------------------------------------------------------------------------------

    def put(self, block: int, raw: bytes) -> None:
        self.data[block * self.block:block * self.block + len(raw)] = raw

    def at(self, path: str) -> int:
        """The byte where the entry of ``path`` lies (of a metadata partition: the first copy)."""
        return self.entries[path]

    def seal(self, at: int) -> None:
        """Make checksum and CRC of a patched descriptor right again."""
        length = struct.unpack_from("<H", self.data, at + 10)[0]
        struct.pack_into("<H", self.data, at + 8, crc(self.data[at + 16:at + 16 + length]))
        self.data[at + 4] = 0
        self.data[at + 4] = sum(self.data[at:at + 16]) & 0xFF

    def patch(self, at: int, offset: int, layout: str, *values: int) -> None:
        """Change fields of the descriptor at byte ``at`` and seal it."""
        struct.pack_into(layout, self.data, at + offset, *values)
        self.seal(at)

    def _find(self) -> None:
        for path, number in self.places.items():
            self.entries[path] = self._real(number) * self.block
        for folder, (_, starts) in self._folders.items():
            at = self.entries[folder]
            ads = 216 if self.extended else 176
            layout = self.data[at + 34] & 7
            if layout == EMBEDDED:
                first = at + ads
            else:
                first = (START + struct.unpack_from("<I", self.data, at + ads + (
                    12 if layout == EXTENDED else 4))[0]) * self.block
            for path, start in starts:
                self.identifiers[path] = first + start

    def _real(self, number: int) -> int:
        if self.kind == "virtual":
            return START + self.table[number]
        if self.kind == "metadata":
            raw = self.metadata[number]
            return START + self.blocks.index(raw)
        return START + number

    def bytes(self) -> bytes:
        return bytes(self.data)


def descriptor(layout: int, length: int, block: int, kind: int = 0) -> bytes:
    """An allocation descriptor of partition 0."""
    typed = length | kind << 30
    if layout == SHORT:
        return struct.pack("<II", typed, block)
    if layout == LONG:
        return long_ad(typed, block, 0)
    return struct.pack("<IIIIHxx", typed, length, length, block, 0)


def udf(files: dict[str, bytes], **options: object) -> UdfImage:
    return UdfImage(files, **options).build()  # type: ignore[arg-type]
