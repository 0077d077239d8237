"""The pictures on the pages of a disc, drawn in sandbox children."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mediasvc.media.disc.disc_layout import Layout, Series
from mediasvc.media.page.page_content import (
    Picture,
    SeriesContent,
    Wish,
    choose,
    frames_of,
    numbered,
    picture_name,
)
from mediasvc.sandbox import Sandbox
from mediasvc.work.turns.batches import run_batches

BATCH = 8
CHILD = "mediasvc.work.building.draw_frames:draw_frames"
Sizes = dict[tuple[int, int], Any]


def make_folders(layout: Layout, folder: Path) -> None:
    """One below ``folder`` for each series with pictures."""
    for number, series in numbered(layout):
        if any(map(frames_of, series.instances)):
            (folder / picture_name(number, 1)).parent.mkdir(exist_ok=True)


def draw_previews(sandbox: Sandbox, layout: Layout, folder: Path,
                  report: Callable[[int, int], None] | None = None,
                  drawn: Sizes | None = None) -> dict[int, SeriesContent]:
    """Draw the chosen frames of every series as ``folder``/SE000001/IM000001.JPG and so on.

    ``drawn``: sizes by (series, index) of those that are there already, from the viewer's work. A
    frame that cannot be drawn costs itself only; `SeriesContent.failed` counts it. Returns the
    content of each page by series number.
    """
    make_folders(layout, folder)
    wishes = {number: choose(series) for number, series in numbered(layout)}
    sizes: Sizes = dict(drawn or {})
    total = sum(map(len, wishes.values())) - len(sizes)
    for done, (item, answer) in enumerate(run_batches(
            sandbox, CHILD, _requests(layout, wishes, folder, frozenset(sizes)), BATCH), 1):
        if not answer.error:
            sizes[item["series"], item["index"]] = answer.value
        if report:
            report(done, total)
    return {number: SeriesContent(
                number, series, tuple(_pictures(number, series, wishes[number], sizes)),
                failed=sum((number, index) not in sizes
                           for index in range(1, len(wishes[number]) + 1)))
            for number, series in numbered(layout)}


def _requests(layout: Layout, wishes: dict[int, list[Wish]], folder: Path,
              there: frozenset[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    for number, series in numbered(layout):
        for index, wish in enumerate(wishes[number], 1):
            if (number, index) not in there:
                yield {"series": number, "index": index, "frame": wish.frame,
                       "span": series.instances[wish.position].span.as_json(),
                       "target": str(folder / picture_name(number, index))}


def _pictures(number: int, series: Series, chosen: list[Wish],
              sizes: Sizes) -> Iterator[Picture]:
    for index, wish in enumerate(chosen, 1):
        if size := sizes.get((number, index)):
            instance = series.instances[wish.position]
            caption = f"Image {instance.header.instance_number or wish.position + 1}"
            if frames_of(instance) > 1:
                caption += f", frame {wish.frame + 1} of {frames_of(instance)}"
            width, height = size
            yield Picture(picture_name(number, index), width, height, caption)
