"""What to do with a file that cannot be wrapped as it is: in words, mostly an ffmpeg command."""

from __future__ import annotations

import shlex
from pathlib import Path

from mediasvc.media.foreign.wrap_facts import OtherFacts, VideoFacts
from mediasvc.standard.video_fit import audio_trouble, only_container

#: Files that are recognised and have to be made into something else first.
KINDS = {
    "matroska": "it is a Matroska or WebM file; DICOM takes MP4 or an MPEG transport stream",
    "avi": "it is an AVI file; DICOM takes MP4 or an MPEG transport stream",
    "wmv": "it is a Windows Media file; DICOM takes MP4 or an MPEG transport stream",
    "m2ts": "it is a BDAV stream (m2ts); DICOM takes plain MPEG transport streams",
    "program": "it is an MPEG program stream without MPEG-2 video",
    "elementary": "it is a bare video stream without container",
    "gif": "it is a GIF; DICOM has no transfer syntax for it",
    "heic": "it is an HEIC or AVIF photo; DICOM has no transfer syntax for it",
    "webp": "it is a WebP picture; DICOM has no transfer syntax for it",
    "bmp": "it is a BMP picture",
    "dicom": "it is a DICOM file already",
    "zip": "it is a zip or an office document",
    "unknown": "it is none of MP4, MPEG-TS, MPEG-PS, JPEG, PNG, TIFF, PDF, STL, OBJ, CDA, text",
}
_PICTURES = frozenset({"gif", "heic", "webp", "bmp"})
_REMUXED = frozenset({"matroska", "avi", "m2ts", "elementary", "program", "wmv"})
#: Square pixels, even sides, no larger than a level 4.1 or 4.2 stream may be.
_FILTER = (r"scale=w=trunc(iw*sar/2)*2:h=trunc(ih/2)*2,setsar=1,scale=w=min(1920\,iw):"
           r"h=min(1080\,ih):force_original_aspect_ratio=decrease:force_divisible_by=2")
SLOW = 30
#: What becomes of the sound: options of ffmpeg behind ``-c:a``.
COPY, AAC = "copy", "aac -ar 48000"


def advice(facts: OtherFacts | VideoFacts, path: str) -> tuple[str, str]:
    """(reason, advice). For a video the reason is the caller's."""
    name = Path(path).name
    if isinstance(facts, VideoFacts):
        command = remux_command if only_container(facts) else reencode_command
        return "", f"This makes it fit: {shown(command(name, 'OUT.mp4', facts))}"
    reason = KINDS.get(facts.kind, KINDS["unknown"])
    if facts.kind in _PICTURES:
        return reason, "Save it as PNG first."
    if facts.kind in _REMUXED:
        return reason, f"Try: {shown(remux_command(name, 'OUT.mp4'))}"
    if facts.kind == "dicom":
        return reason, "Use: mediasvc ingest"
    if facts.kind == "zip":
        return reason, "Save it as PDF first."
    return reason, "Save it as one of these first; a document as PDF."


def can_be_made_to_fit(facts: OtherFacts | VideoFacts) -> bool:
    """Whether ffmpeg may be tried at all."""
    return isinstance(facts, VideoFacts) or facts.kind in _REMUXED


def remux_command(source: str, out: str, facts: VideoFacts | None = None,
                  sound: str = "") -> list[str]:
    """Another container, every coded picture as it was; ``sound`` COPY or AAC, else it stays where
    MP4 is known to hold it. Made again it is the same again."""
    kept = facts is not None and not any(audio_trouble("mp4", facts.codec, one)
                                         for one in facts.audio)
    way = sound or (COPY if kept else AAC)
    mp4 = out.endswith(".mp4")
    timed = [] if mp4 else ["-fflags", "+genpts"]  # a transport stream needs times that AVI lacks
    tail = ["-movflags", "+faststart", out] if mp4 else [out]
    return ["ffmpeg", *timed, "-i", source, "-map", "0:v:0", "-map", "0:a?", "-c:v", "copy", "-c:a",
            *way.split(), "-fflags", "+bitexact", *tail]


def reencode_command(source: str, out: str, facts: VideoFacts | None = None) -> list[str]:
    """H.264 High Profile at the level that the rate needs (PS3.5 8.2.7, 8.2.8)."""
    fast = facts is not None and facts.rate > SLOW
    return ["ffmpeg", "-i", source, "-map", "0:v:0", "-map", "0:a?", "-vf", _FILTER, "-fpsmax",
            "60", "-c:v", "libx264", "-profile:v", "high", "-level:v", "4.2" if fast else "4.1",
            "-pix_fmt", "yuv420p", "-crf", "18", "-c:a", "aac", "-ar", "48000", "-movflags",
            "+faststart", out]


def shown(command: list[str]) -> str:
    return " ".join(map(shlex.quote, command))
