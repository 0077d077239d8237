"""Units of an elementary stream by their start codes (H.264 and H.265 annex B, 13818-2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from mediasvc.errors import DamagedError
from mediasvc.media.video.h264_headers import h264_header
from mediasvc.media.video.h265_headers import h265_header
from mediasvc.media.video.mpeg2_headers import mpeg2_header
from mediasvc.media.video.stream_header import StreamHeader

_START = re.compile(b"\0\0\1")


def units(data: bytes) -> Iterator[bytes]:
    """NAL units without start codes; the last one may be cut."""
    places = [found.start() for found in _START.finditer(data)]
    for place, following in pairwise([*places, len(data)]):
        yield data[place + 3:following]


def header_of(codec: str, data: bytes) -> StreamHeader:
    """The header of a stream whose first bytes are ``data``. Raises DamagedError."""
    if codec == "mpeg2":
        return mpeg2_header(data)
    if codec == "h264":
        return h264_header(units(data))
    if codec == "hevc":
        return h265_header(units(data))
    raise DamagedError("the video codec is unknown")
