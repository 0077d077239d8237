"""What the viewer of a disc must know of one frame, and its samples as it wants them.

Records are JSON with short names, because there is one for each frame:
``r c`` rows and columns as stored · ``b`` bits of a cell · ``o`` what was added to make it unsigned
· ``sl ic`` rescale · ``u`` unit · ``ml`` Modality LUT, ``vt`` VOI LUT to 0–255 (both: number of a
table) · ``w`` windows [centre, width, function, words] · ``a`` [low, high] of the percentiles ·
``d`` which of these is shown first · ``inv`` black is high · ``sp st`` spacing [rows, columns] in
mm and where it is measured · ``rg`` calibrated regions of an ultrasound image · ``as`` height of a
pixel / width · ``f`` how much it was reduced · ``q`` said when cells are steps of larger numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from mediasvc.media.page.display import (
    blank,
    frame_header,
    has_table,
    percentiles,
    pixel_aspect,
    rescale_of,
    rescaled,
    sample_of,
    to_picture,
    top_of_table,
    window_of,
)
from mediasvc.media.viewer.viewer_samples import as_cells, reduce

Record = dict[str, Any]
WINDOWS = 8
CENTIMETRES = 3
SPACINGS = (("PixelSpacing", "pixel"), ("ImagerPixelSpacing", "imager"),
            ("NominalScannedPixelSpacing", "scanned"))


@dataclass(slots=True)
class Tables:
    """Lookup tables of a chunk, each once: {"f": first stored value, "v": [...]}."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    _places: dict[bytes, int] = field(default_factory=dict)

    def add(self, first: int, values: NDArray[Any]) -> int:
        key = first.to_bytes(8, "big", signed=True) + values.tobytes()
        if key not in self._places:
            self._places[key] = len(self.rows)
            self.rows.append({"f": first, "v": values.tolist()})
        return self._places[key]


def prepare(samples: NDArray[Any], header: Dataset, frame: int, factor: int, tables: Tables,
            ) -> tuple[Record, NDArray[Any]]:
    """The record and unsigned cells of 8 or 16 bits: (rows, columns), or with three colours.

    ``samples`` and ``frame`` as `to_picture` takes them. Raises ValueError where the header's
    tables contradict themselves.
    """
    place = frame_header(header, frame)
    record = _geometry(header, place, frame, factor)
    if samples.ndim == 3 or header.get("PhotometricInterpretation") == "PALETTE COLOR":
        samples = to_picture(samples, header, frame)
    else:
        samples, scale = _narrow(samples)
        record |= _grey(samples, header, place, scale, tables)
    cells, added = as_cells(np.ascontiguousarray(reduce(samples, factor)))
    record |= {"r": cells.shape[0], "c": cells.shape[1], "b": 8 * cells.itemsize}
    return (record | {"o": added} if added else record), cells


def describe(header: Dataset, frame: int) -> Record:
    """The record of a frame whose JPEG stream goes to the viewer as it is."""
    place = frame_header(header, frame)
    grey = int(header.get("SamplesPerPixel") or 1) == 1
    record = _geometry(header, place, frame, 1) | {
        "r": int(header.Rows), "c": int(header.Columns), "b": 8}
    if not grey:
        return record
    record |= _rescale(header, place, (1.0, 0.0))
    record |= {"w": list(_windows(place)), "a": _ends(place)}
    return record | {"d": "w" if record["w"] else "a"} | _inverted(header)


def _ends(place: Dataset) -> list[float]:
    slope, intercept = rescale_of(place)
    return [intercept, intercept + 255 * slope]


def _narrow(samples: NDArray[Any]) -> tuple[NDArray[Any], tuple[float, float]]:
    """At most 16 bits, and (slope, intercept) that lead back to the sample."""
    if samples.dtype.kind in "iu" and samples.itemsize <= 2:
        return samples, (1.0, 0.0)
    finite = np.where(np.isfinite(samples), samples, 0)
    low, high = float(finite.min()), float(finite.max())
    step = 1.0 if samples.dtype.kind in "iu" and high - low < 1 << 16 else (
        (high - low) / 65535 or 1.0)
    cells = np.rint((finite.astype(np.float64) - low) / step)
    return cells.astype(np.uint16), (step, low)


