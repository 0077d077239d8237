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
from pydicom.uid import ExplicitVRBigEndian

Picture = NDArray[np.uint8]
PERCENTILES = (1.0, 99.0)
SPREAD = 64
"""About this many rows and columns are enough to judge a window and find percentiles."""


@dataclass(frozen=True, slots=True)
class Window:
    centre: float
    width: float
    function: str = "LINEAR"


def to_picture(samples: NDArray[Any], header: Dataset, frame: int = 0,
               window: Window | None = None) -> Picture:
    """``samples``: (rows, columns) or (rows, columns, 3) as decoded, colour already RGB.

    Returns uint8 (rows, columns) or (rows, columns, 3). ``frame`` counts from 0. ``window`` goes
    before what the header says. Raises ValueError where the header's tables contradict themselves.
    """
    photometric = str(header.get("PhotometricInterpretation", "MONOCHROME2"))
    if photometric == "PALETTE COLOR":
        return _eight_bits(_coloured(samples, header))
    if samples.ndim == 3:
        return _eight_bits(samples, header.get("BitsStored"))
    return _grey(samples, frame_header(header, frame), photometric == "MONOCHROME1", window)


def pixel_aspect(header: Dataset, frame: int = 0) -> float:
    """Height of a pixel / its width: 1 where the header does not say."""
    place = frame_header(header, frame)
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


