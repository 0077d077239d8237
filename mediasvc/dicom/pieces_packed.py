"""Pieces as bytes, for the store: a mark, then one record for each piece, numbers big endian."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from mediasvc.dicom.splice import Copy, Insert, Piece
from mediasvc.errors import DamagedError

MARK = b"MSPIECE1"
_COPY = struct.Struct(">cQQ")
_INSERT = struct.Struct(">cQ")


def pack(pieces: Iterable[Piece]) -> bytes:
    parts = [MARK]
    for piece in pieces:
        if isinstance(piece, Copy):
            parts.append(_COPY.pack(b"C", piece.offset, piece.length))
        else:
            parts += [_INSERT.pack(b"I", len(piece.data)), piece.data]
    return b"".join(parts)


def unpack(packed: bytes) -> tuple[Piece, ...]:
    """The inverse of `pack`. Raises DamagedError for anything else."""
    if not packed.startswith(MARK):
        raise DamagedError("these are no packed pieces")
    pieces: list[Piece] = []
    at = len(MARK)
    try:
        while at < len(packed):
            if packed[at:at + 1] == b"C":
                _, offset, length = _COPY.unpack_from(packed, at)
                pieces.append(Copy(offset, length))
                at += _COPY.size
                continue
            kind, length = _INSERT.unpack_from(packed, at)
            at += _INSERT.size
            if kind != b"I" or length > len(packed) - at:
                raise DamagedError("the packed pieces are damaged")
            pieces.append(Insert(packed[at:at + length]))
            at += length
    except struct.error:
        raise DamagedError("the packed pieces are cut short") from None
    return tuple(pieces)
