"""Containers found inside a container, opened like folders of it (FAULTS M17)."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace

from mediasvc.errors import BudgetError, DamagedError, PasswordNeeded, UnsupportedError
from mediasvc.media.labels import label
from mediasvc.media.member import Container, Context, Entry
from mediasvc.media.window import Window
from mediasvc.span import Span

#: What may be a container by its name; whether it is one is then seen by its content.
SUFFIXES = (".zip", ".iso", ".img", ".udf", ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2",
            ".txz", ".tar.xz", ".7z", ".rar", ".cab", ".wim", ".lzh", ".lha", ".arj", ".hfs",
            ".dmg", ".eml")
#: Opens a window as a container, with the containers in it; None when it is none.
Opener = Callable[[Window, Context, int], Container | None]


@dataclass(slots=True)
class _Inner:
    """An opened container: its place in the outer one and the number of its first member."""

    index: int
    first: int
    container: Container


class Nested:
    """A container whose inner containers are opened: own members first, then theirs."""

    def __init__(self, outer: Container, context: Context, levels: int, opener: Opener) -> None:
        self._outer, self._context, self._opener = outer, context, opener
        self._own = array("I")
        self._inner: list[_Inner] = []
        try:
            for index in range(len(outer)):
                if not self._replace(index, levels):
                    self._own.append(index)
        except BaseException:
            self.close()
            raise
        first = len(self._own)
        for inner in self._inner:
            inner.first = first
            first += len(inner.container)
        self._count = first

    def __len__(self) -> int:
        return self._count

    def entry(self, index: int) -> Entry:
        found = self._find(index)
        if found is None:
            return self._outer.entry(self._own[index])
        box = self._outer.entry(found.index)
        entry = found.container.entry(index - found.first)
        shown = (*box.shown[:-1], box.shown[-1] + "!", *entry.shown)
        return Entry((*box.parts, *entry.parts), shown, entry.length, box.position)

    def span(self, index: int) -> Span:
        found = self._find(index)
        if found is None:
            return self._outer.span(self._own[index])
        return found.container.span(index - found.first)

    def is_all_of(self, kind: type) -> bool:
        """Whether the members are those of one container of that kind."""
        return not self._inner and isinstance(self._outer, kind)

    def unchanged(self, index: int) -> bool:
        """The outermost file decides; what was unpacked from it is ours alone."""
        found = self._find(index)
        return self._outer.unchanged(self._own[index] if found is None else found.index)

    def close(self) -> None:
        for inner in self._inner:
            inner.container.close()
        self._outer.close()

    def _find(self, index: int) -> _Inner | None:
        """The inner container that holds a member; None for the outer one's own."""
        at = bisect_right(self._inner, index, key=lambda inner: inner.first) - 1
        return self._inner[at] if at >= 0 else None

    def _replace(self, index: int, levels: int) -> bool:
        """Whether a file is no member: it was opened, or refused because it would grow too much."""
        entry = self._outer.entry(index)
        if not entry.parts[-1].lower().endswith(SUFFIXES):
            return False
        name, troubles = label(entry.shown), self._context.troubles
        if not levels:
            troubles.tally("warning", "container-not-opened", name,
                           "{n:archive or disc image inside another was|archives or disc images "
                           "inside others were} not opened; what {n:=it holds|they hold} was not "
                           "read", "M17")
            return False
        try:
            container = self._open(index, name, levels)
        except BudgetError as error:
            troubles.refuse("container-refused", name, f"it was not opened: {error.text}", "M17")
            return True
        except (DamagedError, UnsupportedError, PasswordNeeded) as error:
            troubles.add("error", "container-unreadable", name,
                         f"what it holds cannot be read: {error.text}", "M17")
            return False
        if container is not None:
            self._inner.append(_Inner(index, 0, container))
        return container is not None

    def _open(self, index: int, name: str, levels: int) -> Container | None:
        troubles = self._context.troubles.inside(name)
        context = replace(self._context, troubles=troubles,
                          scratch=self._context.scratch.inside(index))
        window = Window(self._outer.span(index))
        try:
            container = self._opener(window, context, levels - 1)
        except BaseException:
            window.close()
            raise
        troubles.close()
        if container is None:
            window.close()
        return container
