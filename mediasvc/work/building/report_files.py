"""The child's side of the reports on a disc: an SR as a page, an encapsulated PDF as a PDF."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

from mediasvc.media.disc.disc_file import SpanFile
from mediasvc.media.ordinary.ordinary_rate import cine_rate
from mediasvc.media.ordinary.ordinary_report import has_report, report_page
from mediasvc.span import Span
from mediasvc.work.turns.batches import Item, each

#: A larger document stays in its DICOM object alone.
LARGEST = 64 << 20
TITLE = 120


def write_reports(items: list[Item]) -> list[Any]:
    """For each ``{"span", "number", "folder"}``: name, kind, title, length and sha256 of the file
    written; None where the object holds nothing that people can open."""
    return each(_write, items)


def cine_rates(items: list[Item]) -> list[Any]:
    """For each ``{"span"}``: [frames a second] where the frames follow each other in time."""
    return each(_rate, items)


def _rate(item: Item) -> list[float]:
    stream: Any = io.BufferedReader(SpanFile(Span.from_json(item["span"])), 1 << 16)
    with stream:
        found = cine_rate(dcmread(stream, stop_before_pixels=True, force=True))
    return [float(found.value)] if found else []


def _write(item: Item) -> dict[str, Any] | None:
    span = Span.from_json(item["span"])
    if span.length > 2 * LARGEST:
        return None
    stream: Any = io.BufferedReader(SpanFile(span), 1 << 16)
    with stream:
        dataset = dcmread(stream, force=True)
    if has_report(dataset):
        name, kind, data = f"R{item['number']:06d}.HTM", "report", report_page(dataset)
    elif (found := _pdf(dataset)) is not None:
        name, kind, data = f"R{item['number']:06d}.PDF", "document", found
    else:
        return None
    with open(Path(item["folder"]) / name, "xb") as file:
        file.write(data)
    return {"name": name, "kind": kind, "title": _title(dataset), "length": len(data),
            "sha256": hashlib.sha256(data).hexdigest()}


def _pdf(dataset: Dataset) -> bytes | None:
    """The document, only when it is what it says: nothing else may be opened by a double click."""
    if str(dataset.get("MIMETypeOfEncapsulatedDocument") or "").lower() != "application/pdf":
        return None
    data = dataset.get("EncapsulatedDocument") or b""
    length = dataset.get("EncapsulatedDocumentLength")
    if isinstance(length, int) and len(data) - 1 <= length <= len(data):
        data = data[:length]
    return data if data.startswith(b"%PDF-") and len(data) <= LARGEST else None


def _title(dataset: Dataset) -> str:
    concept = dataset.get("ConceptNameCodeSequence") or []
    named = [dataset.get("DocumentTitle"), *(item.get("CodeMeaning") for item in concept[:1]),
             dataset.get("SeriesDescription")]
    return next((str(text).strip()[:TITLE] for text in named if str(text or "").strip()), "")
