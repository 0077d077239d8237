"""What ffprobe says of a container that we do not read ourselves: which coded streams are in it."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Foreign playlists may not make it read other files or the network.
CAREFUL = ["-v", "error", "-protocol_whitelist", "file"]
SECONDS, PACKETS, ANSWER = 120, 400, 8 << 20
#: Names of ffmpeg for the codecs that have transfer syntaxes (PS3.5 8.2.5 to 8.2.11).
VIDEO = {"mpeg2video": "mpeg2", "h264": "h264", "hevc": "hevc"}


@dataclass(frozen=True, slots=True)
class Streams:
    """Names of ffmpeg. ``ordered``: each picture says when it is shown, or none has to."""

    video: str
    sounds: tuple[str, ...]
    ordered: bool


def limited(memory: int) -> list[str]:
    """What stands before a command, so that it lives under limits as our own children do, where
    prlimit (util-linux) is there."""
    return ["prlimit", f"--as={memory}", "--core=0"] if shutil.which("prlimit") else []


def streams_of(path: Path, memory: int) -> Streams | None:
    """None where ffprobe is not there, or cannot read the file."""
    if shutil.which("ffprobe") is None:
        return None
    all_streams = _ask(path, memory, ["-show_entries", "stream=codec_type,codec_name"])
    packets = _ask(path, memory, [
        "-select_streams", "v:0", "-show_entries", "stream=codec_name,has_b_frames:packet=pts,dts",
        "-read_intervals", f"%+#{PACKETS}"])
    try:
        kinds = [(one["codec_type"], str(one["codec_name"])) for one in all_streams["streams"]
                 if one["codec_type"] in ("video", "audio")]
        video = next(name for kind, name in kinds if kind == "video")
        return Streams(video, tuple(name for kind, name in kinds if kind == "audio"),
                       _is_ordered(packets))
    except (KeyError, TypeError, StopIteration):
        return None


def _is_ordered(answer: dict[str, Any]) -> bool:
    """Pictures that are shown in another order than they are coded in need times of their own:
    AVI and bare streams have none, and a copy would invent them. MPEG-2 says the order itself."""
    stream = answer["streams"][0]
    if not stream.get("has_b_frames") or VIDEO.get(stream["codec_name"]) == "mpeg2":
        return True
    times = [(row.get("pts"), row.get("dts")) for row in answer.get("packets", ())]
    return any(None not in pair for pair in times) and len(
        {pts - dts for pts, dts in times if pts is not None and dts is not None}) > 1


def _ask(path: Path, memory: int, options: list[str]) -> dict[str, Any]:
    command = [*limited(memory), "ffprobe", *CAREFUL, *options, "-of", "json",
               f"file:{path.absolute()}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=SECONDS, check=False)
        answer = json.loads(done.stdout[:ANSWER] or b"{}")
    except (subprocess.TimeoutExpired, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}
