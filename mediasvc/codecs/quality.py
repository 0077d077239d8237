"""How far a lossy image is from its original: maximum error, PSNR, SSIM."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.codec import Array

#: Window and constants of Wang et al. 2004 with a flat window, as scikit-image computes it.
WINDOW, K1, K2 = 7, 0.01, 0.03
#: Rows that are worked on at a time, so that memory stays flat for large images.
_STRIP = 256


@dataclass(frozen=True, slots=True)
class Distance:
    """One frame against its original. ``squares`` is the sum of squared errors over ``samples``."""

    max_error: int
    squares: float
    samples: int
    ssim: float


def distance(original: Array, other: Array, peak: int) -> Distance:
    """Both of the same shape; ``peak`` is the largest difference that values can have
    (2^Bits Stored - 1). SSIM is the mean over colour channels."""
    error = original.astype(np.int64) - other.astype(np.int64)
    channels = range(original.shape[2]) if original.ndim == 3 else [slice(None)]
    values = [ssim(original[..., c], other[..., c], peak) for c in channels]
    return Distance(int(np.abs(error).max()), float(np.square(error, dtype=np.float64).sum()),
                    error.size, sum(values) / len(values))


def psnr(squares: float, samples: int, peak: int) -> float:
    """In dB; infinite for equal images."""
    return math.inf if squares == 0 else 10 * math.log10(peak * peak * samples / squares)


def ssim(one: Array, two: Array, peak: int) -> float:
    """Mean structural similarity of two 2D images. The window shrinks for images below 7 × 7."""
    window = min(WINDOW, *one.shape)
    total, count = 0.0, 0
    for start in range(0, one.shape[0] - window + 1, _STRIP):
        rows = slice(start, start + _STRIP + window - 1)
        part = _ssim_map(one[rows].astype(np.float64), two[rows].astype(np.float64), window, peak)
        total += float(part.sum())
        count += part.size
    return total / count


def _ssim_map(x: NDArray[np.float64], y: NDArray[np.float64], window: int, peak: int,
              ) -> NDArray[np.float64]:
    size = window * window
    sample = size / (size - 1) if size > 1 else 1.0
    ux, uy = _means(x, window), _means(y, window)
    vx = sample * (_means(x * x, window) - ux * ux)
    vy = sample * (_means(y * y, window) - uy * uy)
    vxy = sample * (_means(x * y, window) - ux * uy)
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    similarity: NDArray[np.float64] = ((2 * ux * uy + c1) * (2 * vxy + c2)) / (
        (ux * ux + uy * uy + c1) * (vx + vy + c2))
    return similarity


def _means(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The mean of each window that lies wholly inside, by running sums."""
    for axis in (0, 1):
        sums = np.insert(np.cumsum(values, axis=axis), 0, 0, axis=axis)
        behind = np.take(sums, range(window, sums.shape[axis]), axis=axis)
        values = behind - np.take(sums, range(sums.shape[axis] - window), axis=axis)
    return values / (window * window)
