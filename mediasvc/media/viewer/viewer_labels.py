"""What stands in the corners of an image of the viewer: number, place, direction, loss.

``n`` Instance Number · ``at`` [frame, frames] from 1 · ``pos ori`` Image Position and Orientation
(Patient) · ``loc th`` slice location and thickness in mm · ``t`` time of acquisition · ``loss``
compression ratio, or "" where only the fact is known · ``ms`` milliseconds a frame · ``lat`` side
and view · ``po`` Patient Orientation.
"""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from mediasvc.media.ordinary.ordinary_rate import cine_rate
from mediasvc.media.page.words import time
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES

Record = dict[str, Any]
TEXT = 64


def labels(header: Dataset, frame: int, frames: int) -> Record:
    """Only what is known; ``frame`` from 0."""
    record: Record = {"n": _text(header.get("InstanceNumber"))}
    if frames > 1:
        record["at"] = [frame + 1, frames]
        if rate := cine_rate(header):
            record["ms"] = round(float(1000 / rate.value), 3)
    groups = _groups(header, frame)
    record |= _plane(header, groups)
    record |= {
        "t": time(_text(header.get("AcquisitionTime") or header.get("ContentTime"))),
        "lat": " ".join(filter(None, (_text(header.get("ImageLaterality")
                                            or header.get("Laterality")),
                                      _text(header.get("ViewPosition"))))),
        "po": [_text(value) for value in _several(header.get("PatientOrientation"))][:2]}
    if _is_lossy(header):
        ratios = _several(header.get("LossyImageCompressionRatio"))
        record["loss"] = "1:" + _text(ratios[-1]) if ratios else ""
    return {name: value for name, value in record.items()
            if name == "loss" or value not in ("", None, [])}


def _plane(header: Dataset, groups: list[Dataset]) -> Record:
    return {
        "pos": _floats(_found(header, groups, "PlanePositionSequence", "ImagePositionPatient"), 3),
        "ori": _floats(_found(header, groups, "PlaneOrientationSequence",
                              "ImageOrientationPatient"), 6),
        "th": _floats([_found(header, groups, "PixelMeasuresSequence", "SliceThickness")], 1),
        "loc": _floats([header.get("SliceLocation")], 1)}


def _groups(header: Dataset, frame: int) -> list[Dataset]:
    """The functional groups of the frame, its own before the shared ones."""
    own = (header.get("PerFrameFunctionalGroupsSequence") or [])[frame:frame + 1]
    return [*own, *(header.get("SharedFunctionalGroupsSequence") or [])[:1]]


def _found(header: Dataset, groups: list[Dataset], sequence: str, keyword: str) -> Any:
    for group in groups:
        for item in (group.get(sequence) or [])[:1]:
            if keyword in item:
                return item.get(keyword)
    return header.get(keyword)


def _is_lossy(header: Dataset) -> bool:
    """By its label, or by a transfer syntax that always loses something."""
    meta = getattr(header, "file_meta", None)
    row = TRANSFER_SYNTAXES.get(str(meta.get("TransferSyntaxUID", "")) if meta else "")
    return (_text(header.get("LossyImageCompression")) == "01"
            or bool(row and row.loss == "always"))


def _floats(values: Any, count: int) -> list[float] | None:
    try:
        numbers = [round(float(value), 4) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == count and all(abs(one) < 1e9 for one in numbers) else None


def _several(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return [value] if isinstance(value, (str, int, float)) else list(value)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()[:TEXT]
