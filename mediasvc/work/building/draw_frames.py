"""The child's side of the pages' pictures: decode a frame, draw it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mediasvc.media.page.page_images import draw
from mediasvc.span import Span
from mediasvc.work.building.page_frames import open_frames
from mediasvc.work.turns.batches import Item, each


def draw_frames(items: list[Item]) -> list[Any]:
    """For each ``{"span", "frame", "target"}``: [width, height] of the JPEG written."""
    return each(_draw, items)


def _draw(item: Item) -> tuple[int, int]:
    frame = int(item["frame"])
    with open_frames(Span.from_json(item["span"])) as source:
        return draw(source.samples(frame), source.looks, frame, Path(item["target"]))
