"""Things of known sizes into the fewest boxes: exact for as many as an order has in practice.

First fit in the given order is kept where nothing needs fewer boxes, so that studies stay in
reading order. Otherwise every way that can still be better is tried, largest thing first (Martello
and Toth, Knapsack Problems, chapter 8), within a bounded number of steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

#: Steps of the search: below a second, and enough for any dozen of things.
STEPS = 50_000
#: More things are only sorted: then a box too many is rare, and small against all of them.
SEARCHED = 200


def fewest(sizes: Sequence[int], room: int) -> list[list[int]]:
    """Numbers of the things in each box, both ascending. Every size must be at most ``room``."""
    least = -(-sum(sizes) // room) if room else len(sizes)
    boxes = first_fit(sizes, range(len(sizes)), room)
    if len(boxes) > least:
        largest_first = sorted(range(len(sizes)), key=lambda at: -sizes[at])
        boxes = min(boxes, first_fit(sizes, largest_first, room), key=len)
        if len(boxes) > least and len(sizes) <= SEARCHED:
            boxes = _Search(sizes, largest_first, room, boxes, least).best()
    return sorted(sorted(box) for box in boxes)


def first_fit(sizes: Sequence[int], order: Sequence[int], room: int) -> list[list[int]]:
    """Each thing into the first box that still takes it."""
    boxes: list[list[int]] = []
    left: list[int] = []
    for at in order:
        number = next((n for n, free in enumerate(left) if sizes[at] <= free), len(boxes))
        if number == len(boxes):
            boxes.append([])
            left.append(room)
        boxes[number].append(at)
        left[number] -= sizes[at]
    return boxes


@dataclass(slots=True)
class _Search:
    sizes: Sequence[int]
    order: Sequence[int]
    room: int
    found: list[list[int]]
    least: int
    steps: int = 0
    boxes: list[list[int]] = field(default_factory=list)
    left: list[int] = field(default_factory=list)

    def best(self) -> list[list[int]]:
        self._place(0, sum(self.sizes))
        return self.found

    def _place(self, number: int, waiting: int) -> None:
        """Put the ``number``-th anywhere; ``waiting``: sizes of it and of those behind."""
        self.steps += 1
        if number == len(self.order):
            if len(self.boxes) < len(self.found):
                self.found = [list(box) for box in self.boxes]
            return
        more = -(-max(0, waiting - sum(self.left)) // self.room)
        if (self.steps > STEPS or len(self.found) == self.least
                or len(self.boxes) + more >= len(self.found)):
            return
        at = self.order[number]
        size, tried = self.sizes[at], set[int]()
        for box, free in enumerate(self.left):
            if size <= free and free not in tried:  # boxes with the same room are the same
                tried.add(free)
                self.boxes[box].append(at)
                self.left[box] -= size
                self._place(number + 1, waiting - size)
                self.left[box] += size
                self.boxes[box].pop()
        if len(self.boxes) + 1 < len(self.found):
            self.boxes.append([at])
            self.left.append(self.room - size)
            self._place(number + 1, waiting - size)
            self.left.pop()
            self.boxes.pop()
