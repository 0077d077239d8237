"""Pieces turned around with both files at hand, and pieces over pieces.

Two versions of an instance differ from the received file, each in its own way; this makes one out
of the other without writing the third.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from mediasvc.dicom.pieces import Copy, Cut, Insert, Piece, joined, size
from mediasvc.errors import DamagedError


def turned(view: memoryview, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """``pieces`` make a file out of ``view``; returned are those that make ``view`` out of it.

    Raises DamagedError when the pieces do not follow ``view`` in order.
    """
    back: list[Piece] = []
    at = made = 0
    for piece in pieces:
        if isinstance(piece, Copy):
            if piece.offset < at:
                raise DamagedError("the pieces do not follow the file")
            back += [Insert(bytes(view[at:piece.offset])), Copy(made, piece.length)]
            at = piece.offset + piece.length
        made += size(piece)
    back.append(Insert(bytes(view[at:])))
    return joined(back)


def chained(outer: Sequence[Piece], inner: Sequence[Piece]) -> tuple[Piece, ...]:
    """``inner`` make B out of C, ``outer`` make A out of B; returned are those of A out of C."""
    parts = [piece for piece in inner if not isinstance(piece, Cut)]
    starts = [0, *accumulate(map(size, parts))]
    result: list[Piece] = []
    for piece in outer:
        if isinstance(piece, Insert):
            result.append(piece)
        elif isinstance(piece, Copy):
            result += _between(parts, starts, piece.offset, piece.offset + piece.length)
    return joined(result)


def _between(parts: Sequence[Piece], starts: Sequence[int], first: int, last: int,
             ) -> Iterator[Piece]:
    """The bytes from ``first`` to ``last`` of what ``parts`` make."""
    if not 0 <= first <= last <= starts[-1]:
        raise DamagedError("a piece lies outside of the file")
    at = bisect_right(starts, first) - 1
    while first < last:
        part, skip = parts[at], first - starts[at]
        length = min(last, starts[at + 1]) - first
        if isinstance(part, Insert):
            yield Insert(part.data[skip:skip + length])
        elif isinstance(part, Copy):
            yield Copy(part.offset + skip, length)
        first += length
        at += 1
