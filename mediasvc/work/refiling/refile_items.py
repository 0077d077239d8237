"""The child's side of moving studies to another patient, and of moving them back."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.header import scan
from mediasvc.dicom.in_utf8 import in_utf8
from mediasvc.dicom.piece_chain import chained, turned
from mediasvc.dicom.pieces import Copy, Piece, assemble, inverse, pack, unpack
from mediasvc.dicom.splice import plan, rewrite_deflated
from mediasvc.direct_write import write_new
from mediasvc.errors import DamagedError, ProofError, UnsupportedError
from mediasvc.span import Span
from mediasvc.work.placing.as_received import received_view, way_to_received
from mediasvc.work.placing.coercion_order import Order
from mediasvc.work.placing.import_changes import differences
from mediasvc.work.refiling.refile_coerce import coerce_again
from mediasvc.work.turns.batches import Item, each


def move_items(items: list[Item], orders: list[dict[str, Any]]) -> list[Any]:
    """For each ``{"span", "object", "received", "delta"|"kept", "order", "temp", "keep"}``: the
    new object is in ``temp``; ``restore`` and ``delta`` are the way from it to what was received,
    ``back`` (base64 pieces, "" for none) the way to the object before."""
    wanted = [Order.from_json(order) for order in orders]
    return each(lambda item: _move(item, wanted[int(item["order"])]), items)


def preview_items(items: list[Item], orders: list[dict[str, Any]]) -> list[Any]:
    """For each of the same items: every attribute that would change."""
    wanted = [Order.from_json(order) for order in orders]
    return each(lambda item: _preview(item, wanted[int(item["order"])]), items)


def return_items(items: list[Item]) -> list[Any]:
    """For each ``{"span", "back", "object", "temp"}``: the object before is in ``temp`` again."""
    return each(_return, items)


def _move(item: Item, order: Order) -> dict[str, Any]:
    temp = Path(item["temp"])
    row: dict[str, Any]
    pieces: Sequence[Piece]
    with Span.from_json(item["span"]).view() as filed, received_view(item, filed) as received:
        to_received = way_to_received(item, len(filed))
        try:
            pieces = _plan(received, filed, order)
            way = inverse(pieces)
            sha256, length = write_new(temp, assemble(received, pieces))
            row = {"restore": "delta", "delta": _packed(way)}
            back = chained(turned(filed, to_received), way) if to_received is not None else None
        except UnsupportedError:
            view, pieces = _rewritten(received, filed, order)
            sha256, length = write_new(temp, assemble(view, pieces))
            write_new(Path(item["keep"]), [received])
            row, back = {"restore": "object"}, None
    row |= {"object_sha256": sha256, "object_length": length, "back": "" if back is None
            else _packed(back), "sop_instance_uid": item["uid"]}
    row["header"] = _proven(Span.of_file(temp), order, row)
    return row


def _preview(item: Item, order: Order) -> list[dict[str, Any]]:
    with Span.from_json(item["span"]).view() as filed, received_view(item, filed) as received:
        pieces: Sequence[Piece]
        try:
            view, pieces = received, _plan(received, filed, order)
        except UnsupportedError:
            view, pieces = _rewritten(received, filed, order)
        new = memoryview(b"".join(assemble(view, pieces)))
        return differences(filed, new)


def _return(item: Item) -> dict[str, Any]:
    with Span.from_json(item["span"]).view() as view:
        pieces = unpack(base64.b64decode(item["back"]))
        sha256, _ = write_new(Path(item["temp"]), assemble(view, pieces))
    if sha256 != item["object"]:
        raise ProofError("is not what was filed before")
    return {}


def _plan(received: memoryview, filed: memoryview, order: Order) -> tuple[Piece, ...]:
    framing, before = _framing(received), _framing(filed)
    return plan(framing, len(received), coerce_again(framing, before, order).changes)


def _rewritten(received: memoryview, filed: memoryview, order: Order,
               ) -> tuple[memoryview, Sequence[Piece]]:
    """As in filing: where no splice can do it the data set is written anew."""
    view, before = received, filed
    try:
        changes = coerce_again(_framing(view), _framing(before), order).changes
    except UnsupportedError:
        view, before = memoryview(in_utf8(received)), memoryview(in_utf8(filed))
        changes = coerce_again(_framing(view), _framing(before), order).changes
    framing = _framing(view)
    if framing.deflated:
        view = memoryview(rewrite_deflated(framing, changes))
        return view, [Copy(0, len(view))]
    return view, plan(framing, len(view), changes)


def _framing(view: memoryview) -> Framing:
    framing = read_framing(view)
    if framing.damaged:
        raise DamagedError("is damaged")
    return framing


def _proven(span: Span, order: Order, row: dict[str, Any]) -> dict[str, Any]:
    """The result read as a stranger would. Raises ProofError."""
    header = scan(span)
    if (header is None or span.length != row["object_length"]
            or (header.sop_instance_uid, header.patient_id, header.issuer_of_patient_id)
            != (row["sop_instance_uid"], order.patient_id, order.issuer)):
        raise ProofError("the rewritten instance is not what was ordered")
    return header.as_json()


def _packed(pieces: Sequence[Piece]) -> str:
    return base64.b64encode(pack(pieces)).decode()
