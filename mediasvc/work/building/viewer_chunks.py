"""The child's side of the viewer: decode frames once, for its data and for the pages' pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediasvc.errors import MediasvcError
from mediasvc.media.page.page_images import draw
from mediasvc.media.viewer.viewer_chunk import write_chunk
from mediasvc.media.viewer.viewer_frame import Record, Tables, describe, prepare
from mediasvc.media.viewer.viewer_header import HeaderRows
from mediasvc.media.viewer.viewer_labels import labels
from mediasvc.media.viewer.viewer_samples import deflate
from mediasvc.media.viewer.viewer_text import text_bytes
from mediasvc.span import Span
from mediasvc.work.building.page_frames import OpenFrames, open_frames
from mediasvc.work.turns.batches import Item, each


@dataclass(slots=True)
class _Chunk:
    """A chunk while it is made. ``sizes``: of each picture drawn, by its index."""

    factor: int
    tables: Tables = field(default_factory=Tables)
    headers: HeaderRows = field(default_factory=HeaderRows)
    files: list[dict[str, Any]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    streams: list[bytes] = field(default_factory=list)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    failed: int = 0

    def facts(self) -> dict[str, Any]:
        return {"frames": self.records, "tables": self.tables.rows, "files": self.files,
                "names": self.headers.names}


def write_chunks(items: list[Item], factor: int) -> list[Any]:
    """For each ``{"target", "parts"}``: sha256, length, sizes, failed.

    ``parts``: ``{"span", "path", "first", "count", "frames", "pictures"}``, the frames ``first``
    and so on of an instance that stands at ``path`` on the disc; ``pictures`` lists [frame, index,
    target] of JPEGs to be drawn. ``factor``: rows and columns are reduced by so much.
    """
    return each(lambda item: _write(item, factor), items)


def measure_frames(items: list[Item]) -> list[Any]:
    """For each ``{"span", "frame"}``: [bytes] that its data would take on the disc, unreduced."""
    return each(_measure, items)


def _measure(item: Item) -> list[int]:
    with open_frames(Span.from_json(item["span"])) as source:
        _, stream = _encoded(source, int(item["frame"]), 1, Tables())
    return [text_bytes(len(stream))]


def _write(item: Item, factor: int) -> dict[str, Any]:
    chunk = _Chunk(factor)
    for part in item["parts"]:
        _add(chunk, part)
    target = Path(item["target"])
    sha256, length = write_chunk(target, chunk.facts(), chunk.streams)
    return {"sha256": sha256, "length": length, "sizes": chunk.sizes, "failed": chunk.failed}


def _add(chunk: _Chunk, part: Item) -> None:
    place = len(chunk.files)
    wishes = {int(frame): (index, target) for frame, index, target in part["pictures"]}
    with open_frames(Span.from_json(part["span"])) as source:
        chunk.files.append({"p": part["path"], "h": chunk.headers.rows(source.header)})
        for frame in range(part["first"], part["first"] + part["count"]):
            record: Record = {"i": place}
            try:
                record |= labels(source.header, frame, part["frames"])
                _one(chunk, source, frame, record, wishes.get(frame))
            except (MemoryError, RecursionError):
                raise
            except Exception as error:  # one frame that cannot be shown costs only itself
                why = error.text if isinstance(error, MediasvcError) else type(error).__name__
                chunk.records.append({**record, "e": why})
                chunk.streams.append(b"")
                chunk.failed += 1


def _one(chunk: _Chunk, source: OpenFrames, frame: int, record: Record,
         wish: tuple[int, str] | None) -> None:
    more, stream = _encoded(source, frame, chunk.factor, chunk.tables)
    if wish:
        index, target = wish
        chunk.sizes[str(index)] = draw(source.samples(frame), source.header, frame, Path(target))
    record |= more
    json.dumps(record, allow_nan=False)  # what is no number would make the whole chunk unreadable
    chunk.records.append(record)
    chunk.streams.append(stream)


def _encoded(source: OpenFrames, frame: int, factor: int, tables: Tables,
             ) -> tuple[Record, bytes]:
    """A JPEG file that browsers show is not decoded at all."""
    jpeg = source.jpeg(frame)
    if jpeg is not None and factor == 1:
        return describe(source.header, frame) | {"j": 1}, jpeg
    samples = source.samples(frame)
    record, cells = prepare(samples, source.header, frame, factor, tables)
    stream = deflate(cells)
    if jpeg is not None and len(jpeg) <= len(stream):
        return describe(source.header, frame) | {"j": 1}, jpeg
    return record, stream
