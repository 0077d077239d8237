"""What an MP4 or QuickTime file says of its video (ISO 14496-12)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from mediasvc.errors import DamagedError
from mediasvc.media.foreign.wrap_facts import Audio, VideoFacts
from mediasvc.media.video.mp4_boxes import Box, Boxes, number
from mediasvc.media.video.mp4_track import Track, read_track
from mediasvc.media.video.stream_header import StreamHeader
from mediasvc.media.video.video_times import mp4_time, rate_of
from mediasvc.media.window import Window

QUICKTIME = b"qt  "
MOST_TRACKS = 64
#: Parts of user data that say where it was recorded.
_PLACES = frozenset({b"\xa9xyz", b"loci"})
#: trun: which numbers stand before and in each row (ISO 14496-12 8.8.8).
_BEFORE, _IN_ROW, _DURATION = (0x001, 0x004), (0x100, 0x200, 0x400, 0x800), 0x100


@dataclass
class _Fragments:
    """Samples and ticks by track, out of all moof boxes."""

    defaults: dict[int, int] = field(default_factory=dict)
    frames: Counter[int] = field(default_factory=Counter)
    ticks: Counter[int] = field(default_factory=Counter)


def probe_mp4(window: Window) -> VideoFacts:
    """Raises DamagedError, BudgetError."""
    boxes = Boxes(window)
    moov, brand, fragments = None, QUICKTIME, []
    for box in boxes.all():
        if box.kind == b"ftyp":
            brand = boxes.read(box, 4)
        elif box.kind == b"moov" and moov is None:
            moov = box
        elif box.kind == b"moof":
            fragments.append(box)
    if moov is None:
        raise DamagedError("it is cut off: the part that describes its tracks is missing")
    tracks = [read_track(boxes, one) for one in boxes.children(moov) if one.kind == b"trak"]
    if len(tracks) > MOST_TRACKS:
        raise DamagedError("it has more tracks than any recording")
    counted = _count(boxes, moov, fragments)
    videos = [track for track in tracks if track.handler == b"vide" and track.picture]
    if not videos:
        raise DamagedError("it has no video track")
    return _facts(videos, [track for track in tracks if track.handler == b"soun"], counted,
                  "mov" if brand == QUICKTIME else "mp4", _notes(boxes, moov, videos),
                  _time(boxes, moov))


def _facts(videos: list[Track], sounds: list[Track], counted: _Fragments, container: str,
           notes: tuple[str, ...], taken: str) -> VideoFacts:
    track, picture = videos[0], videos[0].picture
    assert picture
    frames = track.frames + counted.frames[track.identifier]
    ticks = track.ticks + counted.ticks[track.identifier]
    if not frames:
        raise DamagedError("its video track has no picture")
    rate = rate_of(Fraction(frames * track.scale, ticks)) if ticks else Fraction(0)
    header = picture.header or StreamHeader(picture.codec, 0, 0, 0, 0)
    # What the stream says counts; the container is asked where the stream is silent.
    aspect = header.aspect
    if aspect == 1 and header.codec != "mpeg2":
        aspect = picture.aspect or aspect
    return VideoFacts(
        container, picture.codec, header.profile, header.level, header.rows, header.columns,
        frames, rate.numerator, rate.denominator, header.chroma, header.bits, aspect.numerator,
        aspect.denominator, header.interlaced, header.stereo, header.high_tier, header.dar,
        tuple(Audio(one.sound, one.sound_rate) for one in sounds), taken, notes)


def _notes(boxes: Boxes, moov: Box, videos: list[Track]) -> tuple[str, ...]:
    notes = []
    if not videos[0].steady:
        notes.append("its pictures are not equally long; Frame Time is their mean")
    if videos[0].turned:
        notes.append("it is to be turned for viewing, which DICOM viewers do not do")
    if len(videos) > 1:
        notes.append("it has several video tracks; the first one is described")
    users = boxes.find(moov, b"udta")
    if users and any(part.kind in _PLACES for part in boxes.children(users)):
        notes.append("the stream itself says where it was recorded")
    return tuple(notes)


def _time(boxes: Boxes, moov: Box) -> str:
    head = boxes.read(boxes.need(moov, b"mvhd"), 16)
    return mp4_time(number(head, 4, 8 if number(head, 0, 1) else 4))


def _count(boxes: Boxes, moov: Box, fragments: list[Box]) -> _Fragments:
    counted = _Fragments()
    extends = boxes.find(moov, b"mvex")
    for part in boxes.children(extends) if extends else ():
        if part.kind == b"trex":
            data = boxes.read(part)
            counted.defaults[number(data, 4)] = number(data, 12)
    for moof in fragments:
        for traf in boxes.children(moof):
            if traf.kind == b"traf":
                _count_track(boxes, traf, counted)
    return counted


def _count_track(boxes: Boxes, traf: Box, counted: _Fragments) -> None:
    head = boxes.read(boxes.need(traf, b"tfhd"))
    flags, identifier = number(head, 1, 3), number(head, 4)
    default = counted.defaults.get(identifier, 0)
    if flags & 0x08:
        at = 8 + (8 if flags & 0x01 else 0) + (4 if flags & 0x02 else 0)
        default = number(head, at)
    for run in boxes.children(traf):
        if run.kind == b"trun":
            for length in _durations(boxes.read(run), default):
                counted.frames[identifier] += length[0]
                counted.ticks[identifier] += length[0] * length[1]


def _durations(data: bytes, default: int) -> Iterator[tuple[int, int]]:
    """(samples, ticks of each) of one run."""
    flags, count = number(data, 1, 3), number(data, 4)
    if not flags & _DURATION:
        yield count, default
        return
    at = 8 + 4 * sum(bool(flags & one) for one in _BEFORE)
    width = 4 * sum(bool(flags & one) for one in _IN_ROW)
    if at + count * width > len(data):
        raise DamagedError("a fragment of the video is cut off")
    for row in range(count):
        yield 1, number(data, at + row * width)
