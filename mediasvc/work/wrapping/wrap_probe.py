"""The child's side of wrapping: look at a foreign file, decode a picture where that is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from mediasvc.media.foreign.cda_probe import probe_cda
from mediasvc.media.foreign.document_probe import probe_pdf, refuse_text_stl
from mediasvc.media.foreign.foreign_kind import kind_of
from mediasvc.media.foreign.model_probe import probe_mtl, probe_obj
from mediasvc.media.foreign.text_probe import probe_text
from mediasvc.media.foreign.wrap_facts import DocumentFacts, Facts, OtherFacts, to_json
from mediasvc.media.window import Window
from mediasvc.span import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A photo is read whole; nothing larger is one.
PICTURE_LIMIT = 1 << 30
#: Samples of all pages together.
PIXEL_LIMIT = 0xFFFFFFFE
#: Kinds that are kept whole → who looks at them.
_DOCUMENTS: dict[str, Callable[[Window], DocumentFacts]] = {
    "pdf": probe_pdf, "cda": probe_cda, "obj": probe_obj, "mtl": probe_mtl}


def probe_file(span: dict[str, Any], pixels: str) -> dict[str, Any]:
    """Facts of `media.wrap_facts` as JSON. Decoded samples, and the parts of a text, are written
    to ``pixels``. Raises DamagedError, UnsupportedError, BudgetError."""
    window = Window(Span.from_json(span))
    try:
        return to_json(_probe(window, Path(pixels)))
    finally:
        window.close()


def look_at_file(span: dict[str, Any], pixels: str) -> dict[str, Any]:
    """``facts``, or why there are none and what to do: ``refused`` and ``advice``, our own words.

    Raises DamagedError, BudgetError.
    """
    try:
        return {"facts": probe_file(span, pixels)}
    except UnsupportedError as trouble:
        return {"refused": trouble.text, "advice": trouble.advice}


def _probe(window: Window, pixels: Path) -> Facts:
    if not window.length:
        raise DamagedError("it is empty")
    kind = kind_of(window)
    if kind in ("jpeg", "png", "tiff"):
        return _picture(kind, window, pixels)
    if kind in ("mp4", "ts", "ps"):
        return _video(kind, window)
    if kind in _DOCUMENTS:
        return _DOCUMENTS[kind](window)
    if kind == "text":
        facts, parts = probe_text(window)
        pixels.write_text(json.dumps(parts), encoding="utf-8")
        return facts
    if kind == "stl":
        return DocumentFacts("stl")
    if kind == "stl-text":
        refuse_text_stl()
    return OtherFacts(kind)


def kind_of_file(span: dict[str, Any]) -> str:
    """A word of `media.foreign_kind`, ``dicom`` also for what only looks like something else."""
    window = Window(Span.from_json(span))
    try:
        return "dicom" if window.head(128, 4) == b"DICM" else kind_of(window)
    finally:
        window.close()


def _video(kind: str, window: Window) -> Facts:
    if kind == "mp4":
        from mediasvc.media.video.mp4_probe import probe_mp4
        return probe_mp4(window)
    if kind == "ts":
        from mediasvc.media.video.ts_probe import probe_ts
        return probe_ts(window)
    from mediasvc.media.video.ps_probe import probe_ps
    return probe_ps(window)


def _picture(kind: str, window: Window, pixels: Path) -> Facts:
    if kind == "tiff":
        from mediasvc.media.foreign.picture_tiff import probe_tiff
        tiff = probe_tiff(window)
        _check_size(tiff.facts.native_bytes)
        _write(pixels, tiff.pages)
        return tiff.facts
    if window.length > PICTURE_LIMIT:
        raise BudgetError("a photo of more than 1 GiB is not taken")
    data = window.read(0, window.length)
    if kind == "png":
        from mediasvc.media.foreign.picture_png import probe_png
        facts, samples = probe_png(data)
        _write(pixels, [samples])
        return facts
    from mediasvc.media.foreign.picture_jpeg import probe_jpeg
    facts, decoded = probe_jpeg(data)
    if decoded is not None:
        _write(pixels, [decoded])
    return facts


def _check_size(native_bytes: int) -> None:
    if native_bytes > PIXEL_LIMIT:
        raise BudgetError("its pages together are larger than DICOM can say")


def _write(pixels: Path, pages: Iterable[NDArray[Any]]) -> None:
    """Native samples of all pages, little endian, one after the other (PS3.5 8.1.1)."""
    with pixels.open("wb") as out:
        for page in pages:
            out.write(page.astype(page.dtype.newbyteorder("<"), copy=False).tobytes())
