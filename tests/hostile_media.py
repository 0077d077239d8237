"""Builders of zips, ISO images and folders that no honest program would write.

Everything is made byte by byte, without any library that could refuse, and always the same.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath

SECTOR = 2048
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
SYMLINK, FIFO, DEVICE, REGULAR = 0o120777, 0o010644, 0o020644, 0o100644


# --- zip ----------------------------------------------------------------------------------------

@dataclass(frozen=True)
class ZipItem:
    """One entry. Whatever is None is what an honest writer would put there."""

    name: bytes
    data: bytes = b""
    method: int = 8
    flags: int = 0
    mode: int = 0
    packed: bytes | None = None
    crc: int | None = None
    length: int | None = None
    local_name: bytes | None = None
    local_method: int | None = None
    local_length: int | None = None
    offset: int | None = None
    extra: bytes = b""

    def body(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflate(self.data) if self.method == 8 else self.data

    def checksum(self) -> int:
        return zlib.crc32(self.data) if self.crc is None else self.crc

    def size(self) -> int:
        return len(self.data) if self.length is None else self.length

    def local(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        method = self.method if self.local_method is None else self.local_method
        size = self.size() if self.local_length is None else self.local_length
        numbers = (0, 0, 0) if self.flags & 8 else (self.checksum(), len(self.body()), size)
        return struct.pack("<4sHHHHHIIIHH", LOCAL, 20, self.flags, method, 0, 0x21, *numbers,
                           len(name), 0) + name

    def central(self, offset: int) -> bytes:
        at = offset if self.offset is None else self.offset
        return struct.pack(
            "<4sHHHHHHIIIHHHHHII", CENTRAL, 0x0314, 20, self.flags, self.method, 0, 0x21,
            self.checksum(), len(self.body()), self.size(), len(self.name), len(self.extra), 0, 0,
            0, self.mode << 16, at) + self.name + self.extra


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def zip_bytes(*items: ZipItem, prefix: bytes = b"", gap: bytes = b"", count: int | None = None,
              comment: bytes = b"", between: bytes = b"") -> bytes:
    """A zip of ``items``. ``gap`` follows each entry, ``between`` lies before the end record."""
    body, offsets = bytearray(), []
    for item in items:
        offsets.append(len(body))
        body += item.local() + item.body()
        if item.flags & 8:
            body += struct.pack("<4sIII", b"PK\x07\x08", item.checksum(), len(item.body()),
                                item.size())
        body += gap
    directory = b"".join(item.central(at) for item, at in zip(items, offsets, strict=True))
    entries = len(items) if count is None else count
    end = struct.pack("<4sHHHHIIH", END, 0, 0, entries & 0xFFFF, entries & 0xFFFF, len(directory),
                      len(body), len(comment))
    return prefix + body + directory + between + end + comment


def overlapping_zip(names: list[bytes], kernel: bytes) -> bytes:
    """Fifield's bomb: each entry begins earlier, quotes the headers of the next ones and ends in
    the same packed bytes."""
    body, plain, following = deflate(kernel), kernel, b""
    items: list[tuple[ZipItem, int]] = []
    for name in reversed(names):
        if following:
            body = _quote(following) + body
            plain = following + plain
        item = ZipItem(name, plain, packed=body)
        following = item.local()
        body = following + body
        items.append((item, len(body)))
    directory = b"".join(item.central(len(body) - distance) for item, distance in reversed(items))
    return body + directory + struct.pack("<4sHHHHIIH", END, 0, 0, len(names), len(names),
                                          len(directory), len(body), 0)


def _quote(data: bytes) -> bytes:
    """The head of a deflate block that quotes what follows it and is not the last one."""
    return b"\x00" + struct.pack("<HH", len(data), len(data) ^ 0xFFFF)


def zip64_end(count: int) -> bytes:
    """A file of 98 bytes whose zip64 end claims ``count`` entries."""
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, 0, 0)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, 0, 1)
    return wide + locator + struct.pack("<4sHHHHIIH", END, 0, 0, 0xFFFF, 0xFFFF, 0, 0xFFFFFFFF, 0)


def pkware_encrypt(data: bytes, password: bytes, check: int) -> bytes:
    """The traditional cipher, straight from APPNOTE 6.1, with a header of zeros."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def crc(value: int, byte: int) -> int:
        return (zlib.crc32(bytes([byte]), value ^ 0xFFFFFFFF) ^ 0xFFFFFFFF) & 0xFFFFFFFF

    def turn(byte: int) -> None:
        keys[0] = crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc(keys[2], keys[1] >> 24)

    for byte in password:
        turn(byte)
    out = bytearray()
    for byte in bytes(11) + bytes([check]) + data:
        mixed = (keys[2] & 0xFFFF) | 2
        out.append(byte ^ ((mixed * (mixed ^ 1)) >> 8) & 0xFF)
        turn(byte)
    return bytes(out)


