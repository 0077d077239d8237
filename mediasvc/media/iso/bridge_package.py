"""A disc with two tables of contents, ISO 9660 and UDF: both must tell the same (FAULTS M35)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.iso.iso_compare import Rows
from mediasvc.media.iso.iso_package import IsoPackage
from mediasvc.media.labels import fold, label
from mediasvc.media.member import Container, Context, Entry
from mediasvc.media.page.words import Many
from mediasvc.media.recognise import has_udf
from mediasvc.media.troubles import Troubles
from mediasvc.media.udf.udf_package import UdfPackage, UdfRows, read_rows
from mediasvc.media.udf.udf_partitions import Run
from mediasvc.media.udf.udf_volume import HOLE
from mediasvc.media.window import Window
from mediasvc.span import CHUNK, Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: An ISO 9660 list of so few files, none of them in the UDF list, only says "this is a UDF disc".
NOTICE_FILES = 1


class BridgePackage:
    """The files of the ISO 9660 list, then those that only the UDF list has."""

    def __init__(self, iso: IsoPackage, udf: UdfPackage) -> None:
        self._iso, self._udf = iso, udf

    def __len__(self) -> int:
        return len(self._iso) + len(self._udf)

    def entry(self, index: int) -> Entry:
        container, at = self._at(index)
        return container.entry(at)

    def span(self, index: int) -> Span:
        container, at = self._at(index)
        return container.span(at)

    def unchanged(self, index: int) -> bool:
        return self._iso.unchanged(0)

    def close(self) -> None:
        self._iso.close()

    def _at(self, index: int) -> tuple[Container, int]:
        count = len(self._iso)
        return (self._iso, index) if index < count else (self._udf, index - count)


def open_disc(window: Window, context: Context) -> Container:
    """An ISO 9660 image, its UDF list compared where it has one."""
    import numpy as np

    iso = IsoPackage(window, context)
    if not has_udf(window):
        return iso
    try:
        rows = read_rows(window, context)
    except (DamagedError, BudgetError) as error:
        context.troubles.add("warning", "udf-unreadable", "", "the disc's second table of "
                             f"contents (UDF) was not read: {error.text}", "M35")
        return iso
    compared = _Comparison(window, iso.rows, rows)
    compared.report(context.troubles)
    if not compared.extra:
        return iso
    inner = replace(context, scratch=context.scratch.inside(len(iso)))
    return BridgePackage(iso, UdfPackage(window, inner, rows, np.array(compared.extra, np.intp)))


class _Comparison:
    """Two lists of one image, compared by where the bytes lie and, failing that, by the bytes.

    ``only`` are the rows that only the UDF list has, ``swapped`` those whose name stands for
    other bytes in the ISO 9660 list, ``lost`` the rows that only the latter has. ``extra`` are
    all rows whose bytes the ISO 9660 list does not have.
    """

    def __init__(self, window: Window, iso: Rows, udf: UdfRows) -> None:
        self._window, self._iso, self._udf = window, iso, udf
        self._places = _places(iso.offsets, iso.lengths)
        self._named = {_folded(name): row for row in range(len(iso))
                       for name in (iso.plain(row), iso.shown(row))}
        self.only: list[int] = []
        self.swapped: list[int] = []
        self.extra: list[int] = []
        named: set[int] = set()
        for row in range(len(udf)):
            self._look(row, named)
        known = _places(udf.offsets, udf.lengths)
        self.lost = [row for row, place in enumerate(zip(iso.offsets.tolist(), iso.lengths.tolist(),
                                                         strict=True))
                     if place[1] and place not in known and row not in named]

    def _look(self, row: int, named: set[int]) -> None:
        place = int(self._udf.offsets[row]), int(self._udf.lengths[row])
        is_elsewhere = place[1] > 0 and place not in self._places
        other = self._named.get(_folded(self._udf.plain(row)))
        if other is None:
            if is_elsewhere:
                self.only.append(row)
                self.extra.append(row)
            return
        theirs = int(self._iso.offsets[other]), int(self._iso.lengths[other])
        if place == theirs or not (place[1] or theirs[1]):
            return
        named.add(other)
        if is_elsewhere and self._equal(row, theirs):
            return
        self.swapped.append(row)
        if is_elsewhere:
            self.extra.append(row)

    def _equal(self, row: int, theirs: tuple[int, int]) -> bool:
        """Whether both lists' file of this name is the same, though each has its own copy."""
        runs = self._udf.tree.pieces.get(row) or [
            (int(self._udf.offsets[row]), int(self._udf.lengths[row]))]
        if self._udf.flaw(row) or sum(length for _, length in runs) != theirs[1]:
            return False
        return _sha256(self._window, runs) == _sha256(self._window, [theirs])

    def report(self, troubles: Troubles) -> None:
        """A finding when one list has more, another when they contradict each other."""
        iso, udf = self._iso, self._udf
        if self.only and len(iso) <= NOTICE_FILES and not self.swapped:
            troubles.add("info", "udf-notice", label(udf.shown(self.only[0])), "the disc's ISO "
                         "9660 list holds only a notice; its UDF list is read", "M35")
            return
        if self.only or self.lost:
            some = udf.shown(self.only[0]) if self.only else iso.shown(self.lost[0])
            troubles.add(
                "error", "disc-trees-differ", label(some),
                f"{Many(len(self.lost)):file is|files are} only in the disc's ISO 9660 list and "
                f"{len(self.only)} only in its UDF list; other programs will show other files. "
                "All of them are listed here", "M35")
        if self.swapped:  # without a subject: the whole package waits for a person
            troubles.add(
                "error", "disc-trees-contradict", "",
                f"{Many(len(self.swapped)):name stands|names stand} for different files in the "
                f"disc's ISO 9660 and UDF lists, among them {label(udf.shown(self.swapped[0]))}; "
                "other programs may "
                "show another file under this name", "M35")


def _places(offsets: NDArray[np.uint64], lengths: NDArray[np.uint64]) -> set[tuple[int, int]]:
    return set(zip(offsets.tolist(), lengths.tolist(), strict=True))


def _folded(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(fold, parts))


def _sha256(window: Window, runs: Iterable[Run]) -> bytes | None:
    """Of the bytes in the image; None when they are not all there."""
    digest = hashlib.sha256()
    try:
        for offset, length in runs:
            for start in range(0, length, CHUNK):
                size = min(CHUNK, length - start)
                digest.update(bytes(size) if offset == HOLE
                              else window.read(offset + start, size))
    except DamagedError:
        return None
    return digest.digest()
