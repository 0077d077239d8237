"""A video that fits no transfer syntax is made to fit by ffmpeg.

Where only the container is wrong the coded pictures are copied, and nothing new is lost. Pictures
that are coded anew are labelled so (RL-1 to RL-5).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.errors import UnsupportedError
from mediasvc.media.wrap_facts import OtherFacts, VideoFacts
from mediasvc.standard.lossy_labels import LOSSY_COMPRESSION
from mediasvc.standard.video_fit import only_container
from mediasvc.standard.video_profiles import PROFILES
from mediasvc.work.wrap_advice import reencode_command, remux_command

#: Seconds that ffmpeg may take, and for each so many bytes of the source another one.
PATIENCE, BYTES_PER_SECOND = 600, 100_000
#: Foreign playlists may not make it read other files or the network.
_CAREFUL = ["-nostdin", "-v", "error", "-protocol_whitelist", "file"]


@dataclass(frozen=True, slots=True)
class Made:
    """The new file; ``encoded`` when pictures were coded anew, ``before`` what had been lost then:
    (method, ratio) where that is known."""

    path: Path
    encoded: bool
    before: tuple[str, str] | None = None

    @property
    def note(self) -> str:
        return ("the video was encoded anew as H.264 by ffmpeg" if self.encoded else
                "the container was changed by ffmpeg; the coded pictures are as they were")

    def labels(self, values: dict[str, Any]) -> dict[str, Any]:
        """What is said of it beside ``values``, the labels of the new stream."""
        if not self.encoded:
            return {}
        labels: dict[str, Any] = {
            "DerivationDescription": "Encoded anew as H.264 High Profile by ffmpeg, CRF 18",
            "DerivationCodeSequence": [{
                "CodeValue": LOSSY_COMPRESSION.value, "CodeMeaning": LOSSY_COMPRESSION.meaning,
                "CodingSchemeDesignator": LOSSY_COMPRESSION.scheme}]}
        if self.before:
            for keyword, value in zip(("LossyImageCompressionMethod",
                                       "LossyImageCompressionRatio"), self.before, strict=True):
                labels[keyword] = [value, values[keyword]]
        return labels


def ways(source: Path, facts: OtherFacts | VideoFacts, scratch: Path, *, encode: bool,
         memory: int) -> Iterator[Made]:
    """Each way to make it fit, the gentlest first; only with ``encode`` are pictures coded anew.
    ``memory`` bytes are what ffmpeg may have.

    Raises UnsupportedError when that is asked for and ffmpeg is not there.
    """
    if shutil.which("ffmpeg") is None:
        if encode:
            raise UnsupportedError("ffmpeg is not installed, so nothing can be encoded anew",
                                   "Debian: apt install ffmpeg")
        return
    video = facts if isinstance(facts, VideoFacts) else None
    if video is None or only_container(video):
        made = _run(remux_command(str(source), str(scratch / "remuxed.mp4"), video), source, memory)
        if made:
            yield Made(made, False)
    if encode:
        made = _run(reencode_command(str(source), str(scratch / "encoded.mp4"), video), source,
                    memory)
        if made:
            yield Made(made, True, _before(video, source))


def _run(command: list[str], source: Path, memory: int) -> Path | None:
    """The file that ffmpeg made, None when it could not. It lives under limits as our own children
    do, where prlimit (util-linux) is there."""
    program, flag, name, *rest = command
    limits = ["prlimit", f"--as={memory}", "--core=0"] if shutil.which("prlimit") else []
    out = Path(rest[-1])
    out.unlink(missing_ok=True)
    seconds = PATIENCE + source.stat().st_size / BYTES_PER_SECOND
    try:
        done = subprocess.run(
            [*limits, program, *_CAREFUL, flag, f"file:{Path(name).absolute()}", *rest],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None
    return out if done.returncode == 0 and out.is_file() else None


def _before(facts: VideoFacts | None, source: Path) -> tuple[str, str] | None:
    if facts is None:
        return None
    methods = {row.codec: row.method for row in PROFILES}
    if facts.codec not in methods:
        return None
    native = facts.rows * facts.columns * 3 * facts.frames
    return methods[facts.codec], f"{native / max(1, source.stat().st_size):.6g}"
