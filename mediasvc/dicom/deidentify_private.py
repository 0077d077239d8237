"""Which private attributes of a data set may stay (PS3.15 E.3.10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mediasvc.dicom.nested import Element, Source, dictionary_vr, elements, item_at, length_at
from mediasvc.errors import DamagedError
from mediasvc.standard.deidentification_private import SAFE_PRIVATE, SAFE_VRS

CHARACTERISTICS = 0x00080300
GROUP, CREATOR, STATUS, SAFE_ONES = 0x00080301, 0x00080302, 0x00080303, 0x00080304


@dataclass(frozen=True, slots=True)
class Mark:
    """What the instance itself says of a block (PS3.3 C.12.1.1.7); ``only`` empty: all of it."""

    group: int
    creator: str
    only: frozenset[int]


def kept_private(source: Source, rows: Sequence[Element], marks: Iterable[Mark],
                 ) -> dict[int, str]:
    """tag → VR of the private elements of one level that stay, with their creators."""
    creators = {row.tag & 0xFFFF0000 | (row.tag & 0xFF) << 8: _text(source, row) for row in rows
                if row.tag & 0x10000 and 0x10 <= row.tag & 0xFFFF <= 0xFF}
    kept: dict[int, str] = {}
    for row in rows:
        block = row.tag & 0xFFFFFF00
        creator = creators.get(block)
        if not row.tag & 0x10000 or creator is None or row.tag & 0xFFFF < 0x1000:
            continue
        vr = dictionary_vr(row.tag, {block: creator}, source.signed) if row.vr == "UN" else row.vr
        if vr in SAFE_VRS and _safe(row.tag, creator, marks):
            kept[row.tag] = vr
            kept[row.tag & 0xFFFF0000 | (row.tag >> 8) & 0xFF] = "LO"
    return kept


def _safe(tag: int, creator: str, marks: Iterable[Mark]) -> bool:
    group, low = tag >> 16, tag & 0xFF
    return (creator, group, low) in SAFE_PRIVATE or any(
        mark.group == group and mark.creator == creator and (not mark.only or low in mark.only)
        for mark in marks)


def marks_of(source: Source, rows: Iterable[Element]) -> tuple[Mark, ...]:
    """Raises nothing: what cannot be read marks nothing."""
    found = []
    for row in rows:
        if row.tag == CHARACTERISTICS:
            try:
                found += list(_marks(source, row))
            except DamagedError:
                return ()
    return tuple(found)


def _marks(source: Source, row: Element) -> Iterable[Mark]:
    at = row.value
    while at < row.end:
        start, stop, at = item_at(source, at, row.end)
        inner = {one.tag: one for one in elements(source, start, stop)}
        if GROUP not in inner or CREATOR not in inner or STATUS not in inner:
            continue
        status = _text(source, inner[STATUS])
        only = frozenset(number & 0xFF for number in _numbers(source, inner[SAFE_ONES])
                         ) if SAFE_ONES in inner else frozenset()
        if status == "SAFE" or (status == "MIXED" and only):
            group = _numbers(source, inner[GROUP])
            yield Mark(group[0] if group else 0, _text(source, inner[CREATOR]),
                       only if status == "MIXED" else frozenset())


def _text(source: Source, row: Element) -> str:
    return bytes(source.body[row.value:row.end]).decode("latin-1").strip(" \0")


def _numbers(source: Source, row: Element) -> list[int]:
    return [length_at(source, at, 2) for at in range(row.value, row.end - 1, 2)]
