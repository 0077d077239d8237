"""Mapped files that are gone through once: pages that were used are given back.

They are the kernel's to take anyway, but until it does they count as this process's memory.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator

import numpy as np

#: Bytes after which pages are given back.
STEP = 16 << 20


def in_steps(parts: Iterable[memoryview]) -> Iterator[memoryview]:
    """The same bytes in steps; each is given back when the next is asked for."""
    for part in parts:
        if len(part) <= STEP and not isinstance(part.obj, mmap.mmap):
            yield part
            continue
        for at in range(0, len(part), STEP):
            step = part[at:at + STEP]
            yield step
            give_back(step)


def give_back(view: bytes | memoryview) -> None:
    """Nothing happens to what is not mapped; who looks at the bytes again finds them."""
    owner = view.obj if isinstance(view, memoryview) else None
    if not isinstance(owner, mmap.mmap) or not len(view):
        return
    at = _address(view) - _address(owner)
    start = at - at % mmap.PAGESIZE
    owner.madvise(mmap.MADV_DONTNEED, start, at + len(view) - start)


def _address(view: memoryview | bytes | mmap.mmap) -> int:
    return int(np.frombuffer(view, np.uint8).ctypes.data)
