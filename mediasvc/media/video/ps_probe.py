"""What an MPEG program stream says of its video (ISO 13818-1 2.5): MPEG-2 only (PS3.5 8.2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mediasvc.errors import DamagedError
from mediasvc.media.foreign.wrap_facts import Audio, OtherFacts, VideoFacts
from mediasvc.media.video.mpeg2_headers import EXTENSION, PICTURE, SEQUENCE, mpeg2_header
from mediasvc.media.video.pes import payload_at
from mediasvc.media.window import Window

PACK, END = 0xBA, 0xB9
#: extension_start_code_identifier of a picture coding extension.
PICTURE_CODING = 8
PRIVATE_1 = 0xBD
#: Sub-streams of private stream 1 as on DVDs.
_PRIVATE = ((0x80, 0x87, "ac3"), (0x88, 0x8F, "dts"), (0xA0, 0xAF, "lpcm"))
BUFFER, ENOUGH = 8 << 20, 1 << 20


@dataclass
class _Seen:
    stream: int = -1
    pictures: int = 0
    tail: bytes = b""
    start: bytearray = field(default_factory=bytearray)
    sounds: dict[int, str] = field(default_factory=dict)


def probe_ps(window: Window) -> VideoFacts | OtherFacts:
    """Other facts where the video is not of the MPEG family. Raises DamagedError."""
    seen = _Seen()
    for stream, packet in _packets(window):
        if 0xE0 <= stream <= 0xEF:
            _video(stream, packet, seen)
        elif 0xC0 <= stream <= 0xDF:
            seen.sounds.setdefault(stream, "mp2")
        elif stream == PRIVATE_1:
            _private(packet, seen)
    if seen.stream < 0:
        raise DamagedError("the program stream has no video")
    if SEQUENCE not in seen.start:
        return OtherFacts("program")
    if not seen.pictures:
        raise DamagedError("its video has no picture")
    header = mpeg2_header(bytes(seen.start))
    codec = "mpeg2" if header.profile else "mpeg1"
    return VideoFacts(
        "ps", codec, header.profile, header.level, header.rows, header.columns,
        frames_of(bytes(seen.start), seen.pictures),
        header.rate.numerator, header.rate.denominator, header.chroma, header.bits,
        header.aspect.numerator, header.aspect.denominator, header.interlaced, dar=header.dar,
        audio=tuple(Audio(sound) for sound in seen.sounds.values()))


def frames_of(start: bytes, pictures: int) -> int:
    """Half of the pictures where the first one is a field (ISO 13818-2 6.2.3.1)."""
    at = start.find(EXTENSION, max(0, start.find(PICTURE)))
    coding = start[at + 4:at + 7] if at >= 0 else b""
    if len(coding) == 3 and coding[0] >> 4 == PICTURE_CODING and coding[2] & 3 in (1, 2):
        return (pictures + 1) // 2
    return pictures


def _video(stream: int, packet: bytes, seen: _Seen) -> None:
    if seen.stream < 0:
        seen.stream = stream
    at = payload_at(packet)
    if stream != seen.stream or at < 0:
        return
    data = seen.tail + packet[at:]  # a start code may lie across two packets
    seen.pictures += data.count(PICTURE)
    seen.tail = data[-3:]
    if len(seen.start) < ENOUGH:
        seen.start += packet[at:]


def _private(packet: bytes, seen: _Seen) -> None:
    at = payload_at(packet)
    if 0 <= at < len(packet):
        for first, last, sound in _PRIVATE:
            if first <= packet[at] <= last:
                seen.sounds.setdefault(packet[at] << 8, sound)


def _packets(window: Window) -> Iterator[tuple[int, bytes]]:
    """(stream number, packet with its start code). Raises DamagedError where no start code is."""
    data, base, at = window.head(0, BUFFER), 0, 0
    while base + at + 4 <= window.length:
        if at + (1 << 16) + 6 > len(data) and base + len(data) < window.length:
            base, at = base + at, 0
            data = window.head(base, BUFFER)
        if data[at:at + 3] != b"\0\0\1":
            if not any(data[at:]) and base + len(data) == window.length:
                return
            raise DamagedError("the program stream is damaged: a packet does not begin as it must")
        stream = data[at + 3]
        if stream == END:
            at += 4
            continue
        if stream == PACK:
            at += _pack(data, at)
            continue
        end = at + 6 + int.from_bytes(data[at + 4:at + 6], "big")
        if end > len(data):
            raise DamagedError("the program stream is cut off")
        yield stream, data[at:end]
        at = end


def _pack(data: bytes, at: int) -> int:
    """Bytes of a pack header: MPEG-2 with stuffing, or MPEG-1."""
    if at + 14 > len(data):
        raise DamagedError("the program stream is cut off")
    return 14 + (data[at + 13] & 7) if data[at + 4] >> 6 == 1 else 12