def _grey(samples: NDArray[Any], header: Dataset, place: Dataset, scale: tuple[float, float],
          tables: Tables) -> Record:
    record = _rescale(header, place, scale)
    step, low = scale
    values = rescaled(samples if scale == (1.0, 0.0) else samples * step + low, place)
    sample = sample_of(values)
    windows = list(_windows(place))
    record |= {"w": windows, "a": [round(end, 4) for end in percentiles(sample, place)]}
    if scale == (1.0, 0.0):
        record |= _tables(samples, place, tables)
    first = window_of(place)
    table = "vt" in record and has_table(place)
    shown = "v" if table else "a" if first is None or blank(sample, first) else "w"
    return record | {"d": shown} | _inverted(header)


def _rescale(header: Dataset, place: Dataset, scale: tuple[float, float]) -> Record:
    slope, intercept = rescale_of(place)
    step, low = scale
    record: Record = {"sl": slope * step, "ic": slope * low + intercept,
                      "u": _unit(header, place, slope)}
    if step != 1:
        record["q"] = 1
    padding = place.get("PixelPaddingValue")
    if isinstance(padding, int) and scale == (1.0, 0.0):
        record["pad"] = padding
    return record


def _unit(header: Dataset, place: Dataset, slope: float) -> str:
    said = str(place.get("RescaleType") or header.get("Units") or "")
    if said in ("", "US") and header.get("Modality") == "CT" and "RescaleIntercept" in place:
        return "HU"
    return "" if said == "US" else said[:16]


def _inverted(header: Dataset) -> Record:
    turned = (header.get("PhotometricInterpretation") == "MONOCHROME1")
    return {"inv": 1} if turned else {}


def _windows(place: Dataset) -> Iterator[list[Any]]:
    words = place.get("WindowCenterWidthExplanation") or []
    words = [words] if isinstance(words, str) else list(words)
    for number in range(WINDOWS):
        if window := window_of(place, number):
            yield [window.centre, window.width, window.function,
                   str(words[number])[:64] if number < len(words) else ""]


def _tables(samples: NDArray[Any], place: Dataset, tables: Tables) -> Record:
    """The tables of the header over all values that the samples can have."""
    modality, voi = place.get("ModalityLUTSequence"), place.get("VOILUTSequence")
    if not (modality or voi):
        return {}
    low, high = min(0, int(samples.min())), int(samples.max())
    every = np.arange(low, high + 1).astype(samples.dtype)
    record: Record = {}
    if modality:
        record["ml"] = tables.add(low, np.asarray(apply_modality_lut(every, place)))
    if voi:
        values = rescaled(every.reshape(1, -1), place).astype(np.int32)
        shown = np.asarray(apply_voi_lut(values, place), np.float64).ravel()
        greys = np.clip(shown * (255 / (top_of_table(place) or 1)), 0, 255) + 0.5
        record["vt"] = tables.add(low, greys.astype(np.uint8))
    return record


def _geometry(header: Dataset, place: Dataset, frame: int, factor: int) -> Record:
    record: Record = {}
    for keyword, where in SPACINGS:
        pair = _numbers(place.get(keyword) if keyword in place else header.get(keyword), 2)
        if pair and min(pair) > 0:
            record |= {"sp": pair, "st": where}
            if where == "pixel" and header.get("PixelSpacingCalibrationType"):
                record["st"] = "calibrated"
            break
    if regions := list(_regions(header)):
        record["rg"] = regions
    aspect = pixel_aspect(header, frame)
    if abs(aspect - 1) > 1e-4:
        record["as"] = aspect
    return record | ({"f": factor} if factor > 1 else {})


def _regions(header: Dataset) -> Iterator[list[float]]:
    """[left, top, right, bottom, mm a column, mm a row] of each region in centimetres."""
    for item in header.get("SequenceOfUltrasoundRegions") or []:
        place = _numbers([item.get(f"RegionLocation{name}") for name in
                          ("MinX0", "MinY0", "MaxX1", "MaxY1")], 4)
        steps = _numbers([item.get("PhysicalDeltaX"), item.get("PhysicalDeltaY")], 2)
        units = (item.get("PhysicalUnitsXDirection"), item.get("PhysicalUnitsYDirection"))
        if place and steps and units == (CENTIMETRES, CENTIMETRES) and all(steps):
            yield [*place, abs(steps[0]) * 10, abs(steps[1]) * 10]


def _numbers(values: Any, count: int) -> list[float] | None:
    """Exactly so many finite numbers, or None."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(map(np.isfinite, numbers)) else None
