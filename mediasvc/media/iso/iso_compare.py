"""The trees of one image side by side: do all readers see the same files? (FAULTS M32, M35)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediasvc.media.extents import identify
from mediasvc.media.iso.disc_judge import Pieces
from mediasvc.media.iso.iso_tree import IsoTree
from mediasvc.media.labels import fold, label
from mediasvc.media.page.words import Many
from mediasvc.media.tree import Tree
from mediasvc.media.troubles import Troubles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Rows:
    """The files of one or two trees in columns, shape (n,): the primary tree's first.

    ``runs`` numbers equal (offset, length) alike; ``twins`` is for each row the Joliet row with
    the same bytes, -1 where there is none or more than one.
    """

    def __init__(self, trees: list[IsoTree]) -> None:
        import numpy as np

        self._trees = trees
        self.offsets = np.concatenate([np.asarray(tree.offsets) for tree in trees])
        self.lengths = np.concatenate([np.asarray(tree.lengths) for tree in trees])
        self.runs = identify(self.offsets, self.lengths)
        self.twins = np.full(len(self.runs), -1, np.int32)
        if len(trees) > 1 and not trees[0].has_rock_ridge:
            self._find_twins(len(trees[0]))

    def __len__(self) -> int:
        return len(self.runs)

    def at(self, row: int) -> tuple[IsoTree, int]:
        """The tree of a row and the file's index in it."""
        count = len(self._trees[0])
        return (self._trees[0], row) if row < count else (self._trees[1], row - count)

    def plain(self, row: int) -> tuple[str, ...]:
        tree, at = self.at(row)
        return tree.plain.parts(at)

    def shown(self, row: int) -> tuple[str, ...]:
        """Rock Ridge names, else Joliet's for the same bytes, else the plain ones."""
        tree, at = self.at(int(self.twins[row]) if self.twins[row] >= 0 else row)
        return tree.shown.parts(at)

    def flaw(self, row: int) -> str:
        tree, at = self.at(row)
        return tree.flaws.get(at, "")

    def pieces(self, rows: NDArray[np.intp]) -> Pieces:
        import numpy as np

        return Pieces(self.offsets[rows], self.lengths[rows], np.arange(len(rows)))

    def _find_twins(self, count: int) -> None:
        import numpy as np

        per_run = np.bincount(self.runs[count:], minlength=int(self.runs.max(initial=0)) + 1)
        twin = np.full(len(per_run), -1, np.int32)
        twin[self.runs[count:]] = np.arange(count, len(self.runs))
        twin[per_run != 1] = -1
        own = np.bincount(self.runs[:count], minlength=len(per_run))
        twin[own != 1] = -1
        self.twins[:count] = np.where(self.lengths[:count] > 0, twin[self.runs[:count]], -1)


def compare(trees: list[IsoTree], rows: Rows, troubles: Troubles) -> NDArray[np.intp]:
    """The rows to take: all of the primary tree and what only the Joliet tree has."""
    import numpy as np

    count = len(trees[0])
    taken = np.arange(count)
    if len(trees) > 1:
        full = rows.lengths > 0
        first, second = rows.runs[:count], rows.runs[count:]
        only_first = np.flatnonzero(~np.isin(first, second) & full[:count])
        only_second = np.flatnonzero(~np.isin(second, first) & full[count:]) + count
        if len(only_first) or len(only_second):
            some = np.concatenate([only_first, only_second])[0]
            troubles.add("error", "iso-trees-differ", label(rows.shown(int(some))),
                         f"{Many(len(only_first)):file is|files are} only in the plain list of "
                         f"the disc and {len(only_second)} only in its Joliet list; other "
                         "programs will show other files. All of them are listed here", "M35")
        taken = np.concatenate([taken, only_second])
        _report_swapped(rows, trees[0].plain, trees[1].plain, count, troubles)
    if trees[0].has_rock_ridge:
        _report_swapped(rows, trees[0].plain, trees[0].shown, 0, troubles)
    return taken


def _report_swapped(rows: Rows, one: Tree, other: Tree, shift: int, troubles: Troubles) -> None:
    """A name that stands for other bytes in the other list. ``shift``: other's first row."""
    import numpy as np

    names, others = _hashes(one), _hashes(other)
    if not len(others):
        return
    order = np.argsort(others, kind="stable")
    place = np.searchsorted(others, names, sorter=order)
    place[place == len(others)] = 0
    at = np.flatnonzero(others[order[place]] == names)
    differ = (rows.runs[at] != rows.runs[order[place[at]] + shift]) & (rows.lengths[at] > 0)
    if differ.any():
        where = int(at[np.flatnonzero(differ)[0]])
        # without a subject: the whole package waits for a person
        troubles.add("error", "iso-trees-contradict", "",
                     f"{Many(differ.sum()):name stands|names stand} for different files in the "
                     f"lists of this disc, among them {label(one.parts(where))}; other programs "
                     "may show another "
                     "file under this name", "M35")


def _hashes(tree: Tree) -> NDArray[np.int64]:
    import numpy as np

    return np.fromiter((hash(tuple(map(fold, tree.parts(index)))) for index in range(len(tree))),
                       np.int64, len(tree))
