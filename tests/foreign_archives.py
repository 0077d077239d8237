"""Archives of other kinds, stored without compression, each written from its description and
independent of 7-Zip: {name: bytes} in, the archive out."""

from __future__ import annotations

import base64
import plistlib
import struct
import zlib
from collections.abc import Callable, Mapping

Files = Mapping[str, bytes]
CAB_BLOCK = 32_768


def cab(files: Files) -> bytes:
    """Microsoft Cabinet ([MS-CAB] 2)."""
    content = b"".join(files.values())
    blocks = [content[at:at + CAB_BLOCK] for at in range(0, len(content), CAB_BLOCK)]
    entries, offset = b"", 0
    for name, data in files.items():
        entries += struct.pack("<IIHHHH", len(data), offset, 0, 0x5A21, 0, 0x20)
        entries += name.replace("/", "\\").encode() + b"\0"
        offset += len(data)
    first = 36 + 8
    data_at = first + len(entries)
    stored = b"".join(struct.pack("<IHH", 0, len(one), len(one)) + one for one in blocks)
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, data_at + len(stored), 0, first, 0, 3, 1, 1,
                       len(files), 0, 1, 0)
    return head + struct.pack("<IHH", data_at, len(blocks), 0) + entries + stored


def rar4(files: Files, *, method: int = 0x30, mode: int = 0o100644, encrypted: bool = False,
         ) -> bytes:
    """RAR 1.5-4 (technote.txt)."""

    def block(kind: int, flags: int, rest: bytes) -> bytes:
        body = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
        return struct.pack("<H", zlib.crc32(body) & 0xFFFF) + body

    out = b"Rar!\x1a\x07\0" + block(0x73, 0, bytes(6))
    for name, data in files.items():
        raw = name.encode()
        out += block(0x74, 0x8000 | 4 * encrypted, struct.pack(
            "<IIBIIBBHI", len(data), len(data), 3, zlib.crc32(data), 0x5A210000, 20, method,
            len(raw), mode) + raw) + data
    return out + block(0x7B, 0x4000, b"")


def _vint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def rar5(files: Files, *, method: int = 0, link_to: str = "") -> bytes:
    """RAR 5.0 (rarlab.com/technote.htm)."""

    def block(kind: int, flags: int, rest: bytes) -> bytes:
        body = _vint(kind) + _vint(flags) + rest
        body = _vint(len(body)) + body
        return struct.pack("<I", zlib.crc32(body)) + body

    out = b"Rar!\x1a\x07\x01\0" + block(1, 0, _vint(0))
    for name, data in files.items():
        raw, extra = name.encode(), b""
        if link_to:
            record = _vint(5) + _vint(1) + _vint(0) + _vint(len(link_to)) + link_to.encode()
            extra = _vint(len(record)) + record
        rest = (_vint(len(extra)) if extra else b"") + _vint(len(data)) + _vint(4)
        rest += _vint(len(data)) + _vint(0o100644) + struct.pack("<I", zlib.crc32(data))
        rest += _vint(method << 7) + _vint(1) + _vint(len(raw)) + raw + extra
        out += block(2, 2 | bool(extra), rest) + data
    return out + block(5, 0, _vint(0))


def lzh(files: Files) -> bytes:
    """LHA with headers of level 0, method -lh0-."""
    out = b""
    for name, data in files.items():
        raw = name.replace("/", "\\").encode()
        body = b"-lh0-" + struct.pack("<IIIBBB", len(data), len(data), 0x5A210000, 0x20, 0,
                                      len(raw)) + raw + struct.pack("<H", _crc16(data))
        out += bytes([len(body), sum(body) & 0xFF]) + body + data
    return out + b"\0"


def _crc16(data: bytes) -> int:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0xA001 * (value & 1)
        table.append(value)
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def arj(files: Files) -> bytes:
    """ARJ (TECHNOTE 1993)."""

    def header(fixed: bytes, name: str) -> bytes:
        basic = fixed + name.encode() + b"\0\0"
        return b"\x60\xea" + struct.pack("<H", len(basic)) + basic + struct.pack(
            "<IH", zlib.crc32(basic), 0)

    out = header(struct.pack("<BBBBBBBBIIIIHHH", 30, 11, 1, 2, 0x10, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0),
                 "a.arj")
    for name, data in files.items():
        out += header(struct.pack("<BBBBBBBBIIIIHHH", 30, 11, 1, 2, 0x10, 0, 0, 0, 0x5A210000,
                                  len(data), len(data), zlib.crc32(data), 0, 0o644, 0),
                      name) + data
    return out + b"\x60\xea\0\0"


def dmg(volume: bytes) -> bytes:
    """Apple UDIF around a volume: one zlib run, its list in XML, the koly trailer."""
    packed, sectors = zlib.compress(volume, 1), len(volume) // 512
    checksum = struct.pack(">II", 2, 32) + struct.pack(">I", zlib.crc32(volume)) + bytes(124)
    runs = struct.pack(">IIQQQQ", 0x80000005, 0, 0, sectors, 0, len(packed))
    runs += struct.pack(">IIQQQQ", 0xFFFFFFFF, 0, sectors, 0, len(packed), 0)
    mish = b"mish" + struct.pack(">IQQQII", 1, 0, sectors, 0, 2056, 0) + bytes(24) + checksum
    mish += struct.pack(">I", 2) + runs
    listing = plistlib.dumps({"resource-fork": {"blkx": [
        {"Attributes": "0x0050", "CFName": "disc", "Data": mish, "ID": "0", "Name": "disc"}]}})
    assert base64.b64encode(mish)[:16] in listing.replace(b"\t", b"").replace(b"\n", b"")
    trailer = b"koly" + struct.pack(">IIIQQQQQII", 4, 512, 1, 0, 0, len(packed), 0, 0, 1, 1)
    trailer += bytes(16) + checksum + struct.pack(">QQ", len(packed), len(listing)) + bytes(120)
    trailer += checksum + struct.pack(">IQ", 1, sectors) + bytes(12)
    return packed + listing + trailer


WRITERS: dict[str, Callable[[Files], bytes]] = {
    "cab": cab, "rar4": rar4, "rar5": rar5, "lzh": lzh, "arj": arj}
