"""Sample entries of an MP4: which codec, and what its headers say (ISO 14496-15, 14496-14, -1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from mediasvc.media.video.h264_headers import h264_header
from mediasvc.media.video.h265_headers import h265_header
from mediasvc.media.video.mp4_boxes import Box, Boxes, number
from mediasvc.media.video.mpeg2_headers import mpeg2_header
from mediasvc.media.video.stream_header import StreamHeader

#: Bytes of a sample entry before its boxes.
VISUAL, SOUND = 78, 28
#: Sample entry → codec; ``mp4v`` says in its descriptor what it is.
_CODECS = {b"avc1": "h264", b"avc3": "h264", b"hvc1": "hevc", b"hev1": "hevc"}
#: objectTypeIndication (14496-1 table 5) → codec or sound.
_OBJECTS = {0x60: "mpeg2", 0x61: "mpeg2", 0x62: "mpeg2", 0x63: "mpeg2", 0x64: "mpeg2",
            0x65: "mpeg2", 0x6A: "mpeg1", 0x20: "mpeg4", 0x40: "aac", 0x66: "aac", 0x67: "aac",
            0x68: "aac", 0x69: "mp3", 0x6B: "mp3", 0xA5: "ac3"}
_SOUNDS = {b"ac-3": "ac3", b"ec-3": "eac3", b".mp3": "mp3", b"lpcm": "lpcm", b"sowt": "lpcm",
           b"twos": "lpcm", b"Opus": "opus", b"fLaC": "flac", b"alac": "alac"}
FIRST_SAMPLE = 1 << 16


@dataclass(frozen=True, slots=True)
class Picture:
    """``header`` is None for codecs that DICOM does not know; ``aspect`` is what the container
    says of the shape of a pixel."""

    codec: str
    header: StreamHeader | None = None
    aspect: Fraction | None = None


def read_picture(boxes: Boxes, table: Box, entry: Box) -> Picture:
    """Raises DamagedError when the headers of a codec that we know are not there."""
    parts = {one.kind: one for one in boxes.children(entry, VISUAL)}
    aspect = None
    if b"pasp" in parts:
        pair = boxes.read(parts[b"pasp"], 8)
        if number(pair, 0) and number(pair, 4):
            aspect = Fraction(number(pair, 0), number(pair, 4))
    codec = _CODECS.get(entry.kind, entry.kind.decode("latin-1"))
    if codec == "h264" and b"avcC" in parts:
        sets = _avc_units(boxes.read(parts[b"avcC"]))
        return Picture(codec, h264_header([*sets, *_first_units(boxes, table)]), aspect)
    if codec == "hevc" and b"hvcC" in parts:
        sets = _hevc_units(boxes.read(parts[b"hvcC"]))
        return Picture(codec, h265_header([*sets, *_first_units(boxes, table)]), aspect)
    if entry.kind == b"mp4v" and b"esds" in parts:
        codec = _OBJECTS.get(_object_type(boxes.read(parts[b"esds"])), "mpeg4")
    elif entry.kind == b"m2v1":
        codec = "mpeg2"
    if codec == "mpeg2":
        return Picture(codec, mpeg2_header(_first_sample(boxes, table)), aspect)
    return Picture(codec, None, aspect)


def read_sound(boxes: Boxes, entry: Box) -> tuple[str, int]:
    """(format, Hz or 0)"""
    head = boxes.read(entry, SOUND)
    rate = number(head, 24, 2) if len(head) == SOUND else 0
    if entry.kind != b"mp4a":
        return _SOUNDS.get(entry.kind, entry.kind.decode("latin-1")), rate
    extra = {1: 16, 2: 36}.get(number(head, 8, 2), 0)
    for part in boxes.children(entry, SOUND + extra):
        if part.kind == b"esds":
            return _OBJECTS.get(_object_type(boxes.read(part)), "aac"), rate
    return "aac", rate


def _object_type(data: bytes) -> int:
    """objectTypeIndication of a DecoderConfigDescriptor (tag 4), 0 when there is none."""
    at = 4
    while at + 2 <= len(data):
        tag = data[at]
        at += 1
        while at < len(data) and data[at] & 0x80:
            at += 1
        at += 1
        if tag == 4:
            return data[at] if at < len(data) else 0
        if tag != 3 or at + 3 > len(data):
            return 0
        flags = data[at + 2]
        at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
    return 0


def _avc_units(data: bytes) -> Iterator[bytes]:
    """Parameter sets of an AVCDecoderConfigurationRecord (14496-15 5.3.3.1)."""
    at = 6
    for _ in range(number(data, 5, 1) & 31):
        size = number(data, at, 2)
        yield data[at + 2:at + 2 + size]
        at += 2 + size
    for _ in range(number(data, at, 1)):
        size = number(data, at + 1, 2)
        yield data[at + 3:at + 3 + size]
        at += 2 + size


def _hevc_units(data: bytes) -> Iterator[bytes]:
    """Arrays of an HEVCDecoderConfigurationRecord (14496-15 8.3.3.1)."""
    at = 23
    for _ in range(number(data, 22, 1)):
        count = number(data, at + 1, 2)
        at += 3
        for _ in range(count):
            size = number(data, at, 2)
            yield data[at + 2:at + 2 + size]
            at += 2 + size


def _first_units(boxes: Boxes, table: Box) -> Iterator[bytes]:
    """NAL units of the first picture, with lengths of four bytes as all writers use them. They
    are needed for frame packing and for sets that stand in the stream only."""
    data = _first_sample(boxes, table)
    at = 0
    while at + 4 < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        if not 0 < size <= len(data):
            return
        yield data[at + 4:at + 4 + size]
        at += 4 + size


def _first_sample(boxes: Boxes, table: Box) -> bytes:
    """The first bytes of the first chunk; empty where fragments hold the pictures."""
    box = boxes.find(table, b"stco") or boxes.find(table, b"co64")
    if box is None or box.length < 12:
        return b""
    wide = 8 if box.kind == b"co64" else 4
    head = boxes.read(box, 8 + wide)
    return boxes.window.head(number(head, 8, wide), FIRST_SAMPLE)
