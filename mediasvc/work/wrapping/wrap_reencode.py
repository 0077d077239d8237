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
from mediasvc.media.foreign.wrap_facts import OtherFacts, VideoFacts
from mediasvc.standard.lossy_labels import LOSSY_COMPRESSION
from mediasvc.standard.video_fit import only_container
from mediasvc.standard.video_profiles import PROFILES
from mediasvc.work.wrapping.wrap_advice import AAC, COPY, reencode_command, remux_command
from mediasvc.work.wrapping.wrap_ffprobe import CAREFUL, VIDEO, limited, streams_of

#: Seconds that ffmpeg may take, and for each so many bytes of the source another one.
PATIENCE, BYTES_PER_SECOND = 600, 100_000


@dataclass(frozen=True, slots=True)
class Made:
    """The new file; ``encoded`` when pictures were coded anew, ``before`` what had been lost then:
    (method, ratio) where that is known. ``sound``: it was encoded anew."""

    path: Path
    encoded: bool
    before: tuple[str, str] | None = None
    sound: bool = False

    @property
    def note(self) -> str:
        if self.encoded:
            return "the video was encoded anew as H.264 by ffmpeg"
        sound = "; its sound was encoded anew as AAC" if self.sound else ""
        return f"the container was changed by ffmpeg; the coded pictures are as they were{sound}"

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
         memory: int, said: list[str]) -> Iterator[Made]:
    """Each way to make it fit, the gentlest first; only with ``encode`` are pictures coded anew.
    ``memory`` bytes are what ffmpeg may have; why one could not be gone is added to ``said``.

    Raises UnsupportedError when pictures are to be coded and ffmpeg is not there.
    """
    if shutil.which("ffmpeg") is None:
        if encode:
            raise UnsupportedError("ffmpeg is not installed, so nothing can be encoded anew",
                                   "Debian: apt install ffmpeg")
        return
    video = facts if isinstance(facts, VideoFacts) else None
    if video is None or only_container(video):
        yield from _other_container(source, video, scratch, memory, said)
    if encode:
        made = _run(reencode_command(str(source), str(scratch / "encoded.mp4"), video), source,
                    memory)
        if made:
            yield Made(made, True, _before(video, source))


def _other_container(source: Path, video: VideoFacts | None, scratch: Path, memory: int,
                     said: list[str]) -> Iterator[Made]:
    """The coded pictures in another container; the sound as it was wherever that may hold it."""
    found = streams_of(source, memory)
    if found is None:
        suffix, sound = "mp4", ""
    elif found.video not in VIDEO:
        said.append(f"DICOM has no transfer syntax for its video codec ({found.video})")
        return
    elif not found.ordered:
        said.append("its pictures are coded in another order than they are shown in, and it does "
                    "not say when each is shown")
        return
    else:
        suffix, sound = sound_way(VIDEO[found.video], found.sounds)
    made = _run(remux_command(str(source), str(scratch / f"remuxed.{suffix}"), video, sound),
                source, memory)
    if made:
        yield Made(made, False, sound=sound == AAC and bool(found and found.sounds))
    elif found:
        said.append("ffmpeg cannot give it another container as it is")


def sound_way(codec: str, sounds: tuple[str, ...]) -> tuple[str, str]:
    """(container, what becomes of the sound) so that nothing is lost where PS3.5 8.2.12 allows it;
    with MPEG-2 hardly any sound is allowed, so it stays what it was, and that is said."""
    if codec != "mpeg2" and set(sounds) <= {"aac", "mp3", "mp2"}:
        return "mp4", COPY
    if set(sounds) <= {"aac", "mp3", "mp2", "ac3"}:
        return "ts", COPY
    return ("ts" if codec == "mpeg2" else "mp4"), AAC


def _run(command: list[str], source: Path, memory: int) -> Path | None:
    """The file that ffmpeg made, None when it could not."""
    at = command.index("-i") + 1
    (program, *before), name, rest = command[:at], command[at], command[at + 1:]
    out = Path(rest[-1])
    out.unlink(missing_ok=True)
    seconds = PATIENCE + source.stat().st_size / BYTES_PER_SECOND
    try:
        done = subprocess.run(
            [*limited(memory), program, "-nostdin", *CAREFUL, *before,
             f"file:{Path(name).absolute()}", *rest],
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
