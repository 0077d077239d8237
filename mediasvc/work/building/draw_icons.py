"""Icons of images for DICOMDIR (0088,0200): a square of grey, drawn in sandbox children."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.media.disc.disc_layout import Layout
from mediasvc.media.page.page_content import frames_of
from mediasvc.model import Finding
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.work.turns.batches import Item, each, run_batches

BATCH = 16
CHILD = "mediasvc.work.building.draw_icons:draw_icons"
#: (0028,6010) Representative Frame Number; otherwise a third of the way through (PS3.11 A.3.3.2).
THIRD = 3
#: Name of the icon of what cannot be drawn.
BLACK = "black"


@dataclass(frozen=True, slots=True)
class Icons:
    """Files with ``side`` × ``side`` bytes. ``drawn``: by place on the disc, 0 for an instance
    without pixels, 1 for one that has its icon, 2 for one whose icon is black."""

    folder: Path
    drawn: bytearray
    findings: tuple[Finding, ...]

    def file(self, place: int) -> str:
        """Of the instance at ``place``; empty where it has none."""
        kind = self.drawn[place]
        return str(_file(self.folder, place) if kind == 1 else self.folder / BLACK) if kind else ""


def icons_of(sandbox: Sandbox, layout: Layout, folder: Path, side: int,
             report: Callable[[int, int], None]) -> Icons:
    """An icon of every image; what cannot be drawn has a black one, and that is told."""
    folder.mkdir()
    (folder / BLACK).write_bytes(bytes(side * side))
    drawn = bytearray(bool(frames_of(one)) for _, one in layout.placed())
    total, failed = sum(drawn), 0
    items = ({"at": at, "span": one.span.as_json(), "target": str(_file(folder, at)), "side": side}
             for at, (_, one) in enumerate(layout.placed()) if drawn[at])
    for done, (item, answer) in enumerate(run_batches(sandbox, CHILD, items, BATCH), 1):
        if answer.error:
            drawn[item["at"]] = 2
            failed += 1
        report(done, total)
    return Icons(folder, drawn, (Finding(
        "info", "icon-black", "", f"{failed} images could not be drawn; their icons in the "
        "directory are black", "PS3.3 F.7"),) if failed else ())


def _file(folder: Path, place: int) -> Path:
    return folder / f"{place:08d}"


def draw_icons(items: list[Item]) -> list[Any]:
    """The child's side: write each icon to its ``target``."""
    return each(_draw, items)


def _draw(item: Item) -> bool:
    import numpy as np

    from mediasvc.media.page.display import shrink, to_picture
    from mediasvc.work.building.page_frames import open_frames

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
