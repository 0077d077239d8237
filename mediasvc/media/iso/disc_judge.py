"""Which files of a disc image may become members, and why the others may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mediasvc.media.extents import identify, overlapping
from mediasvc.media.labels import label, refusal
from mediasvc.media.member import Context
from mediasvc.media.page.words import Many
from mediasvc.media.udf.udf_tables import NO_FILES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class DiscRows(Protocol):
    """The files of a disc image in columns, shape (n,). ``offsets`` are of their first bytes."""

    offsets: NDArray[np.uint64]
    lengths: NDArray[np.uint64]

    def plain(self, row: int) -> tuple[str, ...]: ...

    def shown(self, row: int) -> tuple[str, ...]: ...

    def flaw(self, row: int) -> str:
        """Why the file cannot be read plainly, in words; empty for most."""
        ...

    def pieces(self, rows: NDArray[np.intp]) -> Pieces:
        """Where the bytes of ``rows`` lie, a file in several pieces having several."""
        ...


class Pieces:
    """Runs of bytes with the place in a list of rows that each belongs to, shape (n,)."""

    def __init__(self, offsets: NDArray[np.uint64], lengths: NDArray[np.uint64],
                 owners: NDArray[np.intp]) -> None:
        self.offsets, self.lengths, self.owners = offsets, lengths, owners


class DiscJudge:
    """Judges rows one by one; ``cut`` afterwards says whether any reaches past the image.

    ``kind`` begins the codes of findings: iso or udf.
    """

    def __init__(self, rows: DiscRows, image_length: int, context: Context, kind: str) -> None:
        self._rows, self._length, self._context, self._kind = rows, image_length, context, kind
        self.cut = False

    def judge(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """The rows that may become members, in disc order; a finding for each of the others."""
        import numpy as np

        rows = rows[np.argsort(self._rows.offsets[rows], kind="stable")]
        pieces = self._rows.pieces(rows)
        past = (pieces.offsets + pieces.lengths > self._length) & (pieces.lengths > 0)
        self.cut = bool(past.any())
        outside, clash = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
        outside[pieces.owners[past]] = True
        clash[pieces.owners[self._clashes(rows, pieces, past)]] = True
        kept = np.zeros(len(rows), bool)
        for at, row in enumerate(rows.tolist()):
            kept[at] = self._admit(row, bool(outside[at]), bool(clash[at]))
        return rows[kept]

    def _clashes(self, rows: NDArray[np.intp], pieces: Pieces, past: NDArray[np.bool_],
                 ) -> NDArray[np.bool_]:
        """Pieces that share some but not all of their bytes with another one."""
        import numpy as np

        runs, first, again = np.unique(identify(pieces.offsets, pieces.lengths),
                                       return_index=True, return_inverse=True)
        starts = pieces.offsets[first]
        ends = starts + pieces.lengths[first]
        ends[past[first]] = starts[past[first]]
        full = pieces.lengths > 0
        twice = np.bincount(again[full], minlength=len(runs)) > 1
        if twice.any():
            some = int(rows[pieces.owners[first[np.flatnonzero(twice)[0]]]])
            names = np.unique(pieces.owners[full][np.isin(again[full], np.flatnonzero(twice))])
            self._context.troubles.add(
                "warning", f"{self._kind}-shared-extent", label(self._rows.shown(some)),
                f"{Many(len(names)):name stands|names stand} for the same bytes as another "
                "name", "M32")
        clash: NDArray[np.bool_] = overlapping(starts, ends)[again]
        return clash

    def _admit(self, row: int, outside: bool, clashes: bool) -> bool:
        troubles, budget = self._context.troubles, self._context.budget
        shown, length = self._rows.shown(row), int(self._rows.lengths[row])
        if self._context.passes_over(shown, shown):
            return False
        if refused := self._refusal(row, outside, clashes):
            troubles.refuse(refused[0], label(shown), *refused[1:])
            return False
        self._context.notice_hidden(shown, shown)
        budget.announce(length)
        return True

    def _refusal(self, row: int, outside: bool, clashes: bool) -> tuple[str, str, str] | None:
        """(code, words, rule) for a file that may not enter."""
        budget = self._context.budget
        if flaw := self._rows.flaw(row):
            damaged = self._kind == "udf" and flaw not in NO_FILES
            return "udf-file-damaged" if damaged else "not-a-file", flaw, "M02"
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