def encrypted_item(name: bytes, data: bytes, password: bytes) -> ZipItem:
    packed = pkware_encrypt(deflate(data), password, zlib.crc32(data) >> 24)
    return ZipItem(name, data, flags=1, packed=packed)


# --- ISO 9660 -----------------------------------------------------------------------------------

@dataclass
class Image:
    """An ISO image under construction; records and extents can be patched by path.

    ``files`` maps paths to contents, ``joliet`` likewise for a second tree (None: no such tree).
    Files with the same content share an extent.
    """

    files: dict[str, bytes]
    joliet: dict[str, bytes] | None = None
    system_use: dict[str, bytes] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    records: dict[str, int] = field(default_factory=dict)
    folders: dict[str, tuple[int, int]] = field(default_factory=dict)
    extents: dict[bytes, int] = field(default_factory=dict)

    def build(self) -> Image:
        self.data = bytearray(SECTOR * (16 + 2 + (self.joliet is not None)))
        for content in dict.fromkeys([*self.files.values(), *(self.joliet or {}).values()]):
            self.extents[content] = self._append(content)
        root = self._tree(self.files, "")
        self._descriptor(16, 1, root, False)
        if self.joliet is not None:
            self._descriptor(17, 2, self._tree(self.joliet, "joliet:"), True)
        last = SECTOR * (17 + (self.joliet is not None))
        self.data[last:last + 7] = b"\xffCD001\x01"
        for sector in (16, 17)[:1 + (self.joliet is not None)]:
            self.put_both(sector * SECTOR + 80, len(self.data) // SECTOR)
        return self

    def _append(self, content: bytes) -> int:
        at = len(self.data) // SECTOR
        self.data += content + bytes(-len(content) % SECTOR)
        return at

    def _tree(self, files: dict[str, bytes], prefix: str) -> tuple[int, int]:
        folders = {PurePosixPath(".")}
        for path in files:
            folders |= set(PurePosixPath(path).parents)
        made: dict[PurePosixPath, tuple[int, int]] = {}
        for folder in sorted(folders, key=lambda f: -len(f.parts)):
            below = [(f, made[f]) for f in sorted(made) if f.parent == folder and f != folder]
            inside = [PurePosixPath(p) for p in sorted(files) if PurePosixPath(p).parent == folder]
            made[folder] = self._folder(folder, below, inside, files, prefix)
        return made[PurePosixPath(".")]

    def _folder(self, folder: PurePosixPath, below: list[tuple[PurePosixPath, tuple[int, int]]],
                inside: list[PurePosixPath], files: dict[str, bytes], prefix: str,
                ) -> tuple[int, int]:
        start = len(self.data)
        sector, places = start // SECTOR, []
        raw = bytearray()
        own = b"" if prefix else self.system_use.get(f"{folder}/" if folder.parts else "/", b"")
        rows = [(None, b"\0", sector, 0, 2, own), (None, b"\1", sector, 0, 2, b"")]
        rows += [(str(f), _name(f.name, prefix, True), at, size, 2,
                  b"" if prefix else self.system_use.get(str(f), b"")) for f, (at, size) in below]
        rows += [(str(p), _name(p.name, prefix, False), self.extents[files[str(p)]],
                  len(files[str(p)]), 0, b"" if prefix else self.system_use.get(str(p), b""))
                 for p in inside]
        for path, name, at, size, flags, use in rows:
            row = record(name, at, size, flags, use)
            if len(raw) % SECTOR + len(row) > SECTOR:
                raw += bytes(-len(raw) % SECTOR)
            if path is not None:
                places.append((path, start + len(raw)))
            raw += row
        raw += bytes(-len(raw) % SECTOR)
        self.data += raw
        self.put_both(start + 10, len(raw))
        self.put_both(start + raw[0] + 10, len(raw))
        for path, at in places:
            self.records[prefix + path] = at
        self.folders[prefix + str(folder)] = (sector, len(raw))
        return sector, len(raw)

    def _descriptor(self, sector: int, kind: int, root: tuple[int, int], joliet: bool) -> None:
        at = sector * SECTOR
        self.data[at:at + 7] = bytes([kind]) + b"CD001\x01"
        blank = " ".encode("utf-16-be") * 16 if joliet else b" " * 32
        self.data[at + 8:at + 72] = blank * 2
        if joliet:
            self.data[at + 88:at + 91] = b"%/E"
        self.data[at + 128:at + 132] = b"\x00\x08\x08\x00"
        self.data[at + 156:at + 190] = record(b"\0", *root, 2)

    def put_both(self, at: int, value: int) -> None:
        """A number in both byte orders."""
        self.data[at:at + 8] = struct.pack("<I", value) + struct.pack(">I", value)

    def set_extent(self, path: str, sector: int) -> None:
        self.put_both(self.records[path] + 2, sector)

    def set_length(self, path: str, length: int) -> None:
        self.put_both(self.records[path] + 10, length)

    def set_flags(self, path: str, flags: int) -> None:
        self.data[self.records[path] + 25] = flags

    def sector_of(self, path: str) -> int:
        return int(struct.unpack_from("<I", self.data, self.records[path] + 2)[0])

    def bytes(self) -> bytes:
        return bytes(self.data)


def _name(name: str, prefix: str, folder: bool) -> bytes:
    if prefix:
        return name.encode("utf-16-be", "surrogatepass")
    return name.encode("latin-1") if folder or ";" in name else f"{name}.;1".encode("latin-1") \
        if "." not in name else f"{name};1".encode("latin-1")


def record(name: bytes, sector: int, length: int, flags: int, use: bytes = b"") -> bytes:
    """A directory record (ECMA-119 9.1)."""
    pad = b"" if len(name) % 2 else b"\0"
    use += b"\0" * (len(use) % 2)
    size = 33 + len(name) + len(pad) + len(use)
    return (bytes([size, 0]) + struct.pack("<I", sector) + struct.pack(">I", sector)
            + struct.pack("<I", length) + struct.pack(">I", length) + bytes(7)
            + bytes([flags, 0, 0]) + b"\x01\0\0\x01" + bytes([len(name)]) + name + pad + use)


def image(files: dict[str, bytes], **options: object) -> Image:
    return Image(files, **options).build()  # type: ignore[arg-type]


#: SUSP and Rock Ridge entries.
SP = b"SP\x07\x01\xbe\xef\x00"


def nm(name: bytes, flags: int = 0) -> bytes:
    return b"NM" + bytes([5 + len(name), 1, flags]) + name


def px(mode: int) -> bytes:
    numbers = b"".join(struct.pack("<I", n) + struct.pack(">I", n) for n in (mode, 1, 0, 0))
    return b"PX" + bytes([4 + len(numbers), 1]) + numbers


def sl(target: bytes) -> bytes:
    return b"SL" + bytes([7 + len(target), 1, 0, 0, len(target)]) + target


def ce(sector: int, offset: int, length: int) -> bytes:
    numbers = b"".join(struct.pack("<I", n) + struct.pack(">I", n)
                       for n in (sector, offset, length))
    return b"CE" + bytes([4 + len(numbers), 1]) + numbers
