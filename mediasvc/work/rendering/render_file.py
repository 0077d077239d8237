"""The child's side of rendering: one instance becomes ordinary files in a folder of its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediasvc.dicom.frames import number, words
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.header import scan
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.span import Span
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.rendering.render_frames import on_framing, with_frames
from mediasvc.work.rendering.render_order import RenderOptions
from mediasvc.work.turns.batches import Item, each

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

ENCAPSULATED_DOCUMENT, MODALITY, ROWS = 0x00420011, 0x00080060, 0x00280010
#: Words of `work.coercion_order.Order` → those of a header.
_IDENTITY = {"patient_id": "patient_id", "issuer": "issuer_of_patient_id",
             "patient_name": "patient_name", "patient_birth_date": "patient_birth_date",
             "patient_sex": "patient_sex"}
PICTURES = frozenset({"png", "jpeg", "tiff", "mp4"})
REPORTS = frozenset({"html", "text"})


@dataclass
class Rendered:
    """``files`` lie in the folder of the order. ``raw`` says how ffmpeg is to read the one file
    there is, ``stream`` that a still is to be taken out of it."""

    kind: str
    files: list[str] = field(default_factory=list)
    frames: int = 1
    rows: int = 0
    columns: int = 0
    values: str = ""
    rate: str = ""
    rate_source: str = ""
    notes: list[str] = field(default_factory=list)
    raw: dict[str, Any] | None = None
    stream: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def render_instances(items: list[Item], options: dict[str, Any]) -> list[Any]:
    """`render_instance` for each ``{"span", "folder", "stem", "order", "privacy"}``; the last two
    may be missing."""
    chosen = RenderOptions.from_json(options)
    return each(lambda item: render_instance(
        Span.from_json(item["span"]), Path(item["folder"]), str(item["stem"]), chosen,
        item.get("order"), item.get("privacy")), items)


def render_instance(span: Span, folder: Path, stem: str, options: RenderOptions,
                    order: dict[str, Any] | None = None, privacy: dict[str, Any] | None = None,
                    ) -> dict[str, Any]:
    """Write the files ``stem``… into the new ``folder``; `Rendered` as JSON.

    ``order`` is the identity that is current where the archive knows a newer one: files that say
    whose they are say that one. With ``privacy`` (`Privacy.as_json`) they are made of the
    de-identified instance. Raises UnsupportedError for what has no such form, DamagedError.
    """
    folder.mkdir(exist_ok=True)
    for left in folder.iterdir():  # of a child that died
        left.unlink()
    source, notes = _without_identity(span, folder, privacy)
    try:
        done = _rendered(source, folder, stem, options, order)
    finally:
        if source is not span:
            Path(source.path).unlink()
    done.notes += notes
    return done.as_json()


def _without_identity(span: Span, folder: Path, privacy: dict[str, Any] | None,
                      ) -> tuple[Span, list[str]]:
    if privacy is None:
        return span, []
    from mediasvc.work.deidentifying.deidentify import deidentify_span

    row = deidentify_span(span, folder / ".private.part", privacy)
    return Span.from_json(row["span"]), [str(finding["text"]) for finding in row["findings"]]


def _rendered(span: Span, folder: Path, stem: str, options: RenderOptions,
              order: dict[str, Any] | None) -> Rendered:
    what = on_framing(span, lambda framing, _: _what(framing))
    form = _form(what, options)
    if form in ("json", "html", "text"):
        source = _identified(span, folder, order)
        try:
            return _words(source, folder / stem, form, options)
        finally:
            if source is not span:
                Path(source.path).unlink()
    if form == "payload":
        from mediasvc.work.rendering.render_payload import write_payload
        still = options.form in ("png", "jpeg") or (options.form == "auto" and options.frame != 0)
        return write_payload(span, folder, stem, still=still)
    from mediasvc.work.rendering.render_pictures import write_pictures
    return with_frames(span, lambda frames: write_pictures(frames, folder, stem, form, options))


def _what(framing: Framing) -> str:
    if framing.find(ENCAPSULATED_DOCUMENT) is not None:
        return "document"
    row = ts.TRANSFER_SYNTAXES.get(framing.transfer_syntax_uid)
    if framing.pixel is not None and row is not None and row.form == "video":
        return "video"
    if framing.pixel is not None and number(framing, ROWS):
        return "image"
    if framing.find(0x0040A730) is not None and framing.find(0x0040A040) is not None:
        return "report"
    modality = words(framing, MODALITY)
    return modality if modality.isascii() and modality.isalnum() else "unknown"


def _form(what: str, options: RenderOptions) -> str:
    """What is written of it. Raises UnsupportedError."""
    wish = options.form
    if wish == "json":
        return "json"
    if what == "image":
        if wish in REPORTS:
            raise UnsupportedError("it is an image, no report")
        return wish
    if what == "report":
        if wish in PICTURES:
            raise UnsupportedError("it is a report, no image (--as html)")
        return "text" if wish == "text" else "html"
    if what == "video":
        if wish in REPORTS or wish == "tiff":
            raise UnsupportedError(f"it is a video, no {wish} file (--as mp4)")
        return "payload"
    if what == "document":
        if wish != "auto":
            raise UnsupportedError(f"it is a document, no {wish} file (--as auto)")
        return "payload"
    raise UnsupportedError(f"it holds no picture, report or document ({what}); "
                           "--as json writes its attributes")


def _identified(span: Span, folder: Path, order: dict[str, Any] | None) -> Span:
    """The instance as its patient is named now (DESIGN §5)."""
    if not order or _is_named(span, order):
        return span
    from mediasvc.work.planning.conform_rewrite import rewrite_items

    temps = [str(folder / f".{number}.part") for number in (1, 2)]
    (done,) = rewrite_items([{"span": span.as_json(), "needs": ["coerce"], "order": order,
                              "preferred": [], "temps": temps}])
    if done.get("error"):
        raise DamagedError(str(done["text"]))
    return Span(str(done["path"]), 0, int(done["length"]))


def _is_named(span: Span, order: dict[str, Any]) -> bool:
    header = scan(span)
    return header is not None and all(
        not order[wanted] or getattr(header, name) == order[wanted]
        for wanted, name in _IDENTITY.items())


def _words(span: Span, target: Path, form: str, options: RenderOptions) -> Rendered:
    return on_framing(span, lambda framing, header: _write_words(
        framing, header, target, form, options))


def _write_words(framing: Framing, header: FileDataset, target: Path, form: str,
                 options: RenderOptions) -> Rendered:
    if form == "json":
        from mediasvc.media.ordinary.ordinary_json import dicom_json

        written = dicom_json(_whole(header, framing), options.inline,
                             big_endian=framing.big_endian)
        notes = [f"{written.left_out} values are left out"] if written.left_out else []
        return _written(target.with_suffix(".json"), written.data, "json", notes)
    from mediasvc.media.ordinary.ordinary_report import report_page, report_text

    if form == "text":
        return _written(target.with_suffix(".txt"), report_text(header), "text", [])
    return _written(target.with_suffix(".html"), report_page(header), "html", [])


def _whole(header: FileDataset, framing: Framing) -> FileDataset:
    """With Pixel Data named, whose bytes are left out."""
    place = framing.pixel
    if place is not None and place.tag not in header:
        vr = {0x7FE00008: "OF", 0x7FE00009: "OD"}.get(place.tag, "OW")
        header.add_new(place.tag, vr, b"\0\0")
    return header


def _written(path: Path, data: bytes, kind: str, notes: list[str]) -> Rendered:
    path.write_bytes(data)
    return Rendered(kind, [path.name], notes=notes)
