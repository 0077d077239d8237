"""Which video stream is which transfer syntax (PS3.5 8.2.5 to 8.2.11).

A row says what a stream must be; the first row that takes it wins. A stream that no row takes is
refused with the reasons of the row that came nearest.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from mediasvc.standard.transfer_syntaxes import BASE

Codec = Literal["mpeg2", "h264", "hevc"]
Container = Literal["mp4", "mov", "ts", "ps"]

#: (rows, columns, frames per second, interlaced) as the tables print them.
Format = tuple[int, int, Fraction, bool]


def _rate(text: str) -> Fraction:
    """29.97 means 30000/1001, as notes 2 of 8.2.6 and 3 of 8.2.7 say."""
    return {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001),
            "59.94": Fraction(60000, 1001)}.get(text, Fraction(text))


#: PS3.5 table 8-4. Progressive 25 and 29.97 are not in it (note 8): they are plain High 4.1.
BD_FORMATS: frozenset[Format] = frozenset(
    (rows, columns, _rate(rate), interlaced) for rows, columns, rate, interlaced in (
        (1080, 1920, "25", True), (1080, 1920, "29.97", True),
        (1080, 1920, "24", False), (1080, 1920, "23.976", False),
        (720, 1280, "50", False), (720, 1280, "59.94", False),
        (720, 1280, "24", False), (720, 1280, "23.976", False)))

#: PS3.5 table 8-1: the largest picture at a rate. 30 stands for 29.97 too (note 4).
MAIN_LEVEL = {_rate("25"): (576, 720), _rate("30"): (480, 720), _rate("29.97"): (480, 720)}

#: PS3.5 tables 8-2 and 8-3.
HIGH_LEVEL: frozenset[tuple[int, int, Fraction]] = frozenset(
    (rows, columns, _rate(rate)) for rows, columns, rates in (
        (1080, 1920, "25 29.97 30"), (720, 1280, "25 29.97 30 50 59.94 60"))
    for rate in rates.split())

#: Macroblocks of a frame and in a second (H.264 table A-1); luma samples (HEVC table A.8, A.9).
H264_LIMITS = {41: (8192, 245_760), 42: (8704, 522_240)}
HEVC_LIMIT = (8_912_896, 534_773_760)


@dataclass(frozen=True, slots=True)
class Profile:
    """One row. ``level`` is the highest level_idc, ``fragmentable`` the twin for long streams.

    HEVC is its own twin (8.2.10, 8.2.11). ``method`` is Lossy Image Compression Method
    (PS3.3 C.7.6.1.1.5.1).
    """

    uid: str
    name: str
    codec: Codec
    profile: int
    level: int
    fragmentable: str
    clause: str
    method: str
    bits_allocated: int = 8
    bits_stored: int = 8
    stereo: bool = False
    containers: frozenset[str] = frozenset({"mp4", "ts"})


_AVC, _HEVC, _MPEG2 = "ISO_14496_10", "ISO_23008_2", "ISO_13818_2"
#: 8.2.5 and 8.2.6 do not constrain the container; these are the ones that we read.
_ANY = frozenset({"mp4", "ts", "ps", "mov"})


def _uid(number: int) -> tuple[str, str]:
    return f"{BASE}.4.{number}", f"{BASE}.4.{number}.1"


def _row(number: int, name: str, codec: Codec, profile: int, level: int, clause: str,
         method: str, **more: object) -> Profile:
    plain, twin = _uid(number)
    return Profile(plain, name, codec, profile, level, plain if codec == "hevc" else twin, clause,
                   method, **more)  # type: ignore[arg-type]


PROFILES: tuple[Profile, ...] = (
    _row(100, "MPEG-2 Main Profile / Main Level", "mpeg2", 4, 8, "8.2.5", _MPEG2, containers=_ANY),
    _row(101, "MPEG-2 Main Profile / High Level", "mpeg2", 4, 4, "8.2.6", _MPEG2, containers=_ANY),
    _row(103, "H.264 BD-compatible High Profile / Level 4.1", "h264", 100, 41, "8.2.7", _AVC),
    _row(102, "H.264 High Profile / Level 4.1", "h264", 100, 41, "8.2.7", _AVC),
    _row(104, "H.264 High Profile / Level 4.2, 2D", "h264", 100, 42, "8.2.8", _AVC),
    _row(105, "H.264 High Profile / Level 4.2, 3D", "h264", 100, 42, "8.2.8", _AVC, stereo=True),
    _row(106, "H.264 Stereo High Profile / Level 4.2", "h264", 128, 42, "8.2.9", _AVC,
         stereo=True),
    _row(107, "HEVC Main Profile / Level 5.1", "hevc", 1, 153, "8.2.10", _HEVC),
    _row(108, "HEVC Main 10 Profile / Level 5.1", "hevc", 2, 153, "8.2.11", _HEVC,
         bits_allocated=16, bits_stored=10),
)
BD = f"{BASE}.4.103"

#: What may sound beside the picture, by container (PS3.5 table 8.2.12-1; MPEG-2: 8.2.5).
AUDIO: dict[tuple[bool, str], frozenset[str]] = {
    (False, "ts"): frozenset({"lpcm", "ac3", "aac", "mp3", "mp2"}),
    (False, "mp4"): frozenset({"aac", "mp3", "mp2"}),
    **{(True, container): frozenset({"mp3"}) for container in _ANY},
}
#: Sampling frequencies in Hz (8.2.12); a format that is not named takes all.
AUDIO_RATES = {"aac": frozenset({48_000}), "ac3": frozenset({48_000}),
               "mp3": frozenset({32_000, 44_100, 48_000}),
               "mp2": frozenset({32_000, 44_100, 48_000})}
