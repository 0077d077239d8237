"""Fragments and offset tables of encapsulated pixel data (PS3.5 A.4; Extended Offset Table PS3.3
C.7.6.3.1.8)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from mediasvc.errors import DamagedError
from mediasvc.model import Finding

ITEM_HEADER = struct.Struct("<HHI")
ITEM, SEQUENCE_DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
DELIMITER = ITEM_HEADER.pack(*SEQUENCE_DELIMITER, 0)
#: The largest offset of a Basic Offset Table; beyond it stands the Extended one.
BASIC_LIMIT = 0xFFFFFFFF

Place = tuple[int, int]
"""(position, length) of bytes in a body."""


@dataclass(frozen=True, slots=True)
class Encapsulated:
    """Frames as runs of fragments. ``how`` says what they were found by: ``extended``, ``basic``,
    ``one`` (fragment per frame), ``single`` (frame) or ``marks`` (first bytes of each frame)."""

    frames: tuple[tuple[Place, ...], ...] = field(repr=False)
    how: str
    findings: tuple[Finding, ...] = ()


def group_fragments(body: memoryview, table: Place, fragments: Sequence[Place], count: int, *,
                    extended: tuple[bytes, bytes] | None = None, mark: bytes = b"",
                    ) -> Encapsulated:
    """The fragments of each of ``count`` frames.

    ``table`` is the Basic Offset Table item, ``extended`` the values of (7FE0,0001) and
    (7FE0,0002), ``mark`` how a frame of this transfer syntax begins (empty where it has no mark or
    a frame must be one fragment). A table that contradicts the fragments is not believed, and a
    finding says so. Raises DamagedError when the frames cannot be told apart.
    """
    findings: list[Finding] = []
    if extended is not None:
        grouped = _by_extended(fragments, count, *extended)
        if grouped:
            return Encapsulated(grouped, "extended")
        findings.append(_wrong("Extended Offset Table", "C.7.6.3.1.8"))
    if table[1]:
        grouped = _by_basic(body, table, fragments, count)
        if grouped:
            return Encapsulated(grouped, "basic", tuple(findings))
        findings.append(_wrong("Basic Offset Table", "PS3.5 A.4"))
    if len(fragments) == count:
        return Encapsulated(tuple((place,) for place in fragments), "one", tuple(findings))
    if count == 1 and fragments:
        return Encapsulated((tuple(fragments),), "single", tuple(findings))
    if mark and len(fragments) > count:
        grouped = _by_marks(body, fragments, mark)
        if len(grouped) == count:
            return Encapsulated(grouped, "marks", tuple(findings))
    raise DamagedError(f"{len(fragments)} fragments cannot be told apart into {count} frames")


def _by_extended(fragments: Sequence[Place], count: int, offsets: bytes, lengths: bytes,
                 ) -> tuple[tuple[Place, ...], ...]:
    """One fragment per frame, its true length without padding; empty when the tables are wrong."""
    if len(offsets) != 8 * count or len(lengths) != 8 * count or not fragments:
        return ()
    starts = {position - fragments[0][0]: (position, length) for position, length in fragments}
    frames = []
    for offset, length in zip(struct.unpack(f"<{count}Q", offsets), struct.unpack(f"<{count}Q",
                                                                                  lengths),
                              strict=True):
        place = starts.get(offset)
        if place is None or not place[1] - 1 <= length <= place[1]:
            return ()
        frames.append(((place[0], length),))
    return tuple(frames)


def _by_basic(body: memoryview, table: Place, fragments: Sequence[Place], count: int,
              ) -> tuple[tuple[Place, ...], ...]:
    """Empty when the table is wrong."""
    if table[1] != 4 * count or not fragments:
        return ()
    offsets = struct.unpack_from(f"<{count}I", body, table[0])
    first = fragments[0][0]
    numbers = {position - first: number for number, (position, _) in enumerate(fragments)}
    starts = [numbers.get(offset, -1) for offset in offsets]
    if starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
        return ()
    bounds = [*starts, len(fragments)]
    return tuple(tuple(fragments[a:b]) for a, b in pairwise(bounds))


def _by_marks(body: memoryview, fragments: Sequence[Place], mark: bytes,
              ) -> tuple[tuple[Place, ...], ...]:
    frames: list[list[Place]] = []
    for position, length in fragments:
        if bytes(body[position:position + len(mark)]) == mark or not frames:
            frames.append([])
        frames[-1].append((position, length))
    return tuple(tuple(frame) for frame in frames)


def _wrong(name: str, rule: str) -> Finding:
    return Finding("warning", "offset-table-wrong", "",
                   f"The {name} does not fit the frames; they were found without it", rule)


def item(data: bytes) -> bytes:
    """One fragment, padded to even length."""
    return ITEM_HEADER.pack(*ITEM, len(data) + len(data) % 2) + data + b"\0" * (len(data) % 2)


def offset_tables(lengths: Sequence[int]) -> tuple[bytes, tuple[bytes, bytes] | None]:
    """For one fragment per frame of these lengths: the Basic Offset Table item, and the values of
    the Extended Offset Table and its lengths where 32 bits do not reach (then it is empty)."""
    offsets, at = [], 0
    for length in lengths:
        offsets.append(at)
        at += ITEM_HEADER.size + length + length % 2
    if not offsets or offsets[-1] <= BASIC_LIMIT:
        return item(struct.pack(f"<{len(offsets)}I", *offsets)), None
    return item(b""), (struct.pack(f"<{len(offsets)}Q", *offsets),
                       struct.pack(f"<{len(offsets)}Q", *lengths))