def _coloured(samples: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """Through the palettes (C.7.6.3.1.5, .6), in words of their own byte order. Tables that say 16
    bits and hold 8 are common; the largest entry tells them."""
    colours: NDArray[Any] = np.asarray(apply_color_lut(samples, header))
    tables = [header[name].value for name in _PALETTES if name in header]
    if colours.dtype.itemsize != 2 or not all(isinstance(table, bytes) for table in tables):
        return colours
    meta = getattr(header, "file_meta", None)
    big = meta is not None and meta.get("TransferSyntaxUID") == ExplicitVRBigEndian
    if big and tables:
        colours = colours.byteswap()
    largest = max((int(np.frombuffer(table, ">u2" if big else "<u2").max(initial=0))
                   for table in tables), default=0xFFFF)
    return colours.astype(np.uint8) if largest <= 0xFF else colours


def _eight_bits(samples: NDArray[Any], stored: object = None) -> Picture:
    """Colours of so many bits ``stored``, or of all that the cells have."""
    if samples.dtype == np.uint8:
        return samples
    top = int(np.iinfo(samples.dtype).max)
    if isinstance(stored, int) and 8 <= stored < 8 * samples.itemsize:
        top = (1 << stored) - 1
    return np.asarray(np.clip(samples, 0, top).astype(np.float32) * (255 / top), np.uint8)


def _grey(samples: NDArray[Any], header: Dataset, inverted: bool, given: Window | None) -> Picture:
    """What a value looks like follows from the value alone, so where an image has more pixels than
    there are values between its least and its greatest, each of those is worked out once."""
    if given is None and samples.dtype.itemsize <= 2 and samples.dtype.kind in "iu" and not (
            header.get("ModalityLUTSequence") or has_table(header)):
        low, high = int(samples.min()), int(samples.max())
        if 2 * (high - low) < samples.size:
            every = np.arange(low, high + 1, dtype=samples.dtype).reshape(1, -1)
            shades = _shown(every, header, inverted, None, sample_of(samples))
            places = np.subtract(samples, low, dtype=np.int32) if low else samples
            return np.asarray(shades[0].take(places))
    return _shown(samples, header, inverted, given, sample_of(samples))


def _shown(samples: NDArray[Any], header: Dataset, inverted: bool, given: Window | None,
           some: NDArray[Any]) -> Picture:
    """``some``: samples by which a window is judged."""
    values = rescaled(samples, header)
    if given is not None:
        picture = _windowed(values, given)
    elif has_table(header):
        shown = apply_voi_lut(values.astype(np.int32), header).astype(np.float32)
        picture = _scaled(shown, 0.0, top_of_table(header))
    else:
        sample = rescaled(some, header)
        window = window_of(header)
        if window is None or blank(sample, window):
            picture = _scaled(values, *percentiles(sample, header))
        else:
            picture = _windowed(values, window, spare=True)
    return 255 - picture if inverted else picture


def has_table(header: Dataset) -> bool:
    """Whether a VOI LUT decides, because there is no usable window."""
    return bool(header.get("VOILUTSequence")) and not window_of(header)


def top_of_table(header: Dataset) -> float:
    """White in the VOI LUT: what its descriptor says, or the largest entry where that lies far
    below, because many descriptors say 16 bits of tables that have 12 (C.11.2.1.1)."""
    item = header.VOILUTSequence[0]
    said, data = 2.0 ** int(item.LUTDescriptor[2]) - 1, item.LUTData
    if isinstance(data, bytes):
        meta = getattr(header, "file_meta", None)
        big = meta is not None and meta.get("TransferSyntaxUID") == ExplicitVRBigEndian
        data = np.frombuffer(data, np.uint8 if said < 256 else ">u2" if big else "<u2")
    largest = float(np.max(data))
    return said if said / 2 <= largest <= said else largest


def rescaled(samples: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """Through the Modality LUT or rescale; a slope that makes no sense is left out."""
    if header.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(samples, header))
    slope, intercept = rescale_of(header)
    values = samples.astype(np.float32)
    if (slope, intercept) != (1.0, 0.0):
        values *= np.float32(slope)
        values += np.float32(intercept)
    return values


def rescale_of(header: Dataset) -> tuple[float, float]:
    """Slope and intercept; (1, 0) where the header has none that make sense."""
    try:
        slope, intercept = (_number(header.get("RescaleSlope")),
                            _number(header.get("RescaleIntercept")))
    except (TypeError, ValueError):
        return 1.0, 0.0
    if not slope or intercept is None or not (np.isfinite(slope) and np.isfinite(intercept)):
        return 1.0, 0.0
    return slope, intercept


def sample_of(values: NDArray[Any]) -> NDArray[Any]:
    """Evenly selected values, enough to judge a window by."""
    rows, columns = values.shape
    return values[::max(1, rows // SPREAD), ::max(1, columns // SPREAD)]


def blank(sample: NDArray[Any], window: Window) -> bool:
    """True when nearly everything would be black or white: the header's window is of no use."""
    shown = _windowed(sample, window)
    return float(np.mean((shown == 0) | (shown == 255))) > 0.98 and float(np.ptp(sample)) > 1


def percentiles(sample: NDArray[Any], header: Dataset) -> tuple[float, float]:
    """Values that leave one percent of the image below and above; padding does not count.

    The least and the greatest value where only a few pixels differ from all others."""
    kept = sample
    padding = header.get("PixelPaddingValue")
    if isinstance(padding, int):
        kept = sample[sample != rescaled(np.array([[padding]]), header)[0, 0]]
    kept = kept if kept.size else sample
    low, high = np.percentile(kept, PERCENTILES)
    if low == high:
        low, high = kept.min(), kept.max()
    return float(low), float(high)


def _windowed(values: NDArray[Any], window: Window, spare: bool = False) -> Picture:
    """PS3.3 C.11.2.1.2 (LINEAR), C.11.2.1.3.2 (LINEAR_EXACT), C.11.2.1.3.1 (SIGMOID)."""
    centre, width = window.centre, window.width
    if window.function == "SIGMOID":
        power = np.clip(-4 * (values - centre) / width, -80, 80).astype(np.float32)
        return np.asarray(np.rint(255 / (1 + np.exp(power))), np.uint8)
    if window.function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    return _scaled(values, centre - width / 2, centre + width / 2, spare)


def _scaled(values: NDArray[Any], low: float, high: float, spare: bool = False) -> Picture:
    """``low`` and below to black, ``high`` and above to white; ``spare``: nobody needs ``values``
    afterwards."""
    if high <= low:
        return np.where(values > low, 255, 0).astype(np.uint8)
    scaled = values.astype(np.float32, copy=not spare)
    scaled -= np.float32(low)  # in place: fresh memory costs more than the sums
    scaled *= np.float32(255 / (high - low))
    np.clip(scaled, 0, 255, out=scaled)
    scaled += np.float32(0.5)
    return np.asarray(scaled, np.uint8)


def window_of(header: Dataset, place: int = 0) -> Window | None:
    """Window ``place`` (from 0) of the header, None where it has none there that is usable."""
    try:
        centre = _number(header.get("WindowCenter"), place)
        width = _number(header.get("WindowWidth"), place)
    except (TypeError, ValueError):
        return None
    function = str(header.get("VOILUTFunction") or "LINEAR")
    if centre is None or width is None or not (np.isfinite(centre) and np.isfinite(width)):
        return None
    if width < 1 or (width == 1 and function == "LINEAR"):
        return None if width <= 0 else Window(centre, width, "LINEAR_EXACT")
    return Window(centre, width, function)


def _number(value: Any, place: int = 0) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, (str, int, float)):
        return float(value) if place == 0 else None
    return float(value[place]) if len(value) > place else None


def frame_header(header: Dataset, frame: int) -> Dataset:
    """The attributes that decide how this frame looks, out of the functional groups if need be."""
    if not any(name in header for name in _NESTING):
        return header
    groups = [header]
    shared = header.get("SharedFunctionalGroupsSequence") or []
    frames = header.get("PerFrameFunctionalGroupsSequence") or []
    groups += shared[:1]
    groups += frames[frame:frame + 1]
    place = Dataset()
    if hasattr(header, "file_meta"):
        place.file_meta = header.file_meta  # says the byte order of lookup tables
    for group in groups:
        for name in _MACROS:
            for item in (group.get(name) or [])[:1]:
                _copy(item, place)
        _copy(group, place)
    return place


#: Functional groups that say what `_KEYWORDS` ask, and where they stand (C.7.6.16).
_MACROS = ("PixelValueTransformationSequence", "FrameVOILUTSequence", "PixelMeasuresSequence")
_NESTING = (*_MACROS, "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_PALETTES = tuple(f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue"))
_TABLES = ("ModalityLUTSequence", "VOILUTSequence")
#: What is asked beside tables and functional groups.
SINGLE_VALUES = (
    "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "PixelPaddingValue", "PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio",
    "PixelRepresentation", "BitsStored", "BitsAllocated", "PhotometricInterpretation",
    "SpecificCharacterSet",
)
#: Where there is one of these, single values are not all.
IN_TABLES = (*_NESTING, *_TABLES, *_PALETTES,
             *(f"Segmented{name}" for name in _PALETTES))
_KEYWORDS = (*_TABLES, *SINGLE_VALUES)


def _copy(source: Dataset, target: Dataset) -> None:
    for keyword in _KEYWORDS:
        if keyword in source:
            target[keyword] = source[keyword]
