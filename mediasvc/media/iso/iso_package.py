"""An ISO 9660 image as a container: each file a run of bytes in the image."""

from __future__ import annotations

from mediasvc.media.iso.disc_judge import DiscJudge
from mediasvc.media.iso.iso9660 import PRIMARY, SECTOR, Volume, read_volumes
from mediasvc.media.iso.iso_compare import Rows, compare
from mediasvc.media.iso.iso_session import last_session
from mediasvc.media.iso.iso_tree import IsoTree
from mediasvc.media.member import Context, Entry
from mediasvc.media.page.words import Many
from mediasvc.media.window import Window
from mediasvc.span import Span


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
        self._judge = DiscJudge(self._rows, window.length, context, "iso")
        self._taken = self._judge.judge(compare(self._trees, self._rows, troubles))
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

    @property
    def rows(self) -> Rows:
        """Every file that the disc's ISO 9660 lists name, whether it may enter or not."""
        return self._rows

    def unchanged(self, index: int) -> bool:
        return self._window.unchanged()

    def close(self) -> None:
        self._window.close()

    def _check_end(self, primary: Volume) -> None:
        """Is the image as long as it says, and if not, is anything of it lost? (M30)"""
        missing = primary.space - self._window.length
        if self._judge.cut:
            self._context.troubles.add(
                "error", "iso-truncated", "", "the disc image ends too early; files are cut off. "
                "Copy the disc again", "M30")
        elif missing > 0 or self._window.length % SECTOR:
            short = (f"is {Many(missing):byte|bytes} shorter than it says" if missing > 0
                     else "ends in the middle of a sector")
            self._context.troubles.add(
                "warning", "iso-short", "",
                f"the disc image {short}; every file that it lists is whole", "M30")
