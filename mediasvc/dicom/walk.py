"""The framing walker: where every top-level element of a data set lies (PS3.5 7).

It never recurses, never allocates by a length that the data claim, and looks into sequences only
to see that their lengths and delimiters hold together. `walk` runs the compiled kernel;
`mediasvc.dicom.walk_reference.walk` is the plain twin that must give the same result.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediasvc.dicom import walk_codes as codes

_FIRST_ROWS = 512
#: Columns of the kernel's limits, and its table of problems when there are none.
_BOUNDS, _NONE = codes.HOW + 1, bytes(8 * 3 * codes.CODES)
_mine = threading.local()


@dataclass(frozen=True, slots=True)
class Limits:
    """``depth`` of nested sequences (the deepest real data sets stay below 12), ``total`` elements,
    items and delimiters on all levels (20,000 frames of functional groups have 1.3 million),
    ``few`` elements at top level (real data sets have hundreds)."""

    depth: int = 32
    total: int = 2_000_000
    few: int = 65_536


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Problem:
    """``count`` times ``code`` of `walk_codes`, first at byte ``position`` in element ``tag``
    (-1 where there is no tag to read)."""

    code: int
    count: int
    position: int
    tag: int


@dataclass(frozen=True, slots=True)
class Walk:
    """What the walk found.

    ``elements``: top-level elements in file order, dtype `walk_codes.ROW`; ``length`` counts the
    value's bytes, for undefined length up to and including the delimiter, 0 for one that never
    ends. ``verdict`` is OK or the code that ended the walk early; ``end`` is where it ended.
    ``count`` and ``fragments`` are of all levels.
    """

    elements: NDArray[np.void]
    verdict: int
    end: int
    count: int
    fragments: int
    problems: tuple[Problem, ...]


def walk(data: bytes | memoryview, start: int, end: int, *, implicit: bool, big_endian: bool,
         limits: Limits = DEFAULT_LIMITS) -> Walk:
    """Walk ``data[start:end]``; any bytes give a result, none raise."""
    from mediasvc.dicom.walk_kernel import walk as kernel

    array = np.frombuffer(data, np.uint8) if len(data) else np.empty(0, np.uint8)
    room = _room()
    while True:
        room.numbers[:] = 0
        room.bounds[:] = limits.depth, limits.total, limits.few, 0, end, codes.FULL
        kernel(array, start, int(implicit), int(big_endian), room.bounds, room.rows, room.problems,
               room.state)
        verdict, stopped, found, count, fragments, *_ = room.state.tolist()
        if found <= len(room.rows):
            break
        room = _Room(found)
    # A third of the time of `copy().view()`; the header kernel takes no readonly rows.
    elements = np.frombuffer(bytearray(room.rows[:found].tobytes()), codes.ROW)
    return Walk(elements, verdict, stopped, count, fragments, _problems(room.problems))


class _Room:
    """What the kernel writes to. Each thread keeps one: new pages cost as much as a walk."""

    def __init__(self, rows: int = _FIRST_ROWS) -> None:
        self.rows = np.empty(rows, codes.KERNEL_ROW)
        self.numbers = np.empty(_BOUNDS + codes.STATES + 3 * codes.CODES, np.int64)
        self.bounds, self.state, problems = np.split(
            self.numbers, [_BOUNDS, _BOUNDS + codes.STATES])
        self.problems = problems.reshape(codes.CODES, 3)


def _room() -> _Room:
    if not hasattr(_mine, "room"):
        _mine.room = _Room()
    room: _Room = _mine.room
    return room


def _problems(table: NDArray[np.int64]) -> tuple[Problem, ...]:
    if table.tobytes() == _NONE:
        return ()
    return tuple(Problem(code, *row) for code, row in enumerate(table.tolist()) if row[0])
