"""What ffmpeg makes of the frames that a child wrote, and of a stream that it unwrapped."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from mediasvc.work.rendering.render_ffmpeg import Raw, encode, still

#: For people: nearly as good as the pictures, and every player knows H.264.
CRF = 18


def raw_from_json(path: Path, row: dict[str, Any]) -> Raw:
    """How the raw frames in ``path`` are to be read, as a child answered."""
    numerator, denominator = row["rate"]
    return Raw(path, int(row["rows"]), int(row["columns"]), bool(row["colour"]),
               int(row["frames"]), Fraction(int(numerator), int(denominator)))


def film_of_raw(folder: Path, stem: str, row: dict[str, Any], memory: int,
                preset: str = "medium") -> str:
    """Make ``stem``.mp4 of ``stem``.raw in ``folder``; its name. Raises UnsupportedError."""
    raw = raw_from_json(folder / f"{stem}.raw", row)
    encode(raw, folder / f"{stem}.mp4", memory, crf=CRF, preset=preset)
    raw.path.unlink()
    return f"{stem}.mp4"


def still_of_stream(folder: Path, stem: str, name: str, suffix: str, frames: int, frame: int,
                    memory: int) -> dict[str, Any]:
    """One frame of the stream ``name``, from 0. Raises UnsupportedError."""
    out = folder / f"{stem}.{suffix}"
    still(folder / name, out, min(frame, max(0, frames - 1)), memory)
    (folder / name).unlink()
    return {"kind": "jpeg" if suffix == "jpg" else "png", "files": [out.name], "frames": 1,
            "values": "displayed",
            "notes": [f"frame {frame + 1} of the video's {frames}, decoded by ffmpeg"]}
