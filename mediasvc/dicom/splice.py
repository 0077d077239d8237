"""Change some elements of a file and keep every other byte as received (DESIGN §3, FAULTS 0.4, X10).

A plan is a row of pieces over the received file: `Copy` some of its bytes, `Insert` new ones.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.standard.preambles import LENGTH

META = Encoding(implicit=False, big_endian=False)
VERSION = 0x00020001
LENGTH_TO_END = 0x00080001
_CHUNK = 4 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """``element``: the complete new element (header and value, in the encoding of its place), or
    None to remove it. Tags of group 0002 address the file meta, which is Explicit VR Little Endian."""

    tag: int
    element: bytes | None


@dataclass(frozen=True, slots=True)
class Copy:
    """``length`` bytes of the received file from byte ``offset``."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Insert:
    """Bytes that the received file does not have."""

    data: bytes


Piece = Copy | Insert


def plan(framing: Framing, total_length: int, changes: Iterable[Change]) -> tuple[Piece, ...]:
    """The pieces of the changed file.

    New elements go where their tag belongs; a changed tag that stands several times stands once
    afterwards. Group lengths of changed groups, and Length to End, are removed (retired, PS3.5
    7.2); (0002,0000) is put right. A file without preamble or file meta gets both, and SOP UIDs and
    transfer syntax that the file meta lack are added (PS3.10 7.1). Bytes behind the data set stay.

    Raises UnsupportedError when the data set is deflated and would change (`rewrite_deflated`),
    DamagedError when the framing is damaged so that its places cannot be trusted.
    """
    meta, data_set = _split(changes)
    if data_set and framing.deflated:
        raise UnsupportedError("a deflated data set cannot be changed in place")
    if framing.verdict:
        raise DamagedError("the data set is damaged and is not changed")
    head = _meta_pieces(framing, meta)
    if framing.deflated:
        return _joined([*head, Copy(framing.meta_end, total_length - framing.meta_end)])
    tail = [Copy(framing.end, total_length - framing.end)]
    return _joined([*head, *_data_set_pieces(framing, data_set), *tail])


def rewrite_deflated(framing: Framing, view: memoryview, changes: Iterable[Change]) -> bytes:
    """The whole changed file of a deflated data set; its compressed bytes are new ones."""
    meta, data_set = _split(changes)
    head = b"".join(_bytes(view, _meta_pieces(framing, meta)))
    body = b"".join(_bytes(framing.body, _data_set_pieces(framing, data_set)))
    return head + deflate(body)


def write(view: memoryview, pieces: Iterable[Piece], fd: int) -> tuple[str, int]:
    """Write the pieces of ``view`` to a descriptor: (sha256, bytes). Raises DamagedError when a
    piece lies outside of ``view``, OSError when it cannot be written."""
    digest, length = hashlib.sha256(), 0
    for part in _bytes(view, pieces):
        for start in range(0, len(part), _CHUNK):
            chunk = part[start:start + _CHUNK]
            digest.update(chunk)
            length += len(chunk)
            while chunk:
                chunk = chunk[os.write(fd, chunk):]
    return digest.hexdigest(), length


def inverse(pieces: Iterable[Piece], view: memoryview) -> tuple[Piece, ...]:
    """The pieces that make the received bytes ``view`` out of the result of ``pieces``.

    Only what the pieces left out of the received file is carried as new bytes. Raises DamagedError
    when the pieces do not take the received bytes in order.
    """
    back: list[Piece] = []
    received = made = 0
    for piece in pieces:
        if isinstance(piece, Insert):
            made += len(piece.data)
            continue
        if piece.offset < received or piece.offset + piece.length > len(view):
            raise DamagedError("the pieces do not follow the received file")
        back += [Insert(bytes(view[received:piece.offset])), Copy(made, piece.length)]
        received, made = piece.offset + piece.length, made + piece.length
    back.append(Insert(bytes(view[received:])))
    return _joined(back)


def _split(changes: Iterable[Change]) -> tuple[dict[int, bytes | None], dict[int, bytes | None]]:
    """(changes of the file meta, changes of the data set), the last one of a tag counts."""
    meta: dict[int, bytes | None] = {}
    data_set: dict[int, bytes | None] = {}
    for change in changes:
        (meta if change.tag >> 16 == 2 else data_set)[change.tag] = change.element
    return meta, data_set


