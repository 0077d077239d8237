"""One frame of an instance as a JPEG file for the pages of a disc. Runs in a sandbox child."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from mediasvc.media.disc_file import SpanFile
from mediasvc.media.display import Picture, pixel_aspect, shrink, to_picture
from mediasvc.span import Span

#: Longest side of a picture in pixels; CT and MR keep their own size.
LIMIT = 1024
QUALITY = 85


def draw(span: Span, frame: int, target: Path, limit: int = LIMIT) -> tuple[int, int]:
    """Write ``target``, an 8-bit JPEG of the frame (from 0).

    Returns width and height in square pixels, as the picture should be shown. Raises whatever the
    decoders raise on damaged data: the caller is a child whose failure costs one picture.
    """
    source: Any = io.BufferedReader(SpanFile(span), 1 << 16)
    header = dcmread(source, stop_before_pixels=True, force=True)
    source.seek(0)
    picture = shrink(to_picture(pixel_array(source, index=frame), header, frame), limit)
    target.write_bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(picture), level=QUALITY))
    return _shown_size(picture, header, frame)


def _shown_size(picture: Picture, header: Dataset, frame: int) -> tuple[int, int]:
    """The shorter side of an oblong pixel is stretched, never the longer one squeezed."""
    height, width = picture.shape[:2]
    aspect = pixel_aspect(header, frame)
    if aspect > 1:
        return width, round(height * aspect)
    return round(width / aspect), height
