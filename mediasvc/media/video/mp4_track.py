"""One track of an MP4: how many pictures, how long (ISO 14496-12 8.3 to 8.7)."""

from __future__ import annotations

from dataclasses import dataclass

from mediasvc.errors import DamagedError
from mediasvc.media.video.mp4_boxes import Box, Boxes, number
from mediasvc.media.video.mp4_entry import Picture, read_picture, read_sound

#: Fixed-point 1 and 0: the first two numbers of a matrix that turns nothing.
UPRIGHT = b"\0\1\0\0\0\0\0\0"
#: Pictures of a steady rate differ by a tick, or by this part of their length.
JITTER = 20


@dataclass(frozen=True, slots=True)
class Track:
    """``frames`` and ``ticks`` are those of the moov box; fragments add to them.

    ``picture`` for video; ``sound`` and ``sound_rate`` (Hz) for audio.
    """

    identifier: int
    handler: bytes
    scale: int
    frames: int
    ticks: int
    steady: bool
    picture: Picture | None = None
    sound: str = ""
    sound_rate: int = 0
    turned: bool = False


def read_track(boxes: Boxes, trak: Box) -> Track:
    """Raises DamagedError."""
    head = boxes.read(boxes.need(trak, b"tkhd"))
    wide = number(head, 0, 1) == 1
    identifier = number(head, 20 if wide else 12)
    matrix = head[52 if wide else 40:][:8]
    mdia = boxes.need(trak, b"mdia")
    times = boxes.read(boxes.need(mdia, b"mdhd"), 32)
    scale = number(times, 20 if number(times, 0, 1) else 12)
    handler = boxes.read(boxes.need(mdia, b"hdlr"), 12)[8:12]
    table = boxes.need(mdia, b"minf", b"stbl")
    plain = (identifier, handler, scale, *_times(boxes, table))
    if handler not in (b"vide", b"soun"):
        return Track(*plain)
    entry = next(boxes.children(boxes.need(table, b"stsd"), 8), None)
    if entry is None:
        raise DamagedError("a track does not say its codec")
    if handler == b"soun":
        sound, rate = read_sound(boxes, entry)
        return Track(*plain, sound=sound, sound_rate=rate)
    return Track(*plain, picture=read_picture(boxes, table, entry), turned=matrix != UPRIGHT)


def _times(boxes: Boxes, table: Box) -> tuple[int, int, bool]:
    """(samples, ticks, whether all last equally long) of stsz and stts."""
    sizes = boxes.find(table, b"stsz") or boxes.find(table, b"stz2")
    frames = number(boxes.read(sizes, 12), 8) if sizes else 0
    stts = boxes.find(table, b"stts")
    data = boxes.read(stts) if stts else bytes(8)
    entries = number(data, 4)
    if len(data) < 8 + 8 * entries:
        raise DamagedError("the times of a track are cut off")
    total = ticks = 0
    lengths: set[int] = set()
    for at in range(8, 8 + 8 * entries, 8):
        count, length = number(data, at), number(data, at + 4)
        total, ticks = total + count, ticks + count * length
        # the last picture often lasts a little shorter or longer
        if length and (count > 1 or at == 8):
            lengths.add(length)
    if total != frames:
        raise DamagedError("the tables of a track contradict each other")
    steady = not lengths or max(lengths) - min(lengths) <= 1 + min(lengths) // JITTER
    return frames, ticks, steady
