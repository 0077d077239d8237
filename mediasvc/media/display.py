"""A decoded frame as eight bits that a person can look at (PS3.3 C.7.6.3, C.11.1, C.11.2).

Modality LUT or rescale, then the VOI window of the header, or the 1st to 99th percentile where it
has none that shows anything; MONOCHROME1 inverted; palettes and YBR to RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

Picture = NDArray[np.uint8]
PERCENTILES = (1.0, 99.0)
SPREAD = 64
"""About this many rows and columns are enough to judge a window and find percentiles."""


@dataclass(frozen=True, slots=True)
class Window:
    centre: float
    width: float
    function: str = "LINEAR"


def to_picture(samples: NDArray[Any], header: Dataset, frame: int = 0) -> Picture:
    """``samples``: (rows, columns) or (rows, columns, 3) as decoded, colour already RGB.

    Returns uint8 (rows, columns) or (rows, columns, 3). ``frame`` counts from 0.
    Raises ValueError where the header's tables contradict themselves.
    """
    photometric = str(header.get("PhotometricInterpretation", "MONOCHROME2"))
    if photometric == "PALETTE COLOR":
        return _eight_bits(apply_color_lut(samples, header))
    if samples.ndim == 3:
        return _eight_bits(samples)
    return _grey(samples, _frame_header(header, frame), photometric == "MONOCHROME1")


def pixel_aspect(header: Dataset, frame: int = 0) -> float:
    """Height of a pixel / its width: 1 where the header does not say."""
    place = _frame_header(header, frame)
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        pair = place.get(keyword)
        try:
            height, width = (float(number) for number in pair)
        except (TypeError, ValueError):
            continue
        if height > 0 and width > 0 and 1 / 20 < height / width < 20:
            return height / width
    return 1.0


def shrink(picture: Picture, limit: int) -> Picture:
    """Mean of whole blocks until neither side is longer than ``limit``."""
    factor = -(-max(picture.shape[:2]) // limit)
    if factor <= 1:
        return picture
    rows, columns = (max(1, side // factor) for side in picture.shape[:2])
    tall, wide = min(factor, picture.shape[0]), min(factor, picture.shape[1])
    blocks = picture[:rows * tall, :columns * wide].reshape(
        rows, tall, columns, wide, *picture.shape[2:])
    return np.asarray(np.rint(blocks.mean(axis=(1, 3), dtype=np.float32)), np.uint8)


def _eight_bits(samples: NDArray[Any]) -> Picture:
    if samples.dtype == np.uint8:
        return samples
    top = int(np.iinfo(samples.dtype).max)
    return np.asarray(np.clip(samples, 0, top).astype(np.float32) * (255 / top), np.uint8)


def _grey(samples: NDArray[Any], header: Dataset, inverted: bool) -> Picture:
    values = _rescaled(samples, header)
    if "VOILUTSequence" in header and not _window(header):
        shown = apply_voi_lut(values.astype(np.int32), header).astype(np.float32)
        picture = _scaled(shown, float(shown.min()), float(shown.max()))
    else:
        sample = _sample(values)
        window = _window(header)
        if window is None or _blank(sample, window):
            picture = _scaled(values, *_percentiles(sample, header))
        else:
            picture = _windowed(values, window)
    return 255 - picture if inverted else picture


def _rescaled(samples: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """Through the Modality LUT or rescale; a slope that makes no sense is left out."""
    if header.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(samples, header))
    try:
        slope, intercept = (_first(header.get("RescaleSlope")),
                            _first(header.get("RescaleIntercept")))
    except (TypeError, ValueError):
        slope = None
    if not slope or intercept is None or not (np.isfinite(slope) and np.isfinite(intercept)):
        return samples.astype(np.float32)
    return samples.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    rows, columns = values.shape
    return values[::max(1, rows // SPREAD), ::max(1, columns // SPREAD)]


def _blank(sample: NDArray[Any], window: Window) -> bool:
    """True when nearly everything would be black or white: the header's window is of no use."""
    shown = _windowed(sample, window)
    return float(np.mean((shown == 0) | (shown == 255))) > 0.98 and float(np.ptp(sample)) > 1


def _percentiles(sample: NDArray[Any], header: Dataset) -> tuple[float, float]:
    kept = sample
    padding = header.get("PixelPaddingValue")
    if isinstance(padding, int):
        kept = sample[sample != _rescaled(np.array([[padding]]), header)[0, 0]]
    low, high = np.percentile(kept if kept.size else sample, PERCENTILES)
    return float(low), float(high)


def _windowed(values: NDArray[Any], window: Window) -> Picture:
    """PS3.3 C.11.2.1.2 (LINEAR), C.11.2.1.3.2 (LINEAR_EXACT), C.11.2.1.3.1 (SIGMOID)."""
    centre, width = window.centre, window.width
    if window.function == "SIGMOID":
        power = np.clip(-4 * (values - centre) / width, -80, 80).astype(np.float32)
        return np.asarray(np.rint(255 / (1 + np.exp(power))), np.uint8)
    if window.function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    return _scaled(values, centre - width / 2, centre + width / 2)


def _scaled(values: NDArray[Any], low: float, high: float) -> Picture:
    """``low`` and below to black, ``high`` and above to white."""
    if high <= low:
        return np.where(values > low, 255, 0).astype(np.uint8)
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    return np.asarray(np.clip(scaled, 0, 255) + np.float32(0.5), np.uint8)


def _window(header: Dataset) -> Window | None:
    """The first window of the header, None where it has none that is usable."""
    try:
        centre, width = _first(header.get("WindowCenter")), _first(header.get("WindowWidth"))
    except (TypeError, ValueError):
        return None
    function = str(header.get("VOILUTFunction") or "LINEAR")
    if centre is None or width is None or not (np.isfinite(centre) and np.isfinite(width)):
        return None
    if width < 1 or (width == 1 and function == "LINEAR"):
        return None if width <= 0 else Window(centre, width, "LINEAR_EXACT")
    return Window(centre, width, function)


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, (str, int, float)):
        return float(value)
    return float(value[0]) if len(value) else None


def _frame_header(header: Dataset, frame: int) -> Dataset:
    """The attributes that decide how this frame looks, out of the functional groups if need be."""
    groups = [header]
    shared = header.get("SharedFunctionalGroupsSequence") or []
    frames = header.get("PerFrameFunctionalGroupsSequence") or []
    groups += shared[:1]
    groups += frames[frame:frame + 1]
    place = Dataset()
    if hasattr(header, "file_meta"):
        place.file_meta = header.file_meta  # says the byte order of lookup tables
    for group in groups:
        for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence",
                     "PixelMeasuresSequence"):
            for item in (group.get(name) or [])[:1]:
                _copy(item, place)
        _copy(group, place)
    return place


_KEYWORDS = (
    "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence", "WindowCenter",
    "WindowWidth", "VOILUTFunction", "PixelPaddingValue", "PixelSpacing", "ImagerPixelSpacing",
    "PixelAspectRatio", "PixelRepresentation", "BitsStored", "BitsAllocated",
    "PhotometricInterpretation", "SpecificCharacterSet",
)


def _copy(source: Dataset, target: Dataset) -> None:
    for keyword in _KEYWORDS:
        if keyword in source:
            target[keyword] = source[keyword]
