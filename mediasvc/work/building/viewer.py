"""The data of a disc's viewer and the pictures of its pages, drawn in sandbox children.

Each frame is decoded once for both. How much detail the medium has room for is measured on a few
frames first; that it fits is known from the files themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediasvc.media.disc.disc_file import WEB_FOLDER, DiscFile
from mediasvc.media.disc.disc_layout import Layout
from mediasvc.media.iso.iso_write import file_size
from mediasvc.media.page.page_content import Wish, choose, numbered, picture_name
from mediasvc.media.viewer.viewer_plan import (
    FACTORS,
    VIEWER_FOLDER,
    ChunkPlan,
    folder_name,
    frame_bytes,
    plan_chunks,
    shown_frames,
)
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.work.turns.batches import Item, run_batches

CHILD = "mediasvc.work.building.viewer_chunks"
#: Frames that are measured before all are drawn, and what may go wrong with that forecast.
MEASURED, DOUBT = 24, 1.03
#: What a chunk usually takes beside its samples, and each frame of it.
CHUNK, FRAME = 8 << 10, 400
Report = Callable[[int, int], None]
Sizes = dict[tuple[int, int], Any]


@dataclass(slots=True)
class ViewerData:
    """``files``: the chunks, below VIEWER/; ``factor``: how much rows and columns are reduced, 0
    when even reduced images have no room; ``sizes``: of the pages' pictures by (series, index)."""

    factor: int = 0
    chunks: list[ChunkPlan] = field(default_factory=list)
    files: list[DiscFile] = field(default_factory=list)
    sizes: Sizes = field(default_factory=dict)
    failed: int = 0


def draw_viewer(sandbox: Sandbox, layout: Layout, scratch: Path, room: int | None, udf: int,
                least: int, report: Report) -> ViewerData:
    """Write the chunks below ``scratch``/VIEWER, no more than ``room`` bytes on the medium (None:
    no limit), and below ``scratch``/IHE_PDI the pictures that the pages want.

    A chunk whose child dies is missing, and the viewer says so; its pictures are missing too.
    """
    chunks = list(plan_chunks(layout))
    if not chunks:
        return ViewerData()
    for factor in _factors(sandbox, layout, chunks, room, least):
        data = _draw(sandbox, layout, chunks, scratch, factor, report)
        if room is None or sum(file_size(one.span.length, udf) for one in data.files) <= room:
            return data
        for file in data.files:
            Path(file.span.path).unlink()
    return ViewerData()


def _factors(sandbox: Sandbox, layout: Layout, chunks: list[ChunkPlan], room: int | None,
             least: int) -> Iterator[int]:
    """Those from ``least`` on that should fit, the most detailed first."""
    if room is None or sum(chunk.most_bytes for chunk in chunks) <= room:
        yield least
        return
    ratio = _ratio(sandbox, layout) * DOUBT
    native = sum(chunk.native for chunk in chunks)
    beside = sum(CHUNK + chunk.frames * FRAME for chunk in chunks)
    for factor in FACTORS:
        if factor >= least and native * ratio / factor ** 2 + beside <= room:
            yield factor


def _ratio(sandbox: Sandbox, layout: Layout) -> float:
    """What the data of a frame take, against its native bytes, weighed by series."""
    wanted = [(series, series.instances[wish.position], wish) for _, series in numbered(layout)
              for wish in choose(series, 1)]
    wanted = wanted[::max(1, len(wanted) // MEASURED)]
    items: Iterator[Item] = ({"span": instance.span.as_json(), "frame": wish.frame, "at": at}
                             for at, (_, instance, wish) in enumerate(wanted))
    taken = native = 1.0
    for item, answer in run_batches(sandbox, f"{CHILD}:measure_frames", items, 1):
        if not answer.error:
            series, instance, _ = wanted[item["at"]]
            whole = sum(shown_frames(one) * frame_bytes(one) for one in series.instances)
            taken += answer.value[0] / frame_bytes(instance) * whole
            native += whole
    return taken / native


def _draw(sandbox: Sandbox, layout: Layout, chunks: list[ChunkPlan], scratch: Path, factor: int,
          report: Report) -> ViewerData:
    data = ViewerData(factor, chunks)
    wishes = {number: choose(series) for number, series in numbered(layout)}
    places: dict[str, DiscFile] = {}
    for done, (item, answer) in enumerate(run_batches(
            sandbox, f"{CHILD}:write_chunks", _requests(layout, chunks, wishes, scratch), 1,
            factor=factor), 1):
        report(done, len(chunks))
        if answer.error:
            Path(item["target"]).unlink(missing_ok=True)
            data.failed += sum(part["count"] for part in item["parts"])
            continue
        row = answer.value
        parts = (VIEWER_FOLDER, *item["name"].split("/"))
        places[item["name"]] = DiscFile(parts, Span(item["target"], 0, int(row["length"])),
                                        str(row["sha256"]), dense=True)
        data.failed += int(row["failed"])
        data.sizes |= {(item["series"], int(index)): size for index, size in row["sizes"].items()}
    data.files = [places[chunk.name] for chunk in chunks if chunk.name in places]
    return data


def _requests(layout: Layout, chunks: list[ChunkPlan], wishes: dict[int, list[Wish]],
              scratch: Path) -> Iterator[Item]:
    series_of, web = dict(numbered(layout)), scratch / WEB_FOLDER
    wanted = {number: {(wish.position, wish.frame): index for index, wish in enumerate(chosen, 1)}
              for number, chosen in wishes.items()}
    for chunk in chunks:
        series, indices = series_of[chunk.series], wanted[chunk.series]
        (scratch / VIEWER_FOLDER / folder_name(chunk.series)).mkdir(parents=True, exist_ok=True)
        parts = [{
            "span": series.instances[part.position].span.as_json(),
            "path": "/".join((*series.folder, f"IM{part.position + 1:06d}")),
            "first": part.first, "count": part.count,
            "frames": max(1, series.instances[part.position].header.number_of_frames),
            "pictures": [[frame, index, str(web / picture_name(chunk.series, index))]
                         for frame in range(part.first, part.first + part.count)
                         if (index := indices.get((part.position, frame)))]}
            for part in chunk.parts]
        yield {"series": chunk.series, "name": chunk.name, "parts": parts,
               "target": str(scratch / VIEWER_FOLDER / chunk.name)}
