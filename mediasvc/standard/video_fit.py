"""The transfer syntax that a stream fits, or why it fits none (PS3.5 8.2.5 to 8.2.12)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

from mediasvc.standard.video_profiles import (
    AUDIO,
    AUDIO_RATES,
    BD,
    BD_FORMATS,
    H264_LIMITS,
    HEVC_LIMIT,
    HIGH_LEVEL,
    MAIN_LEVEL,
    PROFILES,
    Profile,
)

CONTAINERS = {"mp4": "MP4", "mov": "QuickTime", "ts": "MPEG transport stream",
              "ps": "MPEG program stream"}
CODECS = {"mpeg2": "MPEG-2", "h264": "H.264", "hevc": "HEVC"}
#: display_aspect 3 of a sequence header is 16:9 (ISO 13818-2 table 6-3).
WIDE = 3


class Sound(Protocol):
    @property
    def format(self) -> str: ...
    @property
    def rate(self) -> int: ...


class Stream(Protocol):
    """What is asked of a stream; the words are those of `media.wrap_facts.VideoFacts`."""

    @property
    def container(self) -> str: ...
    @property
    def codec(self) -> str: ...
    @property
    def profile(self) -> int: ...
    @property
    def level(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def rate(self) -> Fraction: ...
    @property
    def chroma(self) -> int: ...
    @property
    def bits(self) -> int: ...
    @property
    def aspect_width(self) -> int: ...
    @property
    def aspect_height(self) -> int: ...
    @property
    def interlaced(self) -> bool: ...
    @property
    def stereo(self) -> bool: ...
    @property
    def high_tier(self) -> bool: ...
    @property
    def dar(self) -> int: ...


def fit(stream: Stream) -> tuple[Profile | None, str]:
    """(row, "") or (None, reason in words), the reason from the row of the stream's own profile
    that fails the fewest demands."""
    rows = [row for row in PROFILES if row.codec == stream.codec]
    if not rows:
        return None, "DICOM has no transfer syntax for its video codec"
    troubles = [(list(_troubles(row, stream)), row) for row in rows]
    for found, row in troubles:
        if not found:
            return row, ""
    found, row = min(troubles, key=lambda pair: (pair[1].profile != stream.profile, len(pair[0])))
    return None, "; ".join(found) + f" (asked for {row.name}, PS3.5 {row.clause})"


def only_container(stream: Stream) -> bool:
    """Whether another container would do: then nothing has to be encoded anew."""
    return any([text for text in _troubles(row, stream) if not text.startswith("the container")]
               == [] for row in PROFILES if row.codec == stream.codec)


def audio_trouble(container: str, codec: str, audio: Sound) -> str:
    """What is odd about the sound; a picture is not refused for it."""
    allowed = AUDIO.get((codec == "mpeg2", container), frozenset())
    if audio.format not in allowed:
        return (f"its sound ({audio.format or 'unknown'}) is none that PS3.5 8.2.12 allows here; "
                "a viewer may stay silent")
    rates = AUDIO_RATES.get(audio.format)
    if rates and audio.rate and audio.rate not in rates:
        return (f"its sound has {audio.rate} Hz, PS3.5 8.2.12 asks for "
                f"{' or '.join(map(str, sorted(rates)))}")
    return ""


def _troubles(row: Profile, stream: Stream) -> Iterator[str]:
    if stream.container not in row.containers:
        name = CONTAINERS.get(stream.container, stream.container)
        yield f"the container is a {name}, not MP4 or an MPEG transport stream"
    if stream.chroma != 1:
        yield "its colours are not sampled 4:2:0"
    if stream.bits != row.bits_stored:
        yield f"it has {stream.bits} bits, not {row.bits_stored}"
    if not stream.rate:
        yield "its frame rate is not known"
    check = {"mpeg2": _mpeg2, "h264": _h264, "hevc": _hevc}[row.codec]
    yield from check(row, stream)


def _square(stream: Stream) -> Iterator[str]:
    if stream.aspect_width != stream.aspect_height:
        yield "its pixels are not square"


def _mpeg2(row: Profile, stream: Stream) -> Iterator[str]:
    """``profile`` and ``level`` are the halves of profile_and_level_indication; a lower level has
    the higher number (ISO 13818-2 table 8-3)."""
    if stream.profile != row.profile:
        yield "it is not MPEG-2 Main Profile"
    size = (stream.rows, stream.columns)
    if row.level == 8:
        most = MAIN_LEVEL.get(stream.rate)
        if stream.level < row.level:
            yield "it is above Main Level"
        if most is None or size[0] > most[0] or size[1] > most[1]:
            yield "its size or rate is none of table 8-1"
        return
    if stream.level != row.level:
        yield "it is not High Level"
    if (*size, stream.rate) not in HIGH_LEVEL:
        yield "its size or rate is none of table 8-3"
    if stream.dar != WIDE:
        yield "its display is not 16:9"


def _h264(row: Profile, stream: Stream) -> Iterator[str]:
    yield from _square(stream)
    if stream.profile != row.profile:
        yield f"its profile is {stream.profile}, not {row.profile}"
    frame = -(-stream.rows // 16) * -(-stream.columns // 16)
    most, per_second = H264_LIMITS[row.level]
    if stream.level > row.level or frame > most or frame * stream.rate > per_second:
        yield f"it is above level {row.level / 10}"
    if stream.stereo != row.stereo:
        yield "it is not stereoscopic" if row.stereo else "it is stereoscopic"
    if row.uid == BD and (stream.rows, stream.columns, stream.rate,
                          stream.interlaced) not in BD_FORMATS:
        yield "its size or rate is none of table 8-4"


def _hevc(row: Profile, stream: Stream) -> Iterator[str]:
    yield from _square(stream)
    if stream.profile != row.profile:
        yield f"its profile is {stream.profile}, not {row.profile}"
    samples = stream.rows * stream.columns
    if (stream.level > row.level or samples > HEVC_LIMIT[0]
            or samples * stream.rate > HEVC_LIMIT[1]):
        yield "it is above level 5.1"
    if stream.high_tier:
        yield "it is of the high tier"
