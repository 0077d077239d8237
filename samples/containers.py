"""Containers around `samples.streams`: MP4, MPEG transport stream, MPEG program stream."""

from __future__ import annotations

import struct

from samples.streams import Video

_ENTRIES = {"h264": b"avc1", "hevc": b"hvc1", "mpeg2": b"mp4v"}
_TYPES = {"mpeg2": 0x02, "h264": 0x1B, "hevc": 0x24, "aac": 0x0F, "mp2": 0x03, "ac3": 0x81}
VIDEO_PID, MAP_PID = 256, 4096


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind: bytes, *parts: bytes, flags: int = 0, version: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def words(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def mp4(video: Video, *, brand: bytes = b"isom", fragments: int = 0, made: int = 0,
        place: bool = False, pad: int = 0) -> bytes:
    """``fragments`` > 0: so many pictures in each moof. ``made`` seconds since 1904; ``pad`` bytes
    more of media data."""
    samples = [video.sample(not number) for number in range(video.frames)]
    head = box(b"ftyp", brand, words(512), brand)
    inside = [] if fragments else samples
    offset = len(head) + len(_moov(video, inside, 0, made, place)) + 8
    out = head + _moov(video, inside, offset, made, place)
    if not fragments:
        return out + box(b"mdat", *samples, bytes(pad))
    for first in range(0, len(samples), fragments):
        part = samples[first:first + fragments]
        run = full(b"trun", words(len(part)), *(words(len(one)) for one in part), flags=0x200)
        track = box(b"traf", full(b"tfhd", words(1)), run)
        out += box(b"moof", full(b"mfhd", words(first)), track) + box(b"mdat", *part)
    return out


def _moov(video: Video, samples: list[bytes], offset: int, made: int, place: bool) -> bytes:
    parts = [full(b"mvhd", words(made, made, 1000, 0), bytes(80)), _video_track(
        video, samples, offset)]
    parts += [_sound_track(kind) for kind in video.sounds]
    if not samples:
        parts.append(box(b"mvex", full(b"trex", words(1, 1, video.rate.denominator, 0, 0))))
    if place:
        parts.append(box(b"udta", box(b"\xa9xyz", b"\0\x12\x15\xc7+52.5+013.4/")))
    return box(b"moov", *parts)


def _track(handler: bytes, scale: int, entry: bytes, tables: list[bytes]) -> bytes:
    matrix = words(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    head = full(b"tkhd", words(0, 0, 1, 0, 0), bytes(16), matrix, words(0, 0))
    media = full(b"mdhd", words(0, 0, scale, 0), bytes(4))
    described = full(b"stsd", words(1), entry)
    return box(b"trak", head, box(
        b"mdia", media, full(b"hdlr", words(0), handler, bytes(13)),
        box(b"minf", box(b"stbl", described, *tables))))


def _video_track(video: Video, samples: list[bytes], offset: int) -> bytes:
    tables = [full(b"stts", words(1, len(samples), video.rate.denominator)) if samples
              else full(b"stts", words(0)),
              full(b"stsz", words(0, len(samples)), *(words(len(one)) for one in samples)),
              full(b"stco", words(1, offset) if samples else words(0))]
    entry = box(_ENTRIES[video.codec], bytes(78), _configuration(video))
    return _track(b"vide", video.rate.numerator, entry, tables)


def _configuration(video: Video) -> bytes:
    if video.codec == "mpeg2":
        inner = b"\x04\x0d\x61" + bytes(12)
        return full(b"esds", b"\x03" + bytes([3 + len(inner)]) + b"\0\1\0" + inner)
    units = [unit for unit in video.units if (unit[0] & 31) in (7, 8)] \
        if video.codec == "h264" else video.units[:3]
    sized = [struct.pack(">H", len(unit)) + unit for unit in units]
    if video.codec == "h264":
        return box(b"avcC", b"\1", video.units[0][1:4], b"\xff\xe1", sized[0], b"\1", sized[1])
    arrays = [bytes([unit[0] >> 1 & 63]) + b"\0\1" + one
              for unit, one in zip(units, sized, strict=True)]
    return box(b"hvcC", bytes(22), bytes([len(arrays)]), *arrays)


def _sound_track(kind: str) -> bytes:
    """AAC at 48 kHz, or at the rate behind a colon."""
    name, _, rate = kind.partition(":")
    head = bytes(24) + words(int(rate or 48000) << 16)
    entry = box({"aac": b"mp4a", "opus": b"Opus"}[name], head)
    return _track(b"soun", 48000, entry, [full(b"stts", words(0)), full(b"stsz", words(0, 0))])


def ts(video: Video) -> bytes:
    """A table, a map, and one PES packet for each picture."""
    streams = [_TYPES[video.codec], *(_TYPES[kind] for kind in video.sounds)]
    entries = b"".join(bytes([kind]) + struct.pack(">HH", 0xE000 | VIDEO_PID + number, 0xF000)
                       for number, kind in enumerate(streams))
    out = _section(0, b"\0" + _body(1, struct.pack(">HH", 1, 0xE000 | MAP_PID)))
    out += _section(MAP_PID, b"\2" + _body(1, struct.pack(">HH", 0xE000 | VIDEO_PID, 0xF000)
                                           + entries))
    counter = 0
    for number in range(video.frames):
        time = int(90000 * (number + 2) / video.rate)
        packet = pes(0xE0, video.picture(not number), time)
        for at in range(0, len(packet), 184):
            out += _packet(VIDEO_PID, packet[at:at + 184], not at, counter)
            counter += 1
    return out


def _body(number: int, rest: bytes) -> bytes:
    return struct.pack(">HHBBB", 0xB000 | 9 + len(rest), number, 0xC1, 0, 0) + rest + bytes(4)


def _section(pid: int, section: bytes) -> bytes:
    return _packet(pid, b"\0" + section + b"\xff" * (183 - len(section)), True, 0)


def _packet(pid: int, body: bytes, begins: bool, counter: int) -> bytes:
    room = 184 - len(body)
    control = 0x30 if room else 0x10
    head = bytes([0x47, begins << 6 | pid >> 8, pid & 255, control | counter & 15])
    if not room:
        return head + body
    field = bytes([room - 1]) + (b"\0" + b"\xff" * (room - 2) if room > 1 else b"")
    return head + field + body


def pes(stream: int, data: bytes, time: int) -> bytes:
    mark = bytes([0x21 | time >> 29 & 0xE, time >> 22 & 255, time >> 14 & 254 | 1,
                  time >> 7 & 255, time << 1 & 254 | 1])
    body = b"\x80\x80\x05" + mark + data
    return b"\0\0\1" + bytes([stream]) + struct.pack(">H", len(body)) + body


def ps(video: Video) -> bytes:
    pack = b"\0\0\1\xba" + bytes([0x44, 0, 4, 0, 4, 1, 0, 3, 0xFF, 0xF8])
    return b"".join(pack + pes(0xE0, video.picture(not number),
                               int(90000 * number / video.rate))
                    for number in range(video.frames)) + b"\0\0\1\xb9"
