"""One decoded frame as a JPEG file for the pages of a disc. Runs in a sandbox child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mediasvc.media.page.display import pixel_aspect, shrink, to_picture

#: Longest side of a picture in pixels; CT and MR keep their own size.
LIMIT = 1024
QUALITY = 85


def draw(samples: NDArray[Any], header: Dataset, frame: int, target: Path, limit: int = LIMIT,
         ) -> tuple[int, int]:
    """Write ``target``, an 8-bit JPEG of frame ``frame`` (from 0).

    ``samples``: (rows, columns) or (rows, columns, 3) with colour as RGB. Returns width and height
    in square pixels, as the picture should be shown: the shorter side of an oblong pixel is
    stretched, never the longer one squeezed. Raises ValueError as `to_picture` does.
    """
    picture = shrink(to_picture(samples, header, frame), limit)
    target.write_bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(picture), level=QUALITY))
    height, width = picture.shape[:2]
    aspect = pixel_aspect(header, frame)
    return (width, round(height * aspect)) if aspect > 1 else (round(width / aspect), height)
