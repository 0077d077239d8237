"""Sequence parameter set and frame packing of H.264 (ITU-T H.264 7.3.2.1.1, D.1.26, E.1.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from mediasvc.errors import DamagedError
from mediasvc.media.video.bit_reader import BitReader, unescaped
from mediasvc.media.video.stream_header import ASPECTS, EXTENDED_ASPECT, StreamHeader, fraction

SEI, SPS = 6, 7
FRAME_PACKING = 45
#: Profiles whose set says chroma and bit depth.
_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
#: Steps of cropping by chroma_format_idc: (columns, rows).
_CROP = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
LARGEST = 1 << 16
#: pic_order_cnt_type 1 lists at most so many offsets.
MOST_OFFSETS = 255


def h264_header(units: Iterable[bytes]) -> StreamHeader:
    """From NAL units without start codes. Raises DamagedError without a parameter set."""
    header, packed = None, False
    stereo = False
    for unit in units:
        kind = unit[0] & 31 if unit else 0
        if kind == SPS and header is None:
            header = read_sps(unit)
        elif kind == 15 and len(unit) > 1 and unit[1] == 128:
            stereo = True  # the subset that a Stereo High stream adds
        elif kind == SEI:
            packed = packed or _packs_frames(unescaped(unit[1:]))
    if header is None:
        raise DamagedError("the video stream has no sequence parameter set")
    if stereo:
        header = replace(header, profile=128)
    return replace(header, stereo=packed or stereo or header.profile == 128)


def read_sps(unit: bytes) -> StreamHeader:
    """One set. Raises DamagedError."""
    reader = BitReader(unescaped(unit[1:]))
    profile, _, level = reader.bits(8), reader.bits(8), reader.bits(8)
    reader.unsigned()
    chroma, bits = 1, 8
    if profile in _HIGH:
        chroma = reader.unsigned()
        if chroma == 3:
            reader.flag()
        bits = 8 + max(reader.unsigned(), reader.unsigned())
        reader.flag()
        if reader.flag():
            _skip_scaling(reader, 12 if chroma == 3 else 8)
    _skip_order(reader)
    columns, units = 16 * (reader.unsigned() + 1), reader.unsigned() + 1
    frames_only = reader.flag()
    rows = 16 * units * (1 if frames_only else 2)
    if not frames_only:
        reader.flag()
    reader.flag()
    if reader.flag():
        left, right, top, bottom = (reader.unsigned() for _ in range(4))
        across, down = _CROP.get(chroma, (1, 1))
        columns -= across * (left + right)
        rows -= down * (1 if frames_only else 2) * (top + bottom)
    if not (0 < rows < LARGEST and 0 < columns < LARGEST and chroma <= 3):
        raise DamagedError("the video stream says an impossible size")
    aspect, rate = _usability(reader) if reader.flag() else (Fraction(1), Fraction(0))
    return StreamHeader("h264", profile, level, rows, columns, chroma, bits, aspect, rate,
                        not frames_only)


def _skip_scaling(reader: BitReader, lists: int) -> None:
    for number in range(lists):
        if not reader.flag():
            continue
        last = following = 8
        for _ in range(16 if number < 6 else 64):
            if following:
                following = (last + reader.signed()) % 256
            last = following or last


def _skip_order(reader: BitReader) -> None:
    reader.unsigned()
    kind = reader.unsigned()
    if kind == 0:
        reader.unsigned()
    elif kind == 1:
        reader.flag()
        reader.signed()
        reader.signed()
        count = reader.unsigned()
        if count > MOST_OFFSETS:
            raise DamagedError("a header of the video stream is damaged")
        for _ in range(count):
            reader.signed()
    reader.unsigned()
    reader.flag()


def _usability(reader: BitReader) -> tuple[Fraction, Fraction]:
    """(shape of a pixel, frames per second or 0) of the VUI."""
    aspect = Fraction(1)
    if reader.flag():
        number = reader.bits(8)
        if number == EXTENDED_ASPECT:
            aspect = fraction(reader.bits(16), reader.bits(16), aspect)
        else:
            aspect = ASPECTS.get(number, aspect)
    if reader.flag():
        reader.flag()
    if reader.flag():
        reader.bits(4)
        if reader.flag():
            reader.bits(24)
    if reader.flag():
        reader.unsigned()
        reader.unsigned()
    if not reader.flag():
        return aspect, Fraction(0)
    ticks, scale = reader.bits(32), reader.bits(32)
    return aspect, fraction(scale, 2 * ticks, Fraction(0))


def _packs_frames(message: bytes) -> bool:
    """Whether supplemental information says that two views share a frame, and is not cancelled."""
    at = 0
    while at + 2 <= len(message) and message[at:] != b"\x80":
        kind = size = 0
        while at < len(message) and message[at] == 255:
            kind, at = kind + 255, at + 1
        if at >= len(message):
            return False
        kind, at = kind + message[at], at + 1
        while at < len(message) and message[at] == 255:
            size, at = size + 255, at + 1
        if at >= len(message):
            return False
        size, at = size + message[at], at + 1
        if kind == FRAME_PACKING:
            try:
                reader = BitReader(message[at:at + size])
                reader.unsigned()
                return not reader.flag()
            except DamagedError:
                return False
        at += size
    return False
