"""A changed file as pieces over the received one: how it is written, undone and stored."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mediasvc.direct_write import write_direct
from mediasvc.errors import DamagedError, UnsupportedError

#: Bytes of one left-out run that a plan carries along, so that it can be undone by itself.
CARRY_LIMIT = 16 << 20

_MARK = b"MSPIECE1"
_COPY = struct.Struct(">cQQ")
_INSERT = struct.Struct(">cQ")


@dataclass(frozen=True, slots=True)
class Copy:
    """``length`` bytes of the source from byte ``offset``."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Insert:
    """Bytes that the source does not have."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """``length`` bytes of the source that are left out; ``data`` is None where they are many."""

    offset: int
    length: int
    data: bytes | None


Piece = Copy | Insert | Cut


def assemble(view: memoryview, pieces: Iterable[Piece]) -> Iterator[memoryview]:
    """The result, part by part. Raises DamagedError when a piece lies outside of ``view``."""
    for piece in pieces:
        if isinstance(piece, Insert):
            yield memoryview(piece.data)
        elif isinstance(piece, Copy):
            if not 0 <= piece.offset <= piece.offset + piece.length <= len(view):
                raise DamagedError("a piece lies outside of the file")
            yield view[piece.offset:piece.offset + piece.length]


def write(view: memoryview, pieces: Iterable[Piece], fd: int) -> tuple[str, int]:
    """Write the result to a descriptor of an empty file: (sha256, bytes written).

    Raises DamagedError when a piece lies outside of ``view``, OSError when writing fails.
    """
    return write_direct(fd, assemble(view, pieces))


def inverse(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The pieces that make the source again out of the result of ``pieces``.

    ``pieces`` must account for every byte of the source in order, as those of `splice.plan` do.
    Raises DamagedError when they do not, UnsupportedError when what was left out is too large to
    have been carried along.
    """
    back: list[Piece] = []
    source = made = 0
    for piece in pieces:
        if isinstance(piece, Insert):
            back.append(Cut(made, len(piece.data), piece.data))
            made += len(piece.data)
            continue
        if piece.offset != source:
            raise DamagedError("the pieces do not follow the file")
        source += piece.length
        if isinstance(piece, Copy):
            back.append(Copy(made, piece.length))
            made += piece.length
        elif piece.data is None:
            raise UnsupportedError("too much was left out to be undone from the pieces alone")
        else:
            back.append(Insert(piece.data))
    return joined(back)


def size(piece: Piece) -> int:
    """Bytes that a piece adds to the result."""
    if isinstance(piece, Cut):
        return 0
    return len(piece.data) if isinstance(piece, Insert) else piece.length


def joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Without empty pieces, neighbours that belong together made one."""
    row: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Copy):
            last = row[-1] if row else None
            if not piece.length:
                continue
            if isinstance(last, Copy) and last.offset + last.length == piece.offset:
                row[-1] = Copy(last.offset, last.length + piece.length)
                continue
        elif isinstance(piece, Insert):
            last = row[-1] if row else None
            if not piece.data:
                continue
            if isinstance(last, Insert):
                row[-1] = Insert(last.data + piece.data)
                continue
        elif not piece.length:
            continue
        row.append(piece)
    return tuple(row)


def pack(pieces: Iterable[Piece]) -> bytes:
    """The pieces as bytes, for the store. What was left out is left out here too, so unpacked
    pieces make the result but cannot be inverted."""
    parts = [_MARK]
    for piece in pieces:
        if isinstance(piece, Copy):
            parts.append(_COPY.pack(b"C", piece.offset, piece.length))
        elif isinstance(piece, Insert):
            parts += [_INSERT.pack(b"I", len(piece.data)), piece.data]
    return b"".join(parts)


def unpack(packed: bytes) -> tuple[Piece, ...]:
    """The inverse of `pack`. Raises DamagedError for anything else."""
    if not packed.startswith(_MARK):
        raise DamagedError("these are no packed pieces")
    pieces: list[Piece] = []
    at = len(_MARK)
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
