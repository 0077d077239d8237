"""The child's side of making instances fit a disc: rewritten, written to a file, and read back.

What changes is spliced or transcoded; everything else keeps its bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.file_meta import PREFIX
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.header import read_header
from mediasvc.dicom.in_utf8 import in_utf8
from mediasvc.dicom.pieces import assemble
from mediasvc.dicom.rewrite import Elements, can_splice, rewrite
from mediasvc.dicom.splice import Change, Copy, Insert, Piece, plan
from mediasvc.dicom.unknown_vr import resolved
from mediasvc.direct_write import write_new
from mediasvc.errors import DamagedError, ProofError, UnsupportedError
from mediasvc.media.checking.check_meta import check_meta, encoded_as_said
from mediasvc.span import Span
from mediasvc.standard.implementation import IMPLEMENTATION_CLASS_UID
from mediasvc.standard.preambles import LENGTH
from mediasvc.work.deidentifying.deidentify import deidentify_span
from mediasvc.work.placing.coerce import coerce
from mediasvc.work.placing.coercion_order import Order
from mediasvc.work.planning.conform import clean_preamble
from mediasvc.work.transcode import DEFAULT
from mediasvc.work.transcoding.transcode_file import transcode_file
from mediasvc.work.turns.batches import Item, each

VERSION, IMPLEMENTATION, IMPLEMENTATION_NAME = 0x00020001, 0x00020012, 0x00020013
META = Encoding(implicit=False, big_endian=False)


def rewrite_items(items: list[Item]) -> list[Any]:
    """For each ``{"span", "needs", "order", "preferred", "temps"}``: sha256 and header of the file
    written.

    ``temps`` are two fresh paths; the result is at ``path``. ``sha256``, where it is given, is what
    was filed: of other bytes nothing is made, because nothing on the disc would show it.
    """
    return each(_rewrite, items)


def _rewrite(item: Item) -> dict[str, Any]:
    """Transcode first, so that a deflated data set is plain when it is spliced."""
    filed = item.get("sha256")
    if filed and Span.from_json(item["span"]).sha256() != filed:
        raise DamagedError("is damaged: it is not what was filed")
    if item.get("privacy"):
        return _private(item)
    first, second = (Path(temp) for temp in item["temps"])
    needs, source = set(item["needs"]), Span.from_json(item["span"])
    if "transcode" in needs:
        source = _transcoded(source, first, item)
    source = _spliced(source, second, needs, item["order"])
    first.unlink(missing_ok=True)
    return _proven(source)


def _private(item: Item) -> dict[str, Any]:
    """De-identified, which leaves nothing to coerce or to clean, and then transcoded."""
    first, second = (Path(temp) for temp in item["temps"])
    try:
        done = deidentify_span(Span.from_json(item["span"]), first, item["privacy"])
    except UnsupportedError as error:
        return {"refused": error.text}
    source = Span.from_json(done["span"])
    if "transcode" in item["needs"]:
        source = _transcoded(source, second, item)
        if source.path != str(first):
            first.unlink()
    return {**_proven(source), "findings": done["findings"], "days": done["days"]}


def _spliced(source: Span, target: Path, needs: set[str], order: dict[str, str]) -> Span:
    with source.view() as view:
        view = _as_said(view)
        if "resolve" in needs:
            view = _resolved(view)
        wanted = Order.from_json(order) if "coerce" in needs else None
        try:
            pieces = _changed(view, wanted)
        except UnsupportedError:
            # the current name cannot be written in this character set: all text becomes UTF-8
            view = memoryview(in_utf8(view))
            pieces = _changed(view, wanted)
        if not clean_preamble(bytes(view[:LENGTH])):
            pieces = _zero_preamble(pieces)
        return _to_file(view, pieces, target)


def _as_said(view: memoryview) -> memoryview:
    """The same data set, written as its transfer syntax says (some writers forget to).

    Raises ProofError when its pixel data would not be the same bytes.
    """
    framing = read_framing(view)
    uid = framing.transfer_syntax_uid
    if framing.deflated or can_splice(framing, uid):
        return view
    changes: Elements = {}
    pixels = framing.pixel
    if pixels and pixels.encapsulated:
        changes[pixels.tag] = META.tag(pixels.tag) + b"OB\0\0\xff\xff\xff\xff"
    fragments = [framing.body[pixels.value:pixels.end]] if pixels and changes else None
    pieces = rewrite(framing, len(view), uid, changes, fragments)
    new = memoryview(b"".join(assemble(view, pieces)))
    if _pixels(read_framing(new)) != _pixels(framing):
        raise ProofError("its pixel data changed when it was written anew")
    return new


def _resolved(view: memoryview) -> memoryview:
    """With the VRs that the standard knows where the source says UN."""
    framing = read_framing(view)
    if framing.deflated or framing.implicit or framing.big_endian:
        return view
    return memoryview(b"".join(assemble(view, plan(framing, len(view), resolved(framing)))))


def _pixels(framing: Framing) -> bytes:
    place = framing.pixel
    return bytes(framing.body[place.value:place.end]) if place else b""


def _changed(view: memoryview, order: Order | None) -> tuple[Piece, ...]:
    framing = read_framing(view)
    changes = list(_meta_changes(framing))
    if order is not None:
        changes += coerce(framing, order).changes
    return plan(framing, len(view), changes)


def _meta_changes(framing: Framing) -> list[Change]:
    """Name ourselves as the implementation where none is named; put the version right."""
    changes = []
    if framing.value(VERSION) != b"\0\1":
        changes.append(Change(VERSION, META.element(VERSION, "OB", b"\0\1")))
    if not framing.value(IMPLEMENTATION):
        changes.append(Change(IMPLEMENTATION, META.element(
            IMPLEMENTATION, "UI", IMPLEMENTATION_CLASS_UID.encode())))
        changes.append(Change(IMPLEMENTATION_NAME, None))
    return changes


def _zero_preamble(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """An outgoing file is nothing but DICOM (FAULTS E07)."""
    first, *rest = pieces
    if not isinstance(first, Copy) or first.offset or first.length < LENGTH + len(PREFIX):
        return tuple(pieces)
    left = Copy(LENGTH, first.length - LENGTH)
    return (Insert(bytes(LENGTH)), left, *rest)


def _to_file(view: memoryview, pieces: Sequence[Piece], target: Path) -> Span:
    _, length = write_new(target, assemble(view, pieces))
    return Span(str(target), 0, length)


def _transcoded(source: Span, target: Path, item: Item) -> Span:
    """With loss where that was asked for and may be; otherwise into the first syntax that can hold
    it. Raises UnsupportedError when none can."""
    if wish := item.get("lossy"):
        try:
            return _into(source, target, wish["uid"], wish["options"])
        except UnsupportedError:
            if item["allowed"]:
                return source
    for number, uid in enumerate(item["preferred"], 1):
        try:
            return _into(source, target, uid, DEFAULT.as_json())
        except UnsupportedError:
            if number == len(item["preferred"]):
                raise
    raise UnsupportedError("nothing is transcoded into what the profile allows")


def _into(source: Span, target: Path, uid: str, options: dict[str, Any]) -> Span:
    try:
        done = transcode_file(source.as_json(), str(target), uid, options)
    except UnsupportedError:
        target.unlink(missing_ok=True)
        raise
    return Span(str(target), 0, int(done["length"]))


def _proven(span: Span) -> dict[str, Any]:
    """Read the result as a stranger would. Raises ProofError."""
    with span.view() as view:
        framing = read_framing(view)
        header, damaged = read_header(framing), framing.damaged
        flaws = (any(check_meta(view)) or not clean_preamble(bytes(view[:LENGTH]))
                 or not encoded_as_said(view, framing.transfer_syntax_uid))
    if damaged or flaws:
        raise ProofError("the rewritten instance is not right")
    return {"path": span.path, "length": span.length, "sha256": span.sha256(),
            "header": header.as_json()}
