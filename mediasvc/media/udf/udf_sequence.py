"""Where a UDF volume says what it is: anchors and volume descriptor sequences (ECMA-167 3/8.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mediasvc.errors import DamagedError
from mediasvc.media.udf.udf_descriptors import Descriptor, parse_descriptor
from mediasvc.media.udf.udf_tables import (
    ANCHOR,
    LOGICAL_VOLUME,
    PARTITION,
    POINTER,
    PRIMARY,
    TERMINATING,
)
from mediasvc.media.window import Window

#: Block sizes in order of likelihood: discs, USB sticks, hard disks of 4 KiB, oddities.
BLOCK_SIZES = (2048, 512, 4096, 1024)
#: Blocks of one sequence and pointers from one to the next that are followed.
SEQUENCE_LIMIT, POINTER_LIMIT = 512, 16


@dataclass(slots=True)
class Sequence:
    """The prevailing descriptors of a sequence: of each kind the one numbered highest (3/8.4.2).

    ``partitions`` by partition number. ``block`` is the block size in bytes.
    """

    block: int
    logical: Descriptor
    primary: Descriptor | None = None
    partitions: dict[int, Descriptor] = field(default_factory=dict)


def read_sequence(window: Window) -> tuple[Sequence, bool]:
    """The volume of the first anchor that leads to one, and whether it took a second way.

    Anchors stand at two of block 256, the last block, and 256 before it (UDF 2.2.3); at 512 on
    discs that were not closed. Raises DamagedError when none leads to a logical volume.
    """
    tried = 0
    for block in BLOCK_SIZES:
        for anchor in _anchors(window, block):
            for name in ("main", "reserve"):
                found = _prevailing(window, block, anchor.field(name),
                                    anchor.field(f"{name}_length"))
                if found is not None:
                    return found, tried > 0
                tried += 1
    raise DamagedError("the disc image has no UDF volume that can be read")


def _anchors(window: Window, block: int) -> Iterator[Descriptor]:
    last = window.length // block - 1
    for place in dict.fromkeys((256, last, last - 256, 512)):
        found = _descriptor(window, place, block) if place > 0 else None
        if found is not None and found.identifier == ANCHOR and found.location == place:
            yield found


def _descriptor(window: Window, number: int, block: int) -> Descriptor | None:
    try:
        return parse_descriptor(window.head(number * block, block), number * block)
    except DamagedError:
        return None


def _prevailing(window: Window, block: int, start: int, length: int) -> Sequence | None:
    """The sequence at ``start``; None when it holds no logical volume of this block size."""
    best: dict[tuple[int, int], Descriptor] = {}
    for found in _sequence(window, block, start, length):
        number = found.field("number") if found.identifier == PARTITION else 0
        known = best.get((found.identifier, number))
        if known is None or found.field("sequence") >= known.field("sequence"):
            best[found.identifier, number] = found
    logical = best.get((LOGICAL_VOLUME, 0))
    if logical is None or logical.field("block") != block:
        return None
    return Sequence(block, logical, best.get((PRIMARY, 0)),
                    {number: found for (kind, number), found in best.items() if kind == PARTITION})


def _sequence(window: Window, block: int, start: int, length: int) -> Iterator[Descriptor]:
    """Primary, partition and logical volume descriptors, over all pointers (3/8.4.2)."""
    for _ in range(POINTER_LIMIT):
        following = None
        for number in range(start, start + min(length // block, SEQUENCE_LIMIT)):
            found = _descriptor(window, number, block)
            if found is None or found.identifier == TERMINATING:
                break
            if found.identifier == POINTER:
                following = found
            elif found.identifier in (PRIMARY, PARTITION, LOGICAL_VOLUME):
                yield found
        if following is None:
            return
        start, length = following.field("next"), following.field("next_length")
