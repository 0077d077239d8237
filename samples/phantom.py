"""Pixels that look like something: a soft body outline, organs, a ramp and seeded noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def grey(rows: int, columns: int, seed: int, *, bits: int = 12) -> NDArray[np.uint16]:
    """Shape (rows, columns), values 0 … 2**bits - 1; the same seed gives the same slice."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:rows * 1j, -1:1:columns * 1j]
    body = ((x / 0.8) ** 2 + (y / 0.65) ** 2 < 1) * 0.45
    organ = ((x - 0.25) ** 2 + (y - 0.1 + (seed % 7) / 50) ** 2 < 0.05) * 0.2
    bone = ((x ** 2 + (y - 0.45) ** 2) < 0.012) * 0.3
    noise = rng.normal(0, 0.002, (rows, columns))
    level = np.clip(0.05 + body + organ + bone + 0.05 * x + noise, 0, 1)
    return np.asarray(np.rint(level * (2 ** bits - 1)), np.uint16)


def colour(rows: int, columns: int, seed: int) -> NDArray[np.uint8]:
    """Shape (rows, columns, 3): the grey phantom with a Doppler-like patch."""
    base = (grey(rows, columns, seed, bits=8)).astype(np.uint8)
    picture = np.repeat(base[:, :, None], 3, axis=2)
    top, left = rows // 3, columns // 3
    patch = picture[top:top + rows // 4, left:left + columns // 4]
    patch[..., 0] = 255 - patch[..., 0] // 2
    patch[..., 2] //= 3
    return picture
