"""Cine loops and videos of a disc as ordinary MP4 files, where ffmpeg is installed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediasvc.errors import UnsupportedError
from mediasvc.media.disc.disc_file import VIDEO_FOLDER, DiscFile
from mediasvc.media.disc.disc_layout import DiscInstance, Layout
from mediasvc.media.iso.iso_write import file_size
from mediasvc.media.page.page_content import Document, frames_of, numbered
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.work.rendering.render_ffmpeg import can_film, run
from mediasvc.work.rendering.render_film import film_of_raw
from mediasvc.work.rendering.render_order import RenderOptions
from mediasvc.work.turns.batches import Item, run_batches

RENDER = "mediasvc.work.rendering.render_file:render_instances"
PROBE = "mediasvc.work.building.report_files:cine_rates"
#: Shorter loops are shown whole by the pages. More raw bytes than this, of one and of all
#: together, would take too long.
FEWEST, MOST_BYTES, MOST_TOGETHER = 8, 1 << 30, 4 << 30
MOST_VIDEOS = 100
PRESET = "veryfast"
#: What comes out of a stream and what every browser plays after only its container is changed.
_STREAMS = {".ts", ".m2ts"}
Report = Callable[[int, int], None]


@dataclass(slots=True)
class Videos:
    """``files`` below VIDEO/, and whose they are: series number → documents."""

    files: list[DiscFile] = field(default_factory=list)
    documents: dict[int, list[Document]] = field(default_factory=dict)


def draw_videos(sandbox: Sandbox, layout: Layout, scratch: Path, room: int | None, udf: int,
                report: Report) -> Videos:
    """Make VIDEO/V000001.MP4 and so on below ``scratch``, together no more than ``room`` bytes.

    What cannot be made is left out: the frames are on the disc in any case.
    """
    found = Videos()
    items = [] if can_film() else _with_rate(sandbox, _candidates(layout))[:MOST_VIDEOS]
    if not items:
        return found
    (scratch / VIDEO_FOLDER).mkdir()
    for done, item in enumerate(items, 1):
        name = f"V{done:06d}.MP4"
        made = _made(sandbox, item, scratch / "video", scratch / VIDEO_FOLDER / name)
        report(done, len(items))
        if made is None:
            continue
        taken = file_size(made.length, udf)
        if room is not None and taken > room:
            Path(made.path).unlink()
            continue
        room = None if room is None else room - taken
        found.files.append(DiscFile((VIDEO_FOLDER, name), made, made.sha256(), dense=True))
        found.documents.setdefault(item["series"], []).append(
            Document(f"{VIDEO_FOLDER}/{name}", "video", item["title"]))
    return found


def _candidates(layout: Layout) -> Iterator[Item]:
    left = MOST_TOGETHER
    for number, series in numbered(layout):
        for place, instance in enumerate(series.instances, 1):
            frames = frames_of(instance)
            size = 0 if _is_stream(instance) else _raw(instance)
            if frames >= FEWEST and size <= min(MOST_BYTES, left):
                left -= size
                yield {"series": number, "span": instance.span.as_json(),
                       "stream": _is_stream(instance),
                       "title": f"image {instance.header.instance_number or place}"}


def _is_stream(instance: DiscInstance) -> bool:
    row = TRANSFER_SYNTAXES.get(instance.header.transfer_syntax_uid)
    return row is not None and row.form == "video"


def _raw(instance: DiscInstance) -> int:
    header = instance.header
    return header.rows * header.columns * 3 * header.number_of_frames


def _with_rate(sandbox: Sandbox, items: Iterator[Item]) -> list[Item]:
    """Streams, and those whose frames follow each other in time."""
    kept = []
    for item, answer in run_batches(sandbox, PROBE, items, 16):
        if item["stream"] or (not answer.error and answer.value):
            kept.append(item)
    return sorted(kept, key=lambda item: (item["series"], item["title"]))


def _made(sandbox: Sandbox, item: Item, work: Path, target: Path) -> Span | None:
    options = RenderOptions(form="mp4")
    order = {"span": item["span"], "folder": str(work), "stem": "film"}
    memory = Limits().child_memory
    try:
        for _, answer in run_batches(sandbox, RENDER, [order], 1, options=options.as_json()):
            if answer.error:
                return None
            return _finished(dict(answer.value), work, target, memory)
        return None
    except UnsupportedError:
        return None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _finished(done: dict[str, Any], work: Path, target: Path, memory: int) -> Span | None:
    if done["raw"] is not None:
        made = work / film_of_raw(work, "film", done["raw"], memory, PRESET)
    else:
        made = work / str(done["files"][0])
        if made.suffix in _STREAMS:
            copied = work / "copied.mp4"
            run(["-i", f"file:{made}", "-map", "0:v:0", "-c", "copy", "-map_metadata", "-1",
                 "-movflags", "+faststart", f"file:{copied}"], memory, made.stat().st_size)
            made = copied
    if made.suffix != ".mp4":
        return None
    made.rename(target)
    return Span.of_file(target)
