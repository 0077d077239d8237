"""Has a drop arrived whole? Asked while it settles, before anything is parsed (FAULTS M23, M24)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Structure:
    """``words`` are for the clerk: why the drop still waits, or what is wrong with it."""

    state: Literal["complete", "growing", "damaged"]
    words: str


def structure(path: Path) -> Structure:
    """What the ends of ``path`` say. Reads a few sectors, never raises on foreign bytes."""
    return Structure("complete", "it has no end mark of its own; it counts once it is quiet")
