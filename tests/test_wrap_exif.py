"""Time, side and place of photos of every format: what is taken over and what is left behind."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import wrap_things as things
from tests.test_wrap_pictures import wrapped

TAKEN = b"2026:02:03 14:15:16\0"
PLACE = b"SECRET-PLACE"


def directory(base: int, orientation: int, *more: tuple[int, bytes]) -> bytes:
    """A little endian TIFF directory at ``base`` with EXIF time and zone, and a place."""
    rows = [(0x0112, 3, 1, struct.pack("<HH", orientation, 0)),
            *((tag, 7, len(data), data) for tag, data in more)]
    rows += [(0x8769, 4, 1, b"EXIF"), (0x8825, 4, 1, b"GPS.")]
    at, tail, out = base + 2 + 12 * len(rows) + 4, b"", struct.pack("<H", len(rows))
    for tag, kind, count, value in sorted(rows):
        if value in (b"EXIF", b"GPS."):
            value = struct.pack("<I", at + len(tail))
            tail += inner(at + len(tail)) if tag == 0x8769 else place(at + len(tail))
        elif len(value) > 4:
            place_of, tail = at + len(tail), tail + value
            value = struct.pack("<I", place_of)
        out += struct.pack("<HHI", tag, kind, count) + value
    return out + bytes(4) + tail


def inner(at: int) -> bytes:
    zone = b"+02:00\0"
    after = at + 2 + 24 + 4
    return (struct.pack("<HHHII", 2, 0x9003, 2, len(TAKEN), after)
            + struct.pack("<HHII", 0x9011, 2, len(zone), after + len(TAKEN)) + bytes(4)
            + TAKEN + zone)


def place(at: int) -> bytes:
    return struct.pack("<HHHII", 1, 2, 2, len(PLACE), at + 18) + bytes(4) + PLACE


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    import imagecodecs
    data = bytes(imagecodecs.png_encode(things.photo()))
    extra = b"".join(struct.pack(">I", len(body)) + kind + body
                     + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)
    return data[:33] + extra + data[33:]


def exif(orientation: int) -> bytes:
    return b"II*\0" + struct.pack("<I", 8) + directory(8, orientation)


def tiff(orientation: int) -> bytes:
    """The page's own directory has what EXIF says and a colour profile."""
    pixels = things.photo().tobytes()
    base = 8 + len(pixels)
    plain = {256: 40, 257: 24, 258: 8, 259: 1, 262: 2, 273: 8, 277: 3, 278: 24, 279: len(pixels)}
    rows = [(tag, 4, 1, struct.pack("<I", value)) for tag, value in plain.items()]
    rows.append((0x0112, 3, 1, struct.pack("<HH", orientation, 0)))
    at = base + 2 + 12 * (len(rows) + 3) + 4
    profile = things.icc()
    rows.append((34675, 7, len(profile), struct.pack("<I", at)))
    rows.append((0x8769, 4, 1, struct.pack("<I", at + len(profile))))
    block = inner(at + len(profile))
    gps_at = at + len(profile) + len(block)
    rows.append((0x8825, 4, 1, struct.pack("<I", gps_at)))
    table = struct.pack("<H", len(rows)) + b"".join(
        struct.pack("<HHI", *row[:3]) + row[3] for row in sorted(rows)) + bytes(4)
    return (b"II*\0" + struct.pack("<I", base) + pixels + table + profile + block
            + place(gps_at))


def jpeg(orientation: int) -> bytes:
    xmp = things.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>SECRET-PLACE</x>")
    iptc = things.segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04" + PLACE)
    profile = things.segment(0xE2, b"ICC_PROFILE\0\1\1" + things.icc())
    return things.jpeg(None, things.segment(0xE1, b"Exif\0\0" + exif(orientation)), xmp, iptc,
                       profile)


def icc_chunk() -> tuple[bytes, bytes]:
    return b"iCCP", b"p\0\0" + zlib.compress(things.icc())


FORMATS: dict[str, Any] = {
    "jpeg": jpeg, "tiff": tiff, "png": lambda side: png((b"eXIf", exif(side)), icc_chunk())}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_what_a_photo_says_of_itself(tmp_path: Path, name: str, orientation: int) -> None:
    made = wrapped(tmp_path, "a", FORMATS[name](orientation), StudyDate="", StudyTime="")
    assert made.AcquisitionDateTime == "20260203141516+0200"
    assert (made.ContentDate, made.ContentTime) == ("20260203", "141516")
    assert b"SECRET" not in (tmp_path / "a.dcm").read_bytes()
    assert made.ICCProfile == things.icc()
    turns = {1: 0, 3: 2, 6: -1}[orientation]
    seen = made.pixel_array.astype(int)
    assert seen.shape == np.rot90(things.photo(), turns).shape
    if made.PhotometricInterpretation == "RGB":
        assert np.abs(seen - np.rot90(things.photo(), turns)).mean() < 8


def test_a_png_says_when_it_was_changed(tmp_path: Path) -> None:
    data = png((b"tIME", struct.pack(">HBBBBB", 2026, 2, 3, 14, 15, 16)))
    assert wrapped(tmp_path, "a", data).AcquisitionDateTime == "20260203141516+0000"
