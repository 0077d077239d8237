"""Icons of images for DICOMDIR (0088,0200): a square of grey, drawn in sandbox children."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.media.disc_layout import Layout
from mediasvc.media.page_content import frames_of
from mediasvc.model import Finding
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.work.batches import Item, each, run_batches

BATCH = 16
CHILD = "mediasvc.work.draw_icons:draw_icons"
#: (0028,6010) Representative Frame Number; otherwise a third of the way through (PS3.11 A.3.3.2).
THIRD = 3


@dataclass(frozen=True, slots=True)
class Icons:
    """``files``: place of an instance → file with the ``side`` × ``side`` bytes of its icon."""

    files: dict[Span, Path]
    findings: tuple[Finding, ...]


def icons_of(sandbox: Sandbox, layout: Layout, folder: Path, side: int,
             report: Callable[[int, int], None]) -> Icons:
    """An icon of every image; what cannot be drawn has a black one, and that is told."""
    folder.mkdir()
    black = folder / "black"
    black.write_bytes(bytes(side * side))
    instances = [one for _, one in layout.placed() if frames_of(one)]
    items = ({"span": one.span.as_json(), "target": str(folder / f"{at:08d}"), "side": side}
             for at, one in enumerate(instances))
    found: dict[Span, Path] = {}
    failed = 0
    for done, (item, answer) in enumerate(run_batches(sandbox, CHILD, items, BATCH), 1):
        found[Span.from_json(item["span"])] = black if answer.error else Path(item["target"])
        failed += bool(answer.error)
        report(done, len(instances))
    return Icons(found, (Finding(
        "info", "icon-black", "", f"{failed} images could not be drawn; their icons in the "
        "directory are black", "PS3.3 F.7"),) if failed else ())


def draw_icons(items: list[Item]) -> list[Any]:
    """The child's side: write each icon to its ``target``."""
    return each(_draw, items)


def _draw(item: Item) -> bool:
    import numpy as np

    from mediasvc.media.display import shrink, to_picture
    from mediasvc.work.page_frames import open_frames

    side = int(item["side"])
    with open_frames(Span.from_json(item["span"])) as source:
        header = source.header
        frames = int(header.get("NumberOfFrames") or 1)
        frame = int(header.get("RepresentativeFrameNumber") or frames // THIRD + 1) - 1
        picture = shrink(to_picture(source.samples(min(frame, frames - 1)), header, frame), side)
    if picture.ndim == 3:
        picture = (picture @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    icon = np.zeros((side, side), np.uint8)
    top, left = (side - picture.shape[0]) // 2, (side - picture.shape[1]) // 2
    icon[top:top + picture.shape[0], left:left + picture.shape[1]] = picture
    Path(item["target"]).write_bytes(icon.tobytes())
    return True
