"""Photos, scans and side files for the tests of wrapping, made without the program."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

IDENTITY = {"patient_id": "W1", "issuer": "LOCAL", "name": "Weiß^Ada", "birth_date": "19700102",
            "sex": "F", "StudyDate": "20260105", "StudyTime": "101500"}


def identity(folder: Path, **more: Any) -> Path:
    path = folder / "identity.json"
    path.write_text(json.dumps(IDENTITY | more), encoding="utf-8")
    return path


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def photo(rows: int = 24, columns: int = 40) -> NDArray[np.uint8]:
    """Colour, every corner another one."""
    y, x = np.mgrid[0:rows, 0:columns]
    return np.stack([x * 5, y * 9, (x + y) * 2], axis=-1).astype(np.uint8)


def jpeg(samples: NDArray[np.uint8] | None = None, *segments: bytes) -> bytes:
    """With ``segments`` right behind the start."""
    import imagecodecs
    data = imagecodecs.jpeg8_encode(photo() if samples is None else samples, level=90)
    return bytes(data[:2] + b"".join(segments) + data[2:])


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def exif(*, orientation: int = 1, taken: str = "", place: bool = False) -> bytes:
    """An APP1 segment. The second directory holds the time, the third the place."""
    entries = [(0x0112, 3, 1, struct.pack("<HH", orientation, 0))]
    count = 1 + bool(taken) + place
    after = 8 + 2 + 12 * count + 4
    inner = b""
    if taken:
        entries.append((0x8769, 4, 1, struct.pack("<I", after)))
        text = taken.encode() + b"\0"
        inner = struct.pack("<HHHII", 1, 0x9003, 2, len(text), after + 18) + bytes(4) + text
    if place:
        entries.append((0x8825, 4, 1, struct.pack("<I", after)))
    table = struct.pack("<H", count) + b"".join(
        struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries) + bytes(4)
    return segment(0xE1, b"Exif\0\0II*\0" + struct.pack("<I", 8) + table + inner + b"SECRET-PLACE")


def icc() -> bytes:
    """Something that begins like an RGB profile."""
    return struct.pack(">I", 160) + b"none\x02\x10\0\0mntrRGB XYZ " + bytes(136)


def tiff(*pages: NDArray[Any], compression: int = 1, photometric: int | None = None,
         bits: int | None = None) -> bytes:
    """Little endian, a strip for each page."""
    import imagecodecs
    out = bytearray(b"II*\0" + struct.pack("<I", 0))
    link = 4
    for page in pages:
        data = {1: np.ndarray.tobytes, 4: lambda _: FAX, 5: imagecodecs.lzw_encode,
                7: imagecodecs.jpeg8_encode, 8: imagecodecs.zlib_encode,
                32773: imagecodecs.packbits_encode}[compression](page)
        samples = page.shape[2] if page.ndim == 3 else 1
        strip = len(out)
        out += data + b"\0" * (len(data) % 2)
        depth = bits or 8 * page.itemsize
        columns = page.shape[1] * (8 if depth == 1 else 1)
        colour = photometric if photometric is not None else 2 if samples == 3 else 1
        values = {256: columns, 257: page.shape[0], 258: depth, 259: compression, 262: colour,
                  273: strip, 277: samples, 278: page.shape[0], 279: len(data)}
        struct.pack_into("<I", out, link, len(out))
        out += struct.pack("<H", len(values)) + b"".join(
            struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items())
        link = len(out)
        out += bytes(4)
    return bytes(out)


#: Group 4: two lines of 8 white and 8 black pixels (T.6: horizontal mode, then as above).
FAX = int("001" "10011" "000101" "111" "000000000001" "000000000001" "0000000", 2).to_bytes(
    6, "big")
PDF = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"
REPORT = """CT des Thorax

Befund:
Die Lunge ist frei, kein Erguss und keine Raumforderung.
Der Herzschatten ist nicht vergrößert.

Beurteilung:

Kein Nachweis einer Pneumonie.  \r
"""
OBJ = (b"# made by hand\nmtllib bone.mtl\no femur\nv 0 0 0\nv 1.5 0 -2e-1\nv 0 1 0\nusemtl bone\n"
       b"f 1 2 \\\n 3\n")
MTL = b"newmtl bone\nKd 0.9 0.8 0.7\nillum 2\n"
CDA = """<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3"><typeId root="2.16.840.1.113883.1.3"/>
<id root="2.16.840.1.113883.19.5" extension="c266"/>
<code code="11528-7" codeSystem="2.16.840.1.113883.6.1" displayName="Radiology Report"/>
<title>Thorax, ä</title><effectiveTime value="20260105101500+0100"/>
<component><nonXMLBody><text mediaType="application/pdf">QQ==</text></nonXMLBody></component>
</ClinicalDocument>
""".encode()
#: Containers that only ffmpeg reads: enough of them to be known by.
AVI = b"RIFF" + struct.pack("<I", 400) + b"AVI LIST" + struct.pack("<I", 300) + b"hdrl" + bytes(380)
MATROSKA = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm" + bytes(300)
STL = bytes(80) + struct.pack("<I", 3) + bytes(150)
