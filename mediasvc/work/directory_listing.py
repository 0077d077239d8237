"""What the child that writes a DICOMDIR (`directory_file`) is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mediasvc.media.disc_layout import DiscInstance, FileId
from mediasvc.span import Span


def write_listing(target: Path, placed: Iterable[tuple[FileId, DiscInstance]],
                  icons: Mapping[Span, Path] | None = None) -> None:
    """A JSON line ``[path, offset, length, File ID, icon]`` for each instance."""
    with target.open("w", encoding="utf-8") as lines:
        for file_id, instance in placed:
            span, icon = instance.span, (icons or {}).get(instance.span, "")
            lines.write(json.dumps([span.path, span.offset, span.length, file_id, str(icon)])
                        + "\n")
