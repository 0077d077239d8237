"""The child's side of filing: one received instance becomes one object of the archive.

The received bytes (they must still be the screened ones) are coerced and written to a temporary
file. What was written is read as by a stranger: it must be the same instance under the right
patient; and there must be an inverse splice that gives the received bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.codecs.sha256 import sha256_of_both
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.header import BEGINNING, scan, scan_beginning
from mediasvc.dicom.in_utf8 import in_utf8
from mediasvc.dicom.pieces import Copy, Piece, assemble, inverse, pack
from mediasvc.dicom.splice import plan, rewrite_deflated
from mediasvc.direct_write import write_hashed, write_new
from mediasvc.errors import DamagedError, MediasvcError, ProofError, UnsupportedError
from mediasvc.model import InstanceHeader
from mediasvc.span import Span
from mediasvc.work.placing.coerce import coerce
from mediasvc.work.placing.coercion_order import Order
from mediasvc.work.turns.batches import Item, each
from mediasvc.work.turns.writer import Writer

SOP_INSTANCE_UID = 0x00080018


def file_items(items: list[Item], order: dict[str, str]) -> list[Any]:
    """For each ``{"span", "sha256", "temp"}``: what was written to ``temp``, or an error.

    ``restore`` says how the received bytes come back: ``delta`` (base64 pieces in ``delta``) or
    ``object`` (they must be kept whole).
    """
    wanted = Order.from_json(order)
    return each(lambda item: _file(item, wanted), items, threads=2)


def write_ahead(view: memoryview, framing: Framing, temp: str, order: Order, writer: Writer,
                ) -> tuple[str, Future[dict[str, Any] | None]] | None:
    """Have an instance that was just looked at written to ``temp``: the sha256 of what came, and
    what `file_items` answers once it is there.

    None, at once or then, where that cannot be; filing will find out why, and say it.
    """
    try:
        draft, source = _draft(view, framing, order)
    except MediasvcError:
        return None
    received, written = (_sha256_of_both(view, draft) if source is view
                         else (_sha256([view]), _sha256(draft.parts)))
    return received, writer.soon(_written_ahead, draft, temp, order, written)


def _written_ahead(draft: _Draft, temp: str, order: Order, sha256: str) -> dict[str, Any] | None:
    try:
        return _told(draft, temp, order, sha256, write_hashed(temp, draft.parts))
    except (MediasvcError, OSError):
        Path(temp).unlink(missing_ok=True)
        return None


def preview_items(items: list[Item], order: dict[str, str]) -> list[Any]:
    """For each ``{"span"}``: every attribute that filing would change. Nothing is written."""
    wanted = Order.from_json(order)
    return each(lambda item: _preview(item, wanted), items)


def _preview(item: Item, order: Order) -> list[dict[str, Any]]:
    with Span.from_json(item["span"]).view() as view:
        framing = _readable(view)
        table = coerce(framing, order).table
        del framing
    return [row.as_json() for row in table]


def _file(item: Item, order: Order) -> dict[str, Any]:
    span = Span.from_json(item["span"])
    with span.view() as view:
        if not span.holds(view, item["sha256"]):
            raise DamagedError("changed since it was looked at")
        return _write(view, _readable(view), item["temp"], order)


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is to be written, and what is to be told of the way back."""

    uid: str
    pieces: Sequence[Piece]
    parts: list[memoryview]
    back: dict[str, Any]


def _write(view: memoryview, framing: Framing, temp: str, order: Order) -> dict[str, Any]:
    draft, _ = _draft(view, framing, order)
    return _told(draft, temp, order, *write_new(temp, draft.parts))


def _draft(view: memoryview, framing: Framing, order: Order) -> tuple[_Draft, memoryview]:
    """The draft, and the bytes that its pieces speak of."""
    uid = bytes(framing.value(SOP_INSTANCE_UID) or b"").rstrip(b" \0").decode("ascii", "replace")
    try:
        pieces: Sequence[Piece] = plan(framing, len(view), coerce(framing, order).changes)
        back = {"restore": "delta", "delta": base64.b64encode(pack(inverse(pieces))).decode()}
    except UnsupportedError:
        view, pieces = _rewritten(view, framing, order)
        back = {"restore": "object"}
    return _Draft(uid, pieces, list(assemble(view, pieces)), back), view


def _told(draft: _Draft, temp: str, order: Order, sha256: str, length: int) -> dict[str, Any]:
    """The answer for what was written, which is proven."""
    header = _proven(draft.parts, temp, length, draft.uid, order)
    return draft.back | {"object_sha256": sha256, "object_length": length,
                         "sop_instance_uid": draft.uid, "header": header.as_json()}


def _sha256_of_both(view: memoryview, draft: _Draft) -> tuple[str, str]:
    """Of what came and of what its pieces make; mostly they end alike."""
    last, parts = draft.pieces[-1], draft.parts
    if (isinstance(last, Copy) and last.offset + last.length == len(view)
            and 2 * last.length > len(view)):
        return sha256_of_both(view[:last.offset], b"".join(parts[:-1]), parts[-1])
    return _sha256([view]), _sha256(parts)


def _sha256(parts: Sequence[memoryview]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _rewritten(view: memoryview, framing: Framing, order: Order,
               ) -> tuple[memoryview, Sequence[Piece]]:
    """Where no splice can do it (deflated, or text that must become UTF-8) the data set is written
    anew; the received file is then kept whole beside it."""
    try:
        changes = coerce(framing, order).changes
    except UnsupportedError:
        view = memoryview(in_utf8(view))
        framing = _readable(view)
        changes = coerce(framing, order).changes
    if framing.deflated:
        view = memoryview(rewrite_deflated(framing, changes))
        return view, [Copy(0, len(view))]
    return view, plan(framing, len(view), changes)


def _readable(view: memoryview) -> Framing:
    framing = read_framing(view)
    if framing.damaged:
        raise DamagedError("is damaged")
    return framing


def _proven(parts: Sequence[memoryview], temp: str, length: int, uid: str, order: Order,
            ) -> InstanceHeader:
    """The header of what was written, read as a stranger would. Raises ProofError."""
    header = scan_beginning(_beginning(parts), length) or scan(Span(temp, 0, length))
    if (header is None or header.sop_instance_uid != uid
            or length != sum(map(len, parts)) or not _belongs(header, order)):
        raise ProofError("the rewritten instance is not what was ordered")
    return header


def _beginning(parts: Sequence[memoryview]) -> bytes:
    taken: list[memoryview] = []
    left = BEGINNING
    for part in parts:
        taken.append(part[:left])
        left -= len(taken[-1])
        if not left:
            break
    return b"".join(taken)


def _belongs(header: InstanceHeader, order: Order) -> bool:
    return (header.patient_id == order.patient_id
            and header.issuer_of_patient_id == order.issuer
            and (not order.patient_name or header.patient_name == order.patient_name))
