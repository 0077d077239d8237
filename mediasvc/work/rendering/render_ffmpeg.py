"""ffmpeg, run under limits: raw pictures into a video, a video into raw pictures.

It reads files that we wrote ourselves, or a stream that was only unwrapped; it may neither open
other files nor the network, and it lives under limits as our own children do.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from mediasvc.errors import UnsupportedError

#: Seconds that it may take, and for each so many bytes of raw pictures another one.
PATIENCE, BYTES_PER_SECOND = 120, 2_000_000
#: Encoders by the words of our command line.
ENCODERS = {"h264": "libx264", "hevc": "libx265"}
_START = ("-nostdin", "-v", "error", "-protocol_whitelist", "file", "-y")
#: Even sides, and colours by ITU-R BT.601 in the partial range, as YBR_PARTIAL_420 means them
#: (PS3.3 C.7.6.3.1.2); the stream says so.
_TO_YUV = ("pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt601:out_range=tv:"
           "flags=accurate_rnd+full_chroma_int,format=yuv420p,setsar=1")
_TAGS = ("-colorspace", "smpte170m", "-color_range", "tv")


@dataclass(frozen=True, slots=True)
class Raw:
    """Frames of ``rows`` × ``columns`` one after the other, gray or RGB of eight bits."""

    path: Path
    rows: int
    columns: int
    colour: bool
    frames: int
    rate: Fraction

    @property
    def frame_bytes(self) -> int:
        return self.rows * self.columns * (3 if self.colour else 1)

    def arguments(self) -> list[str]:
        """How the file is to be read."""
        rate = f"{self.rate.numerator}/{self.rate.denominator}"
        return ["-f", "rawvideo", "-pixel_format", self.format, "-video_size",
                f"{self.columns}x{self.rows}", "-framerate", rate, "-i", f"file:{self.path}"]

    @property
    def format(self) -> str:
        return "rgb24" if self.colour else "gray"


@cache
def can_film(codec: str = "h264") -> str:
    """Empty, or why this machine makes no such video."""
    if shutil.which("ffmpeg") is None:
        return "ffmpeg is not installed"
    try:
        listed = subprocess.run(["ffmpeg", "-hide_banner", "-encoders"], stdin=subprocess.DEVNULL,
                                capture_output=True, timeout=60, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):  # a disc is worth more than its videos
        return "ffmpeg does not answer here"
    found = f" {ENCODERS[codec]} ".encode() in listed
    return "" if found else f"ffmpeg has no {ENCODERS[codec]} here"


def encode(raw: Raw, out: Path, memory: int, *, codec: str = "h264", crf: float = 18,
           level: str = "", preset: str = "medium") -> None:
    """Make ``out``, an MP4 with every frame of ``raw`` once. Raises UnsupportedError.

    ``crf`` is the encoder's own dial, smaller is better, ``preset`` its speed; ``memory`` bytes are
    what it may have.
    """
    settings = ["-c:v", ENCODERS[codec], "-preset", preset, "-crf", f"{crf:g}"]
    if codec == "h264":
        settings += ["-profile:v", "high", *(["-level:v", level] if level else [])]
    else:
        settings += ["-profile:v", "main", "-tag:v", "hvc1", "-x265-params",
                     f"log-level=error{':level-idc=' + level if level else ''}"]
    run([*raw.arguments(), "-frames:v", str(raw.frames), "-vf", _TO_YUV, *settings, *_TAGS,
         "-fps_mode", "passthrough", "-an", "-map_metadata", "-1", "-movflags", "+faststart",
         f"file:{out}"], memory, raw.frame_bytes * raw.frames)
    if not out.is_file() or not out.stat().st_size:
        raise UnsupportedError("ffmpeg made no video of it")


def decode(video: Path, raw: Raw, memory: int) -> None:
    """Write the frames of ``video`` to ``raw.path``, cut to its size. Raises UnsupportedError."""
    crop = f"crop={raw.columns}:{raw.rows}:0:0:exact=1"
    run(["-i", f"file:{video}", "-map", "0:v:0", "-vf",
         f"scale=in_color_matrix=bt601:in_range=tv:flags=accurate_rnd+full_chroma_int,"
         f"format={raw.format},{crop}", "-fps_mode", "passthrough", "-f", "rawvideo",
         f"file:{raw.path}"], memory, raw.frame_bytes * raw.frames)


def still(video: Path, out: Path, frame: int, memory: int, limit: int = 0) -> None:
    """One frame of a stream, from 0, as the picture file ``out``, its sides no longer than
    ``limit`` if there is one. Raises UnsupportedError."""
    fit = (rf",scale=w=min({limit}\,iw):h=min({limit}\,ih):"
           "force_original_aspect_ratio=decrease") if limit else ""
    run(["-i", f"file:{video}", "-map", "0:v:0", "-vf", rf"select=eq(n\,{frame}){fit}",
         "-frames:v", "1", "-fps_mode", "passthrough", f"file:{out}"], memory,
        video.stat().st_size * 50)
    if not out.is_file():
        raise UnsupportedError("ffmpeg finds no such frame in its stream")


def run(arguments: Sequence[str], memory: int, work: int) -> None:
    """``work``: bytes that pass through. Raises UnsupportedError when it does not end well."""
    seconds = PATIENCE + work / BYTES_PER_SECOND
    limits = ["prlimit", f"--as={memory}", "--core=0", "--nofile=64",
              f"--cpu={int(seconds * 2)}"] if shutil.which("prlimit") else []
    try:
        done = subprocess.run([*limits, "ffmpeg", *_START, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=seconds, check=False)
    except FileNotFoundError:
        raise UnsupportedError("ffmpeg is not installed", "Debian: apt install ffmpeg") from None
    except subprocess.TimeoutExpired:
        raise UnsupportedError("ffmpeg took too long and was stopped") from None
    if done.returncode:
        raise UnsupportedError("ffmpeg could not make it")
