"""A sequence as one cell of a table for people: whose identifiers it lists, or how many items."""

from __future__ import annotations

from collections.abc import Iterator

from mediasvc.dicom.compose import ITEM
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.nested import Element, Source, elements, item_at, tag_at
from mediasvc.dicom.text import decode, display
from mediasvc.media.page.words import count

PATIENT_ID = 0x00100020
#: Items that are looked at: nobody has more identifiers.
MOST = 64


def told_items(framing: Framing, tag: int, charset: str) -> str:
    """``12, 0815`` of Other Patient IDs, ``a list of 2 items`` of any other sequence, ``""`` of an
    empty one."""
    source = Source(framing.body, framing.implicit, framing.big_endian)
    items = list(_items(source, framing, tag))
    if not items:
        return ""
    ids = [_text(source, one, charset) for item in items for one in item if one.tag == PATIENT_ID]
    if ids:
        return ", ".join(ids)
    return f"a list of {count(len(items), 'item') if len(items) < MOST else 'many items'}"


def _items(source: Source, framing: Framing, tag: int) -> Iterator[list[Element]]:
    row = framing.find(tag)
    if row is None:
        return
    at, stop = int(row["value"]), int(row["value"]) + int(row["length"])
    for _ in range(MOST):
        if at + 8 > stop or tag_at(source, at) != ITEM:
            return
        first, last, after = item_at(source, at, stop)
        yield list(elements(source, first, last))
        at = after


def _text(source: Source, element: Element, charset: str) -> str:
    raw = bytes(source.body[element.value:element.end])
    return display(decode(raw, charset, "LO")[0].strip(" \0"))
