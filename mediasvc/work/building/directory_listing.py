"""What the child that writes a DICOMDIR (`directory_file`) is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from mediasvc.media.disc.disc_layout import DiscInstance, FileId


def write_listing(target: Path, placed: Iterable[tuple[FileId, DiscInstance]],
                  icon: Callable[[int], str] = lambda place: "") -> None:
    """A JSON line ``[path, offset, length, File ID, icon]`` for each instance; ``icon``: its file,
    by place."""
    with target.open("w", encoding="utf-8") as lines:
        for place, (file_id, instance) in enumerate(placed):
            span = instance.span
            lines.write(json.dumps([span.path, span.offset, span.length, file_id, icon(place)])
                        + "\n")
