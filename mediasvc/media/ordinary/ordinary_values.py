"""Samples with all their bits, as they are stored or as what they mean (PS3.3 C.11.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mediasvc.errors import UnsupportedError
from mediasvc.media.page.display import frame_header, rescale_of, rescaled

Kind = Literal["stored", "modality"]
SIGNED_16 = 1 << 15


@dataclass(frozen=True, slots=True)
class Values:
    """``samples``: uint8, uint16, int16, uint32, int32 or float32 (rows, columns[, 3]). ``unit`` is
    Rescale Type, empty where there is none. ``offset`` was added so that nothing is negative."""

    samples: NDArray[Any] = field(repr=False)
    kind: Kind
    unit: str = ""
    offset: int = 0

    @property
    def words(self) -> str:
        """What stands in the file, for its description."""
        unit = f" ({self.unit})" if self.unit else ""
        offset = f", {self.offset} added" if self.offset else ""
        return f"DICOM {self.kind} values{unit}{offset}"


def values_of(samples: NDArray[Any], header: Dataset, frame: int, kind: Kind) -> Values:
    """``samples`` as decoded. Modality values are whole numbers where all of them are."""
    if kind == "stored" or samples.ndim == 3:
        return Values(samples, "stored")
    place = frame_header(header, frame)
    meant = _meant(samples, header, place)
    whole = np.rint(meant)
    if not np.array_equal(whole, meant):
        return Values(meant.astype(np.float32), kind, _unit(header, frame))
    return Values(_smallest(whole, _can_be_negative(samples, place)), kind, _unit(header, frame))


def _meant(samples: NDArray[Any], header: Dataset, place: Dataset) -> NDArray[np.float64]:
    if place.get("ModalityLUTSequence"):
        return rescaled(samples, place).astype(np.float64)
    slope, intercept = rescale_of(place)
    return samples.astype(np.float64) * slope * _dose(header) + intercept


def _dose(header: Dataset) -> float:
    """Dose Grid Scaling of an RT Dose (C.8.8.3), 1 for everything else."""
    try:
        factor = float(header.get("DoseGridScaling") or 1)
    except (TypeError, ValueError):
        return 1.0
    return factor if np.isfinite(factor) and factor > 0 else 1.0


def unsigned(values: Values) -> Values:
    """The same for a file format that has neither signs nor fractions; 16 bits at most.

    Raises UnsupportedError for what does not fit into it.
    """
    samples = values.samples
    if np.issubdtype(samples.dtype, np.floating):
        raise UnsupportedError("its values have fractions, which PNG cannot hold (--as tiff)")
    if samples.dtype.itemsize > 2 and samples.size:
        low, high = int(samples.min()), int(samples.max())
        if low < -SIGNED_16 or high - min(low, 0) > 0xFFFF:
            raise UnsupportedError("its values need more than 16 bits (--as tiff)")
        samples = samples.astype(np.int16 if low < 0 and high < SIGNED_16 else
                                 np.int32 if low < 0 else np.uint16)
    if not np.issubdtype(samples.dtype, np.signedinteger):
        return Values(samples, values.kind, values.unit, values.offset)
    offset = 128 if samples.dtype.itemsize == 1 else SIGNED_16
    shifted = samples.astype(np.int64) + offset
    if samples.size and int(shifted.max()) > 0xFFFF:
        raise UnsupportedError("its values need more than 16 bits (--as tiff)")
    narrow = np.uint8 if samples.dtype.itemsize == 1 else np.uint16
    return Values(shifted.astype(narrow), values.kind, values.unit, offset)


def _can_be_negative(samples: NDArray[Any], place: Dataset) -> bool:
    """By the header and not by this frame: all frames of a series are written in one way."""
    slope, intercept = rescale_of(place)
    return intercept < 0 or slope < 0 or np.issubdtype(samples.dtype, np.signedinteger)


def _smallest(whole: NDArray[Any], signed: bool) -> NDArray[Any]:
    low, high = (float(whole.min()), float(whole.max())) if whole.size else (0.0, 0.0)
    kinds = (np.int16, np.int32) if signed or low < 0 else (np.uint16, np.uint32)
    for kind in kinds:
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return whole.astype(kind)
    return whole.astype(np.float32)


def _unit(header: Dataset, frame: int) -> str:
    """Rescale Type, where it is one of the short words that the standard defines (C.11.1.1.2)."""
    for group in (header, *(header.get("SharedFunctionalGroupsSequence") or [])[:1],
                  *(header.get("PerFrameFunctionalGroupsSequence") or [])[frame:frame + 1]):
        items = group.get("PixelValueTransformationSequence") or []
        for place in (group, *items[:1]):
            text = str(place.get("RescaleType") or "")
            if text.isascii() and text.isalnum():
                return text
    if "DoseGridScaling" in header:
        return "Gy" if str(header.get("DoseUnits")) == "GY" else ""
    return "HU" if str(header.get("Modality")) == "CT" and "RescaleSlope" in header else ""
