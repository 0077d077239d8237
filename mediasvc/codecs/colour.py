"""YBR_FULL → RGB, for measuring lossy images in their original colours (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

import numpy as np

from mediasvc.codecs.codec import Array


def ybr_full_to_rgb(samples: Array) -> Array:
    """8-bit YBR_FULL ``(rows, columns, 3)`` → RGB, rounded and cut as every viewer does."""
    y, cb, cr = (samples[..., k].astype(np.float32) for k in range(3))
    cb -= 128
    cr -= 128
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    rounded: Array = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return rounded


def expand_422(frame: bytes | memoryview, rows: int, columns: int) -> Array:
    """Native YBR_FULL_422, two luminances and a pair of chrominances per two pixels, as YBR_FULL:
    each pair serves both pixels, so that nothing is lost. ``columns`` is even."""
    cells = np.frombuffer(frame, np.uint8).reshape(rows, columns // 2, 4)
    out = np.empty((rows, columns, 3), np.uint8)
    out[:, 0::2, 0], out[:, 1::2, 0] = cells[..., 0], cells[..., 1]
    for channel in (1, 2):
        out[..., channel] = np.repeat(cells[..., channel + 1], 2, axis=1)
    return out
