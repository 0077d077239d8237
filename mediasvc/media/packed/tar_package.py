"""A tar as a container: its entries judged one by one, each a run of bytes in it."""

from __future__ import annotations

from array import array
from collections import Counter

from mediasvc.media.labels import fold, label, refusal
from mediasvc.media.member import Context, Entry
from mediasvc.media.packed.tar_listing import TarListing
from mediasvc.media.packed.zip_names import ODD_NAMES, components
from mediasvc.media.window import Window
from mediasvc.span import Span

Refusal = tuple[str, str, str]


class TarPackage:
    """Members in the order of their bytes. ``original`` is the file that was unpacked to
    ``window``, the window itself for a plain tar."""

    def __init__(self, window: Window, context: Context, original: Window | None = None) -> None:
        self._window, self._context = window, context
        self._original = original or window
        self._listing = TarListing(window, context)
        self._taken = array("I")
        names: Counter[tuple[str, ...]] = Counter()
        for index in range(len(self._listing)):
            if self._admit(index):
                self._taken.append(index)
                names[tuple(map(fold, self._parts(index)[0]))] += 1
        self._report_twins(names)

    def __len__(self) -> int:
        return len(self._taken)

    def entry(self, index: int) -> Entry:
        at = self._taken[index]
        parts, _ = self._parts(at)
        return Entry(parts, parts, self._listing.lengths[at], self._listing.starts[at])

    def span(self, index: int) -> Span:
        at = self._taken[index]
        return self._window.span(self._listing.starts[at], self._listing.lengths[at])

    def unchanged(self, index: int) -> bool:
        return self._original.unchanged()

    def close(self) -> None:
        self._window.close()
        self._original.close()

    def _parts(self, index: int) -> tuple[tuple[str, ...], bool]:
        return components(self._listing.name(index))

    def _admit(self, index: int) -> bool:
        parts, is_odd = self._parts(index)
        if index in self._listing.folders and not self._listing.lengths[index]:
            return False
        troubles, shown = self._context.troubles, label(parts)
        if self._context.passes_over(parts, parts):
            return False
        if refused := self._refusal(index, parts):
            troubles.refuse(refused[0], shown, *refused[1:])
            return False
        if is_odd:
            troubles.tally("warning", "tar-names-odd", shown, ODD_NAMES, "M10")
        self._context.notice_hidden(parts, parts)
        self._context.budget.announce(self._listing.lengths[index])
        return True

    def _refusal(self, index: int, parts: tuple[str, ...]) -> Refusal | None:
        """(code, words, rule) for an entry that may not become a member."""
        limits = self._context.budget.limits
        if named := refusal(parts, limits.depth):
            return "name-refused", *named
        if not parts:
            return "name-refused", "it has no name", "M13"
        if flaw := self._listing.flaws.get(index):
            return "tar-entry-refused", flaw, "M21" if "ends" in flaw else "M14"
        if index in self._listing.folders:
            return "not-a-file", "it is a folder with contents", "M14"
        if self._listing.lengths[index] > limits.member_bytes:
            return "too-long", f"it is longer than {limits.member_bytes} bytes", "M16"
        return None

    def _report_twins(self, names: Counter[tuple[str, ...]]) -> None:
        twins = [(name, count) for name, count in names.items() if count > 1]
        if twins:
            self._context.troubles.add(
                "warning", "names-collide", label(twins[0][0]),
                f"{sum(count for _, count in twins)} entries have names that another one has too, "
                "or that differ at most in case or accents; all of them are kept", "M11")
