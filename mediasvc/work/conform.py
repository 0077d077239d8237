"""The child's side of making instances fit a disc: looked at, and rewritten where they must be.

Nothing is rewritten that may go as it is. What changes is spliced or transcoded, written to a file
of its own and read back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.file_meta import PREFIX
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.header import read_header, scan
from mediasvc.dicom.in_utf8 import in_utf8
from mediasvc.dicom.pieces import assemble
from mediasvc.dicom.rewrite import Elements, can_splice, rewrite
from mediasvc.dicom.splice import Change, Copy, Insert, Piece, plan, write
from mediasvc.errors import DamagedError, ProofError, UnsupportedError
from mediasvc.media.check_meta import check_meta, encoded_as_said
from mediasvc.model import InstanceHeader
from mediasvc.span import Span
from mediasvc.standard.implementation import IMPLEMENTATION_CLASS_UID
from mediasvc.standard.preambles import LENGTH
from mediasvc.standard.sop_classes import RECORD_TYPE_OF
from mediasvc.work.batches import Item, each
from mediasvc.work.coerce import Order, coerce
from mediasvc.work.transcode import DEFAULT, transcode_file

#: The file meta is within this, or the file is read whole.
HEAD = 4 << 10
VERSION, IMPLEMENTATION, IMPLEMENTATION_NAME = 0x00020001, 0x00020012, 0x00020013
META = Encoding(implicit=False, big_endian=False)
TIFF = (b"II*\0", b"MM\0*")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the profile allows, as far as one instance can break it."""

    transfer_syntaxes: frozenset[str]
    sop_classes: frozenset[str]
    largest_file: int

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Limits:
        return cls(frozenset(row["transfer_syntaxes"]), frozenset(row["sop_classes"]),
                   int(row["largest_file"]))


def examine_items(items: list[Item], limits: dict[str, Any]) -> list[Any]:
    """For each ``{"span", "patient"}``: header, and what it needs: ``transcode``, ``coerce``,
    ``clean`` (preamble or file meta), or why it cannot go (``excluded``: rule and words)."""
    wanted = Limits.from_json(limits)
    return each(lambda item: _examine(item, wanted), items)


def _examine(item: Item, limits: Limits) -> dict[str, Any]:
    span = Span.from_json(item["span"])
    header = scan(span)
    if header is None:
        raise DamagedError("is damaged")
    row: dict[str, Any] = {"header": header.as_json(), "needs": _needs(span, header, item, limits)}
    if excluded := _excluded(span, header, limits):
        row["excluded"] = excluded
    return row


def _excluded(span: Span, header: InstanceHeader, limits: Limits) -> tuple[str, str] | None:
    if header.sop_class_uid not in RECORD_TYPE_OF:
        return "RF-8", "no directory record exists for objects of its SOP class"
    if limits.sop_classes and header.sop_class_uid not in limits.sop_classes:
        return "R11-2", "the profile does not allow its SOP class"
    if span.length > limits.largest_file:
        return "R12-4", "it is larger than a file on this medium may be"
    return None


def _needs(span: Span, header: InstanceHeader, item: Item, limits: Limits) -> list[str]:
    head = next(Span(span.path, span.offset, min(HEAD, span.length)).chunks(HEAD))
    needs = []
    if header.transfer_syntax_uid not in limits.transfer_syntaxes:
        needs.append("transcode")
    if item["patient"] and not _belongs(header, item["patient"]):
        needs.append("coerce")
    if (not _clean_preamble(head) or any(check_meta(memoryview(head)))
            or not encoded_as_said(memoryview(head), header.transfer_syntax_uid)):
        needs.append("clean")
    return needs


def _belongs(header: InstanceHeader, patient: Mapping[str, str]) -> bool:
    """The instance says who the index says; what the index does not know is no contradiction."""
    return all(not value or getattr(header, name) == value for name, value in patient.items())


def _clean_preamble(head: bytes) -> bool:
    preamble = head[:LENGTH]
    return not any(preamble) or preamble.startswith(TIFF)


def rewrite_items(items: list[Item], preferred: Sequence[str]) -> list[Any]:
    """For each ``{"span", "needs", "order", "temps"}``: sha256 and header of the file written.

    ``temps`` are two fresh paths; the result is at ``path``.
    """
    return each(lambda item: _rewrite(item, preferred), items)


def _rewrite(item: Item, preferred: Sequence[str]) -> dict[str, Any]:
    """Transcode first, so that a deflated data set is plain when it is spliced."""
    first, second = (Path(temp) for temp in item["temps"])
    needs, source = set(item["needs"]), Span.from_json(item["span"])
    if "transcode" in needs:
        source = _transcoded(source, first, preferred)
    source = _spliced(source, second, needs, item["order"])
    first.unlink(missing_ok=True)
    return _proven(source)


def _spliced(source: Span, target: Path, needs: set[str], order: dict[str, str]) -> Span:
    with source.view() as view:
        view = _as_said(view)
        wanted = Order.from_json(order) if "coerce" in needs else None
        try:
            pieces = _changed(view, wanted)
        except UnsupportedError:
            # the current name cannot be written in this character set: all text becomes UTF-8
            view = memoryview(in_utf8(view))
            pieces = _changed(view, wanted)
        if not _clean_preamble(bytes(view[:LENGTH])):
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
    fragments = framing.body[pixels.value:pixels.end] if pixels and changes else None
    pieces = rewrite(framing, len(view), uid, changes, fragments)
    new = memoryview(b"".join(assemble(view, pieces)))
    if _pixels(read_framing(new)) != _pixels(framing):
        raise ProofError("its pixel data changed when it was written anew")
    return new


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
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _, length = write(view, pieces, fd)
    finally:
        os.close(fd)
    return Span(str(target), 0, length)


def _transcoded(source: Span, target: Path, preferred: Sequence[str]) -> Span:
    """Into the first syntax that can hold it. Raises UnsupportedError when none can."""
    for number, uid in enumerate(preferred, 1):
        try:
            done = transcode_file(source.as_json(), str(target), uid, DEFAULT.as_json())
            return Span(str(target), 0, int(done["length"]))
        except UnsupportedError:
            target.unlink(missing_ok=True)
            if number == len(preferred):
                raise
    raise UnsupportedError("the profile prefers no transfer syntax")


def _proven(span: Span) -> dict[str, Any]:
    """Read the result as a stranger would. Raises ProofError."""
    with span.view() as view:
        framing = read_framing(view)
        header, damaged = read_header(framing), framing.damaged
        flaws = (any(check_meta(view)) or not _clean_preamble(bytes(view[:LENGTH]))
                 or not encoded_as_said(view, framing.transfer_syntax_uid))
    if damaged or flaws:
        raise ProofError("the rewritten instance is not right")
    return {"path": span.path, "length": span.length, "sha256": span.sha256(),
            "header": header.as_json()}
