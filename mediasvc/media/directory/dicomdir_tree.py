"""From offsets to a tree (PS3.3 F.2.2, F.3.2.2; faults M04-M06).

Offsets are believed in this order: exactly; all off by the same number of bytes (a directory that
was edited after writing); not at all, then the order of the records decides. Every record is
placed once, so a loop ends where it closes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import MutableSequence
from dataclasses import dataclass, field

from mediasvc.media.directory.directory_items import Items

#: How far all offsets may be off, and how many of them are asked.
SHIFT_WINDOW = 4096
SHIFT_SAMPLE = 32
#: Fewer agreeing offsets than this are chance.
SHIFT_VOTES = 3
ROOT = -1


@dataclass(slots=True)
class Tree:
    """``parents[i]`` of node i (ROOT for none) and ``order``, parents before children; then how
    much had to be repaired. ``adopted``: orphans; ``refused``: (node that points, node that it
    points at, whether that closes a loop)."""

    parents: MutableSequence[int]
    order: MutableSequence[int] = field(default_factory=lambda: array("I"))
    shift: int = 0
    unresolved: int = 0
    looped: int = 0
    misplaced: int = 0
    orphans: int = 0
    pointers: int = 0
    adopted: list[int] = field(default_factory=list)
    refused: list[tuple[int, int, bool]] = field(default_factory=list)


def resolve(nodes: Items, first: int, last: int) -> Tree:
    """Place every node. Linear in the number of nodes; never raises, never recurses."""
    return _Resolver(nodes, first, last).run()


class _Resolver:
    def __init__(self, nodes: Items, first: int, last: int) -> None:
        self.nodes = nodes
        self.first = first
        self.tree = Tree(array("i", [ROOT]) * len(nodes))
        self.placed = bytearray(len(nodes))
        self.pointers = array("Q", filter(None, (first, last)))
        for pair in zip(nodes.next, nodes.lower, strict=True):
            self.pointers.extend(filter(None, pair))
        self.shifts = self._shifts()

    def run(self) -> Tree:
        tree = self.tree
        tree.pointers = len(self.pointers)
        self._descend(self._root(), ROOT)
        # Records that no placed record leads to, chain heads before the middle of chains.
        for heads_only in (True, False):
            led_to = self._led_to() if heads_only else set()
            self._adopt(led_to)
        return tree

    def _shifts(self) -> tuple[int, ...]:
        """What may be added to an offset to make it point at a record, likeliest first."""
        lost = array("Q", (p for p in self.pointers if self.nodes.find(p) is None))
        if len(lost) < SHIFT_VOTES:
            return (0,)
        offsets = self.nodes.offsets
        votes: Counter[int] = Counter()
        for pointer in lost[::max(1, len(lost) // SHIFT_SAMPLE)]:
            low = bisect_left(offsets, pointer - SHIFT_WINDOW)
            high = bisect_right(offsets, pointer + SHIFT_WINDOW)
            votes.update(offset - pointer for offset in offsets[low:high])
        if not votes:
            return (0,)
        shift = max(votes, key=lambda k: (votes[k], -abs(k)))
        agreeing = sum(self.nodes.find(p + shift) is not None for p in lost)
        if agreeing < SHIFT_VOTES or agreeing * 2 < len(lost):
            return (0,)
        self.tree.shift = shift
        return (shift, 0) if agreeing * 2 > len(self.pointers) else (0, shift)

    def _root(self) -> int | None:
        """The first root record, unless it is plainly a record from inside the tree."""
        start = self._target(self.first)
        if start is not None and self.nodes.level(start) and start in self._led_to():
            self.tree.misplaced += 1
            return None
        return start

    def _target(self, pointer: int) -> int | None:
        if not pointer:
            return None
        for shift in self.shifts:
            found = self.nodes.find(pointer + shift)
            if found is not None:
                return found
        return None

    def _descend(self, start: int | None, parent: int) -> None:
        """Place ``start``, its siblings and all below, without recursion."""
        waiting: list[tuple[int | None, int, int]] = [(start, parent, ROOT)]
        nodes, placed, tree = self.nodes, self.placed, self.tree
        while waiting:
            at, parent, before = waiting.pop()
            while at is not None:
                looped = bool(placed[at])
                if looped or not self._fits(at, parent, before):
                    tree.looped += looped
                    tree.misplaced += not looped
                    tree.refused.append((parent if before == ROOT else before, at, looped))
                    break
                placed[at] = True
                tree.parents[at] = parent
                tree.order.append(at)
                following = self._follow(nodes.next[at])
                below = self._follow(nodes.lower[at])
                if below is None:
                    before, at = at, following
                else:
                    waiting.append((following, parent, at))
                    parent, before, at = at, ROOT, below

    def _follow(self, pointer: int) -> int | None:
        target = self._target(pointer)
        self.tree.unresolved += bool(pointer) and target is None
        return target

    def _fits(self, at: int, parent: int, before: int) -> bool:
        """A lower record is of a lower level; siblings share theirs (Table F.4-1)."""
        level = self.nodes.level(at)
        if level is None:
            return True
        above = self.nodes.level(parent) if parent != ROOT else None
        beside = self.nodes.level(before) if before != ROOT else None
        return (above is None or level > above) and beside in (None, level)

    def _led_to(self) -> set[int]:
        """Records that an unplaced record points at: they follow when it is placed."""
        found: set[int] = set()
        for i in range(len(self.nodes)):
            if not self.placed[i]:
                for target in (self._target(self.nodes.next[i]),
                               self._target(self.nodes.lower[i])):
                    if target is not None and target != i:
                        found.add(target)
        return found

    def _adopt(self, led_to: set[int]) -> None:
        """Give records without a parent the last record of the level above that precedes them."""
        latest: dict[int, int] = {}
        for i in range(len(self.nodes)):
            level, loose = self.nodes.level(i), self.nodes.loose(i)
            if not self.placed[i] and i not in led_to:
                parent = ROOT
                if level is None:
                    parent = max(latest.values(), default=ROOT)
                elif level:
                    above = [at for upper, at in latest.items() if upper < level]
                    parent = max(above, default=ROOT)
                if not loose:
                    self.tree.orphans += 1
                    self.tree.adopted.append(i)
                self._descend(i, ROOT if loose else parent)
            if level is not None:
                latest = {upper: at for upper, at in latest.items() if upper < level}
                latest[level] = i