def _meta_pieces(framing: Framing, changes: dict[int, bytes | None]) -> list[Piece]:
    """Everything before the data set."""
    pieces: list[Piece] = [Copy(0, framing.meta_start)]
    if framing.kind == "bare":
        pieces = [Insert(bytes(LENGTH) + PREFIX)]
    elements: dict[int, Piece] = {
        tag: Copy(place.start, place.value + place.length - place.start)
        for tag, place in framing.meta.items() if tag != GROUP_LENGTH}
    for tag, element in _missing_meta(framing).items():
        elements.setdefault(tag, Insert(element))
    for change, new in changes.items():
        if new is None:
            elements.pop(change, None)
        elif change != GROUP_LENGTH:
            elements[change] = Insert(new)
    body = [elements[tag] for tag in sorted(elements)]
    size = sum(_size(piece) for piece in body)
    return [*pieces, *_group_length(framing, size), *body]


def _group_length(framing: Framing, size: int) -> list[Piece]:
    """(0002,0000) for ``size`` bytes behind it: the received one where it is right."""
    place = framing.meta.get(GROUP_LENGTH)
    raw = size.to_bytes(4, "little")
    if place and place.vr and framing.meta_values[GROUP_LENGTH] == raw:
        return [Copy(place.start, place.value + place.length - place.start)]
    return [Insert(META.element(GROUP_LENGTH, "UL", raw))]


def _missing_meta(framing: Framing) -> dict[int, bytes]:
    """Elements that file meta must have, from what the data set says (PS3.10 7.1)."""
    values = {
        MEDIA_STORAGE_SOP_CLASS_UID: framing.value(0x00080016),
        MEDIA_STORAGE_SOP_INSTANCE_UID: framing.value(0x00080018),
        TRANSFER_SYNTAX_UID: framing.transfer_syntax_uid.encode(),
    }
    missing = {tag: META.element(tag, "UI", value.strip(b"\0 "))
               for tag, value in values.items() if value and tag not in framing.meta}
    if not framing.meta:
        missing[VERSION] = META.element(VERSION, "OB", b"\0\1")
    return missing


def _data_set_pieces(framing: Framing, changes: dict[int, bytes | None]) -> list[Piece]:
    pieces: list[Piece] = []
    groups = {tag >> 16 for tag in changes}
    waiting = sorted(tag for tag, new in changes.items() if new is not None)
    starts = framing.elements["start"].tolist()
    ends = [*starts[1:], framing.end]
    for tag, start, end in zip(framing.elements["tag"].tolist(), starts, ends, strict=True):
        while waiting and waiting[0] <= tag:
            pieces.append(Insert(changes[waiting.pop(0)] or b""))
        stale = (tag & 0xFFFF == 0 and tag >> 16 in groups) or (tag == LENGTH_TO_END and changes)
        if tag not in changes and not stale:
            pieces.append(Copy(start, end - start))
    pieces += [Insert(changes[tag] or b"") for tag in waiting]
    return pieces


def _bytes(view: memoryview, pieces: Iterable[Piece]) -> Iterator[memoryview]:
    for piece in pieces:
        if isinstance(piece, Insert):
            yield memoryview(piece.data)
        elif 0 <= piece.offset <= piece.offset + piece.length <= len(view):
            yield view[piece.offset:piece.offset + piece.length]
        else:
            raise DamagedError("a piece lies outside of the file")


def _size(piece: Piece) -> int:
    return len(piece.data) if isinstance(piece, Insert) else piece.length


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Without empty pieces, neighbours made one."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if not _size(piece):
            continue
        if isinstance(piece, Insert) and isinstance(last, Insert):
            joined[-1] = Insert(last.data + piece.data)
        elif (isinstance(piece, Copy) and isinstance(last, Copy)
              and last.offset + last.length == piece.offset):
            joined[-1] = Copy(last.offset, last.length + piece.length)
        else:
            joined.append(piece)
    return tuple(joined)
