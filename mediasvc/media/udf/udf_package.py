"""A UDF disc image as a container; most files are one run of bytes in the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mediasvc.errors import DamagedError
from mediasvc.media.iso.disc_judge import DiscJudge, Pieces
from mediasvc.media.labels import label
from mediasvc.media.member import Context, Entry
from mediasvc.media.page.words import Many
from mediasvc.media.udf.udf_open import open_volume
from mediasvc.media.udf.udf_partitions import Run
from mediasvc.media.udf.udf_salvage import SalvagedTree
from mediasvc.media.udf.udf_tree import UdfTree
from mediasvc.media.udf.udf_volume import HOLE
from mediasvc.media.window import Window
from mediasvc.span import CHUNK, Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class UdfRows:
    """The files of a UDF tree in columns (see `disc_judge.DiscRows`)."""

    def __init__(self, tree: UdfTree | SalvagedTree) -> None:
        import numpy as np

        self.tree = tree
        self.offsets = np.asarray(tree.offsets)
        self.lengths = np.asarray(tree.lengths)

    def __len__(self) -> int:
        return len(self.offsets)

    def plain(self, row: int) -> tuple[str, ...]:
        return self.tree.names.parts(row)

    shown = plain

    def flaw(self, row: int) -> str:
        return self.tree.flaws.get(row, "")

    def pieces(self, rows: NDArray[np.intp]) -> Pieces:
        import numpy as np

        simple = np.array([row not in self.tree.pieces for row in rows.tolist()], bool)
        runs = [(offset, length, at) for at in np.flatnonzero(~simple).tolist()
                for offset, length in self.tree.pieces[int(rows[at])] if offset != HOLE]
        more = np.array(runs, np.uint64).reshape(-1, 3)
        return Pieces(np.concatenate([self.offsets[rows[simple]], more[:, 0]]),
                      np.concatenate([self.lengths[rows[simple]], more[:, 1]]),
                      np.concatenate([np.flatnonzero(simple), more[:, 2].astype(np.intp)]))


class UdfPackage:
    """Files of a UDF volume. ``wanted`` chooses among them, by default all (see `bridge`)."""

    def __init__(self, window: Window, context: Context, rows: UdfRows | None = None,
                 wanted: NDArray[np.intp] | None = None) -> None:
        import numpy as np

        self._window, self._context = window, context
        self._rows = read_rows(window, context) if rows is None else rows
        judge = DiscJudge(self._rows, window.length, context, "udf")
        self._taken = judge.judge(np.arange(len(self._rows)) if wanted is None else wanted)
        context.budget.enter(len(self._taken))
        if judge.cut:
            context.troubles.add("error", "udf-truncated", "", "the disc image ends too early; "
                                 "files are cut off. Copy the disc again", "M30")
        self._report_holes()

    def __len__(self) -> int:
        return len(self._taken)

    def entry(self, index: int) -> Entry:
        row = int(self._taken[index])
        parts = self._rows.plain(row)
        return Entry(parts, parts, int(self._rows.lengths[row]), int(self._rows.offsets[row]))

    def span(self, index: int) -> Span:
        """Straight in the image; a file in several pieces is put together in the scratch folder."""
        row = int(self._taken[index])
        runs = self._rows.tree.pieces.get(row)
        if runs is None:
            return self._window.span(int(self._rows.offsets[row]), int(self._rows.lengths[row]))
        return self._context.scratch.write(index, self._chunks(runs))

    def unchanged(self, index: int) -> bool:
        return self._window.unchanged()

    def close(self) -> None:
        self._window.close()

    def _chunks(self, runs: list[Run]) -> Iterator[bytes]:
        budget, produced, consumed = self._context.budget, 0, 0
        for offset, length in runs:
            for start in range(0, length, CHUNK):
                size = min(CHUNK, length - start)
                produced += size
                consumed += size * (offset != HOLE)
                budget.check_ratio(consumed, produced)
                budget.produce(size)
                yield bytes(size) if offset == HOLE else self._window.read(offset + start, size)

    def _report_holes(self) -> None:
        for row in self._taken.tolist():
            if any(offset == HOLE for offset, _ in self._rows.tree.pieces.get(row, ())):
                self._context.troubles.tally(
                    "warning", "udf-never-written", label(self._rows.shown(row)),
                    "{n:file has|files have} parts that were never written; zeros stand for "
                    "them", "M31")


def salvaged_package(window: Window, context: Context, error: DamagedError) -> UdfPackage:
    """The DICOM files of a volume that cannot be opened, found by their own entries; never as all
    of it. Raises ``error`` when there is none."""
    tree = SalvagedTree(window, context.budget)
    if not len(tree):
        raise error
    context.troubles.add(
        "error", "udf-salvaged", "", f"the disc's list of files cannot be read ({error.text}); "
        f"{Many(len(tree)):DICOM file was|DICOM files were} found by looking through all of it. "
        "Others are missing, and what the disc's writer had deleted may be among them. Copy the "
        "disc again", "M30")
    return UdfPackage(window, context, UdfRows(tree))


def read_rows(window: Window, context: Context) -> UdfRows:
    """Every file of the volume. Raises DamagedError when there is none that can be trusted."""
    limits, troubles = context.budget.limits, context.troubles
    return UdfRows(UdfTree(open_volume(window, limits, troubles), limits, troubles))
