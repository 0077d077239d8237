"""The child's side of the pages' pictures: decode a frame, draw it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pydicom.pixels.processing import convert_color_space
from pydicom.pixels.utils import pixel_array

from mediasvc.dicom.framing import read_framing
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.disc_file import SpanFile
from mediasvc.media.page_images import draw
from mediasvc.span import Span
from mediasvc.work.batches import Item, each
from mediasvc.work.source_frames import source_frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def draw_frames(items: list[Item]) -> list[Any]:
    """For each ``{"span", "frame", "target"}``: [width, height] of the JPEG written."""
    return each(_draw, items)


def _draw(item: Item) -> tuple[int, int]:
    span, frame = Span.from_json(item["span"]), int(item["frame"])
    source: Any = io.BufferedReader(SpanFile(span), 1 << 16)
    header = dcmread(source, stop_before_pixels=True, force=True)
    try:
        samples = _decoded(span, frame)
    except (UnsupportedError, DamagedError):
        # one-bit, padded or otherwise rare pixels: what pydicom makes of them is enough to look at
        source.seek(0)
        samples = pixel_array(source, index=frame)
    return draw(samples, header, frame, Path(item["target"]))


def _decoded(span: Span, frame: int) -> NDArray[np.generic]:
    with span.view() as view:
        frames = source_frames(read_framing(view))
        samples = frames.decode(frame)
        colour = frames.spec.photometric_interpretation
    if colour.startswith("YBR"):
        return convert_color_space(samples, "YBR_FULL", "RGB")
    return samples
