"""An ISO 9660 image as a container: each file a run of bytes in the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediasvc.media.extents import overlapping
from mediasvc.media.iso9660 import PRIMARY, Volume, read_volumes
from mediasvc.media.iso_compare import Rows, compare
from mediasvc.media.iso_session import last_session
from mediasvc.media.iso_tree import IsoTree
from mediasvc.media.labels import hides_something, label, refusal
from mediasvc.media.member import Context, Entry
from mediasvc.media.window import Window
from mediasvc.span import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class IsoPackage:
    """Members of the primary tree and, where the Joliet tree holds more, of that one too."""

    def __init__(self, window: Window, context: Context) -> None:
        self._window, self._context = window, context
        limits, troubles = context.budget.limits, context.troubles
        volumes = read_volumes(window, last_session(window, troubles))
        primary = next(volume for volume in volumes if volume.kind == PRIMARY)
        joliet = [volume for volume in volumes if volume.joliet]
        self._trees = [IsoTree(window, volume, limits, troubles)
                       for volume in (primary, *joliet[-1:])]
        self._rows = Rows(self._trees)
        self._taken = self._judge(compare(self._trees, self._rows, troubles))
        context.budget.enter(len(self._taken))
        self._check_end(primary)

    def __len__(self) -> int:
        return len(self._taken)

    def entry(self, index: int) -> Entry:
        row = int(self._taken[index])
        return Entry(self._rows.plain(row), self._rows.shown(row), int(self._rows.lengths[row]),
                     int(self._rows.offsets[row]))

    def span(self, index: int) -> Span:
        row = int(self._taken[index])
        return self._window.span(int(self._rows.offsets[row]), int(self._rows.lengths[row]))

    def unchanged(self, index: int) -> bool:
        return self._window.unchanged()

    def close(self) -> None:
        self._window.close()

    def _judge(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """The rows that may become members, in disc order; a finding for each of the others."""
        import numpy as np

        offsets, lengths = self._rows.offsets, self._rows.lengths
        rows = rows[np.argsort(offsets[rows], kind="stable")]
        outside = (offsets[rows] + lengths[rows] > self._window.length) & (lengths[rows] > 0)
        self._cut = bool(outside.any())
        clash = self._clashes(rows, outside)
        kept = np.zeros(len(rows), bool)
        for at, row in enumerate(rows.tolist()):
            kept[at] = self._admit(row, bool(outside[at]), bool(clash[at]))
        return rows[kept]

    def _clashes(self, rows: NDArray[np.intp], outside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Files that share some but not all of their bytes with another one."""
        import numpy as np

        runs, first, again = np.unique(self._rows.runs[rows], return_index=True,
                                       return_inverse=True)
        starts = self._rows.offsets[rows][first]
        ends = starts + self._rows.lengths[rows][first]
        ends[outside[first]] = starts[outside[first]]
        full = self._rows.lengths[rows] > 0
        twice = np.bincount(again[full], minlength=len(runs)) > 1
        if twice.any():
            some = int(rows[first[np.flatnonzero(twice)[0]]])
            self._context.troubles.add(
                "warning", "iso-shared-extent", label(self._rows.shown(some)),
                f"{int(np.isin(again[full], np.flatnonzero(twice)).sum())} names stand for the "
                "same bytes as another name", "M32")
        clash: NDArray[np.bool_] = overlapping(starts, ends)[again]
        return clash

    def _admit(self, row: int, outside: bool, clashes: bool) -> bool:
        troubles, budget = self._context.troubles, self._context.budget
        shown, length = self._rows.shown(row), int(self._rows.lengths[row])
        if self._context.ignore(shown):
            troubles.tally("info", "ignored-files", label(shown),
                           "{n} files that operating systems leave behind were passed over", "M36")
            return False
        if refused := self._refusal(row, outside, clashes):
            troubles.refuse(refused[0], label(shown), *refused[1:])
            return False
        if hides_something(shown):
            troubles.tally("warning", "odd-names", label(shown),
                           "{n} names hold characters that cannot be shown; they are written out",
                           "M13")
        budget.announce(length)
        return True

    def _refusal(self, row: int, outside: bool, clashes: bool) -> tuple[str, str, str] | None:
        """(code, words, rule) for a file that may not enter."""
        tree, at = self._rows.at(row)
        budget = self._context.budget
        if flaw := tree.flaws.get(at):
            return "not-a-file", flaw, "M02"
        for parts in (self._rows.plain(row), self._rows.shown(row)):
            if named := refusal(parts, budget.limits.depth):
                return "name-refused", *named
        if outside:
            return "extent-outside", "its bytes lie past the end of the image", "M31"
        if clashes:
            return "extents-overlap", "some of its bytes belong to another file too", "M32"
        if budget.too_long(int(self._rows.lengths[row])):
            return "too-long", f"it is longer than {budget.limits.member_bytes} bytes", "M37"
        return None

    def _check_end(self, primary: Volume) -> None:
        """Is the image as long as it says, and if not, is anything of it lost? (M30)"""
        missing = primary.space - self._window.length
        if self._cut:
            self._context.troubles.add(
                "error", "iso-truncated", "", "the disc image ends too early; files are cut off. "
                "Copy the disc again", "M30")
        elif missing > 0:
            self._context.troubles.add(
                "warning", "iso-short", "", f"the disc image is {missing} bytes shorter than it "
                "says; every file that it lists is whole", "M30")
