"""PNG files: samples of 8 or 16 bits, what they mean, and the shape of a pixel."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

#: Signature and IHDR: other chunks may come behind them (ISO 15948 5.6).
_HEAD = 8 + 12 + 13


def png(samples: NDArray[Any], words: str = "", aspect: float = 1.0) -> bytes:
    """``samples``: uint8 or uint16, (rows, columns) or (rows, columns, 3). ``words`` in ASCII say
    what they are; ``aspect`` is the height of a pixel / its width."""
    data = bytes(imagecodecs.png_encode(np.ascontiguousarray(samples)))
    chunks = b""
    if aspect != 1.0:  # pixels per unit in x and y; unit 0: only the ratio counts
        chunks += _chunk(b"pHYs", struct.pack(">IIB", round(10_000 * aspect), 10_000, 0))
    if words:
        chunks += _chunk(b"tEXt", b"Description\0" + words.encode("ascii", "replace"))
    return data[:_HEAD] + chunks + data[_HEAD:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return (struct.pack(">I", len(body)) + kind + body
            + struct.pack(">I", zlib.crc32(kind + body)))
