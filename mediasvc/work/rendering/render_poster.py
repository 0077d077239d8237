"""Poster frames: one picture that stands for an instance, the middle one of a cine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mediasvc.errors import UnsupportedError
from mediasvc.media.ordinary.ordinary_picture import look_at
from mediasvc.media.page.display import shrink
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.work.rendering.render_ffmpeg import still
from mediasvc.work.rendering.render_frames import FrameSource, on_framing, with_frames
from mediasvc.work.rendering.render_payload import write_payload
from mediasvc.work.rendering.render_pictures import drawn
from mediasvc.work.turns.batches import Item, each

CHILD = "mediasvc.work.rendering.render_poster:draw_posters"
#: Longest side in pixels, and quality of the JPEG.
LIMIT, QUALITY = 512, 85


def poster(sandbox: Sandbox, span: Span, target: Path, memory: int, limit: int = LIMIT,
           ) -> dict[str, Any]:
    """Write the new JPEG ``target`` of the instance ``span``: ``frame`` (from 0), ``frames``,
    ``width``, ``height``.

    A frame of a video stream is decoded by ffmpeg, which may have ``memory`` bytes. Raises
    UnsupportedError where there is no picture.
    """
    answer = sandbox.call(CHILD, items=[{"span": span.as_json(), "target": str(target),
                                         "limit": limit}])
    row: dict[str, Any] = answer.value[0] if not answer.error else {
        "error": answer.error, "text": answer.text}
    if row.get("error"):
        raise UnsupportedError(str(row["text"]))
    if stream := row.pop("stream"):
        try:
            still(Path(stream), target, int(row["frame"]), memory, limit)
        finally:
            Path(stream).unlink()
    return row


def draw_posters(items: list[Item]) -> list[Any]:
    """The child's side: for each ``{"span", "target", "limit"}`` what `poster` answers; ``stream``
    names the unwrapped video that a frame is yet to be taken out of, empty where it is done."""
    return each(_draw, items)


def _draw(item: Item) -> dict[str, Any]:
    span, target = Span.from_json(item["span"]), Path(item["target"])
    row = on_framing(span, lambda framing, _: TRANSFER_SYNTAXES.get(framing.transfer_syntax_uid))
    if row is not None and row.form == "video":
        done = write_payload(span, target.parent, f".{target.name}", still=True)
        return {"stream": str(target.parent / done.files[0]), "frame": done.frames // 2,
                "frames": done.frames, "width": 0, "height": 0}
    return with_frames(span, lambda frames: _drawn(frames, target, int(item["limit"])))


def _drawn(frames: FrameSource, target: Path, limit: int) -> dict[str, Any]:
    import imagecodecs
    import numpy as np

    shown = shrink(drawn(frames, frames.middle, look_at(frames.some(), frames.header)), limit)
    target.write_bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(shown), level=QUALITY))
    return {"stream": "", "frame": frames.middle, "frames": frames.count,
            "width": shown.shape[1], "height": shown.shape[0]}
