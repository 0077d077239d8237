"""Change some elements of a file and keep every other byte as received (DESIGN §3; X10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.file_meta import (
    GROUP_LENGTH,
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    PREFIX,
    TRANSFER_SYNTAX_UID,
)
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.inflate import deflate
from mediasvc.dicom.pieces import (
    CARRY_LIMIT,
    Copy,
    Cut,
    Insert,
    Piece,
    assemble,
    inverse,
    joined,
    pack,
    size,
    unpack,
    write,
)
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.standard.preambles import LENGTH

__all__ = ["Change", "Copy", "Cut", "Insert", "Piece", "inverse", "pack", "plan",
           "rewrite_deflated", "unpack", "write"]

META = Encoding(implicit=False, big_endian=False)
VERSION = 0x00020001
LENGTH_TO_END = 0x00080001


@dataclass(frozen=True, slots=True)
class Change:
    """``element``: the complete new element (header and value, in the encoding of its place), or
    None to remove it. Group 0002 addresses the file meta, which is Explicit VR Little Endian."""

    tag: int
    element: bytes | None


def plan(framing: Framing, total_length: int, changes: Iterable[Change], *,
         carry: int = CARRY_LIMIT) -> tuple[Piece, ...]:
    """The pieces that make the changed file out of the received one of ``total_length`` bytes.
    A run of up to ``carry`` bytes that is left out is carried along, for `inverse`.

    New elements go where their tag belongs; a changed tag that stands several times stands once
    afterwards. Group lengths of changed groups, and Length to End, are removed (retired, PS3.5
    7.2); (0002,0000) is put right. A file without preamble or file meta gets both, and SOP UIDs and
    transfer syntax that the file meta lack are added (PS3.10 7.1). Bytes behind the data set stay.

    Raises UnsupportedError when the data set is deflated and would change (`rewrite_deflated`),
    DamagedError when the walk did not reach the end, so that places cannot be trusted.
    """
    meta, data_set = _split(changes)
    if data_set and framing.deflated:
        raise UnsupportedError("a deflated data set cannot be changed in place")
    if framing.verdict:
        raise DamagedError("the data set is damaged and cannot be changed")
    head = _meta_pieces(framing, meta)
    if framing.deflated:
        return joined([*head, Copy(framing.meta_end, total_length - framing.meta_end)])
    tail = Copy(framing.end, total_length - framing.end)
    return joined([*head, *_data_set_pieces(framing, data_set, carry), tail])


def rewrite_deflated(framing: Framing, changes: Iterable[Change]) -> bytes:
    """The whole changed file of a deflated data set; its compressed bytes are new ones."""
    meta, data_set = _split(changes)
    if framing.verdict:
        raise DamagedError("the data set is damaged and cannot be changed")
    head = b"".join(assemble(memoryview(framing.head), _meta_pieces(framing, meta)))
    body = b"".join(assemble(framing.body, _data_set_pieces(framing, data_set, 0)))
    return head + deflate(body)


def _split(changes: Iterable[Change]) -> tuple[dict[int, bytes | None], dict[int, bytes | None]]:
    """(changes of the file meta, changes of the data set); the last one of a tag counts."""
    meta: dict[int, bytes | None] = {}
    data_set: dict[int, bytes | None] = {}
    for change in changes:
        (meta if change.tag >> 16 == 2 else data_set)[change.tag] = change.element
    return meta, data_set


def _meta_pieces(framing: Framing, changes: dict[int, bytes | None]) -> list[Piece]:
    """Everything before the data set: elements as received, new ones among them by tag."""
    added = _missing_meta(framing)
    added.update({tag: new for tag, new in changes.items() if new is not None})
    removed = {tag for tag, new in changes.items() if new is None}
    added.pop(GROUP_LENGTH, None)
    for tag in removed:
        added.pop(tag, None)
    starts = [place.start for place in framing.meta.values()]
    kept = list(zip(framing.meta, starts, [*starts, framing.meta_end][1:], strict=True))
    body = _merged(framing.head, kept, added, removed | {GROUP_LENGTH}, CARRY_LIMIT)
    preamble: list[Piece] = [Copy(0, framing.meta_start)]
    if framing.kind == "bare":
        preamble = [Insert(bytes(LENGTH) + PREFIX)]
    return [*preamble, *_with_group_length(body)]


def _with_group_length(body: list[Piece]) -> list[Piece]:
    """``body`` behind a (0002,0000) that fits it: the received one where it is right."""
    length = sum(map(size, body)).to_bytes(4, "little")
    new = META.element(GROUP_LENGTH, "UL", length)
    first = body[0] if body else None
    if isinstance(first, Cut) and first.data == new:
        return [Copy(first.offset, first.length), *body[1:]]
    return [Insert(new), *body]


def _missing_meta(framing: Framing) -> dict[int, bytes]:
    """Elements that file meta must have, from what the data set says (PS3.10 7.1)."""
    missing = {tag: META.element(tag, "UI", value.strip(b"\0 "))
               for tag, source in ((MEDIA_STORAGE_SOP_CLASS_UID, 0x00080016),
                                   (MEDIA_STORAGE_SOP_INSTANCE_UID, 0x00080018))
               if tag not in framing.meta and (value := framing.value(source))}
    if framing.transfer_syntax_uid and TRANSFER_SYNTAX_UID not in framing.meta:
        missing[TRANSFER_SYNTAX_UID] = META.element(
            TRANSFER_SYNTAX_UID, "UI", framing.transfer_syntax_uid.encode())
    if not framing.meta:
        missing[VERSION] = META.element(VERSION, "OB", b"\0\1")
    return missing


def _data_set_pieces(framing: Framing, changes: dict[int, bytes | None], carry: int,
                     ) -> list[Piece]:
    groups = {tag >> 16 for tag in changes}
    stale = {tag for tag in (LENGTH_TO_END, *(group << 16 for group in groups))
             if changes and tag in framing.index}
    removed = {tag for tag, new in changes.items() if new is None} | (stale - changes.keys())
    added = {tag: new for tag, new in changes.items() if new is not None}
    first = framing.start(0)
    kept = _from(framing, min(removed | added.keys(), default=None))
    begin = kept[0][1] if kept else framing.end
    before: list[Piece] = [Copy(first, begin - first)] if begin > first else []
    return [*before, *_merged(framing.body, kept, added, removed, carry)]


def _from(framing: Framing, tag: int | None) -> list[tuple[int, int, int]]:
    """The elements (tag, start, end) from the first one on that does not stand below ``tag``: what
    stands before it stays where it is."""
    if tag is None:
        return []
    rows = framing.elements[_first_from(framing.tags, tag):]
    starts = rows["start"].tolist()
    return list(zip(rows["tag"].tolist(), starts, [*starts, framing.end][1:], strict=True))


@lru_cache(maxsize=64)
def _first_from(tags: bytes, least: int) -> int:
    """The row of `Framing.tags`, which the instances of a series share, that `_from` begins at."""
    rows = np.frombuffer(tags, "<u4").tolist()
    return next((row for row, tag in enumerate(rows) if tag >= least), len(rows))


def _merged(source: bytes | memoryview, kept: list[tuple[int, int, int]],
            added: dict[int, bytes], removed: set[int], carry: int) -> list[Piece]:
    """Received elements (tag, start, end), one right behind the other, with ``added`` in place of
    or before the first one that does not stand below it."""
    pieces: list[Piece] = []
    waiting = sorted(added, reverse=True)
    copied = end = kept[0][1] if kept else 0
    for tag, start, end in kept:
        touched = tag in added or tag in removed
        if not touched and not (waiting and waiting[-1] <= tag):
            continue
        if start > copied:
            pieces.append(Copy(copied, start - copied))
        copied = start
        while waiting and waiting[-1] <= tag:
            pieces.append(Insert(added[waiting.pop()]))
        if touched:
            pieces.append(_cut(source, start, end, carry))
            copied = end
    if end > copied:
        pieces.append(Copy(copied, end - copied))
    pieces += [Insert(added[tag]) for tag in reversed(waiting)]
    return pieces


def _cut(source: bytes | memoryview, start: int, end: int, carry: int) -> Cut:
    carried = end - start <= carry
    return Cut(start, end - start, bytes(source[start:end]) if carried else None)
