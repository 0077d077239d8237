"""What an MPEG transport stream says of its video (ISO 13818-1 2.4).

Tables and headers stand at the beginning; the pictures are counted through the whole stream,
because nothing says their number. Only packets that begin a picture are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mediasvc.errors import DamagedError
from mediasvc.media.foreign.wrap_facts import Audio, VideoFacts
from mediasvc.media.video.elementary import header_of
from mediasvc.media.video.pes import CLOCK, Times, payload_at, time_of
from mediasvc.media.video.stream_header import StreamHeader
from mediasvc.media.video.video_times import rate_of
from mediasvc.media.window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKET, SYNC = 188, 0x47
#: Packets at a time, and those in which tables and headers must have come.
BLOCK, HEAD = 40_000, 60_000
#: The packets of the table that names the programs.
PAT = 0
#: stream_type (table 2-34) → codec or sound.
VIDEO = {0x01: "mpeg1", 0x02: "mpeg2", 0x1B: "h264", 0x20: "h264", 0x24: "hevc", 0x10: "mpeg4",
         0x33: "vvc", 0xD1: "dirac", 0xEA: "vc1"}
SOUND = {0x03: "mp2", 0x04: "mp2", 0x0F: "aac", 0x11: "aac", 0x80: "lpcm", 0x81: "ac3",
         0x87: "eac3", 0x83: "lpcm"}
#: Descriptors and registrations of private data that are sound (ETSI EN 300 468).
_PRIVATE, _DESCRIPTORS = 0x06, {0x6A: "ac3", 0x7A: "eac3", 0x7B: "dts"}
#: Bytes of the elementary stream in which its header must have come.
ENOUGH = 1 << 20
#: A recording that broke off may lack pictures that are shown before its last ones.
CUT = "it is cut off within a packet; Frame Time is the mean of the pictures that are there"


@dataclass
class _Program:
    """What the tables say."""

    maps: set[int] = field(default_factory=set)
    codec: str = ""
    pid: int = -1
    sounds: list[str] = field(default_factory=list)


def probe_ts(window: Window) -> VideoFacts:
    """Raises DamagedError."""
    program, start = _Program(), bytearray()
    for packet in _packets(window.head(0, HEAD * PACKET)):
        _look(packet, program, start)
        if len(start) > ENOUGH:
            break
    if not program.codec:
        raise DamagedError("the transport stream says of no video in it")
    if program.codec not in ("mpeg2", "h264", "hevc"):
        header = StreamHeader(program.codec, 0, 0, 0, 0)
    else:
        header = header_of(program.codec, bytes(start))
    frames, rate = _frames(_times(window, program.pid), header)
    return VideoFacts(
        "ts", program.codec, header.profile, header.level, header.rows, header.columns,
        frames, rate.numerator, rate.denominator, header.chroma, header.bits,
        header.aspect.numerator, header.aspect.denominator, header.interlaced, header.stereo,
        header.high_tier, header.dar, tuple(Audio(sound) for sound in program.sounds),
        notes=(CUT,) if window.length % PACKET else ())


def _frames(times: Times, header: StreamHeader) -> tuple[int, Fraction]:
    """(frames, frames per second). Fields that come one by one are halves of frames."""
    measured = Fraction((times.pictures - 1) * CLOCK, times.span) if times.span else Fraction(0)
    rate = rate_of(measured) or header.rate
    if header.interlaced and header.rate and rate == 2 * header.rate:
        return (times.pictures + 1) // 2, header.rate
    return times.pictures, rate


def _packets(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data) - PACKET + 1, PACKET):
        yield data[at:at + PACKET]


def _look(packet: bytes, program: _Program, start: bytearray) -> None:
    """Tables go into ``program``, bytes of the video into ``start``."""
    pid, begins = (packet[1] & 31) << 8 | packet[2], bool(packet[1] & 0x40)
    body = packet[_body_at(packet):]
    if pid == PAT and begins:
        program.maps |= set(_associations(_section(body)))
    elif pid in program.maps and begins and program.pid < 0:
        _read_map(_section(body), program)
    elif pid == program.pid:
        at = payload_at(body) if begins else 0
        if at >= 0 and (begins or start):
            start += body[at:]


def _body_at(packet: bytes) -> int:
    """Behind the header and its adaptation field; the packet's end when it carries nothing."""
    control = packet[3] >> 4 & 3
    if not control & 1:
        return PACKET
    return min(PACKET, 5 + packet[4]) if control & 2 else 4


def _section(body: bytes) -> bytes:
    """A table that begins here, without its checksum; longer ones are cut: video comes first."""
    if not body:
        return b""
    at = 1 + body[0]
    section = body[at:]
    if len(section) < 3:
        return b""
    length = (section[1] & 15) << 8 | section[2]
    return section[:3 + length - 4] if 3 + length <= len(section) else section


def _associations(section: bytes) -> Iterator[int]:
    """Packet identifiers of program maps."""
    for at in range(8, len(section) - 3, 4):
        if section[at] or section[at + 1]:
            yield (section[at + 2] & 31) << 8 | section[at + 3]


def _read_map(section: bytes, program: _Program) -> None:
    if len(section) < 12 or section[0] != 2:
        return
    at = 12 + ((section[10] & 15) << 8 | section[11])
    while at + 5 <= len(section):
        kind, pid = section[at], (section[at + 1] & 31) << 8 | section[at + 2]
        length = (section[at + 3] & 15) << 8 | section[at + 4]
        extra = section[at + 5:at + 5 + length]
        if kind in VIDEO and program.pid < 0:
            program.codec, program.pid = VIDEO[kind], pid
        sound = SOUND.get(kind) or (_private(extra) if kind == _PRIVATE else "")
        if sound:
            program.sounds.append(sound)
        at += 5 + length


def _private(descriptors: bytes) -> str:
    at = 0
    while at + 2 <= len(descriptors):
        if descriptors[at] in _DESCRIPTORS:
            return _DESCRIPTORS[descriptors[at]]
        if descriptors[at:at + 2] == b"\x05\x04":
            return {b"AC-3": "ac3", b"EAC3": "eac3", b"Opus": "opus", b"BSSD": "lpcm"}.get(
                descriptors[at + 2:at + 6], "")
        at += 2 + descriptors[at + 1]
    return ""


def _times(window: Window, pid: int) -> Times:
    """Every picture begins a packet of the video. Raises DamagedError where sync is lost."""
    import numpy as np

    times, at = Times(), 0
    while at + PACKET <= window.length:
        count = min(BLOCK, (window.length - at) // PACKET)
        data = window.read(at, count * PACKET)
        rows = np.frombuffer(data, np.uint8).reshape(count, PACKET)
        if not (rows[:, 0] == SYNC).all():
            raise DamagedError("the transport stream is damaged: packets are cut or missing")
        for row in _beginnings(rows, pid):
            packet = data[row * PACKET:(row + 1) * PACKET]
            times.add(time_of(packet[_body_at(packet):]))
        at += count * PACKET
    return times


def _beginnings(rows: NDArray[Any], pid: int) -> list[int]:
    """Numbers of the packets in which a picture of the stream ``pid`` begins."""
    import numpy as np

    high = rows[:, 1]
    mask = ((high & 0x5F) == (0x40 | pid >> 8)) & (rows[:, 2] == pid & 0xFF)
    found: list[int] = np.flatnonzero(mask).tolist()
    return found
