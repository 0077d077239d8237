"""One file of a package, and what a container must be able to say of its files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any, Protocol, Self

from mediasvc.media.budget import Budget
from mediasvc.media.labels import Ignore, hides_something, label
from mediasvc.media.scratch import Scratch
from mediasvc.media.troubles import Troubles
from mediasvc.span import Span


@dataclass(frozen=True, slots=True)
class Member:
    """One file that may be read.

    ``number`` counts from 0 in reading order and is the same whenever the unchanged package is
    opened again. ``label`` is for people (see `labels.label`) and need not be unique. ``parts``
    are the raw name components for comparison with Referenced File IDs: on an ISO 9660 image the
    names of the plain tree, because DICOMDIR speaks of these (PS3.12 F.1), without ``;1`` and a
    trailing dot; bytes that are no text appear as surrogates. ``length`` is in bytes.
    ``position`` is the byte offset in the container, or the rank in a folder. ``shown`` are the
    components of the fullest name (Rock Ridge, Joliet); elsewhere than on an ISO equal to parts.
    """

    number: int
    label: str
    parts: tuple[str, ...]
    length: int
    position: int
    shown: tuple[str, ...] = ()

    def as_json(self) -> list[Any]:
        """Without its number; `dataclasses.asdict` takes ten times as long."""
        return [self.label, self.parts, self.length, self.position,
                None if self.shown == self.parts else self.shown]

    @classmethod
    def from_json(cls, number: int, row: Sequence[Any]) -> Self:
        """The inverse of `as_json`."""
        name, parts, length, position, shown = row
        path = tuple(map(intern, parts))
        return cls(number, str(name), path, int(length), int(position),
                   path if shown is None else tuple(map(intern, shown)))


@dataclass(frozen=True, slots=True)
class Entry:
    """What a container says of one of its files; ``shown`` are the fullest names it has."""

    parts: tuple[str, ...]
    shown: tuple[str, ...]
    length: int
    position: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Tells whether a file is still the one that was listed (FAULTS M25)."""

    inode: int
    length: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Context:
    """What the containers of one package share."""

    budget: Budget
    scratch: Scratch
    troubles: Troubles
    ignore: Ignore
    password: str | None

    def passes_over(self, name: tuple[str, ...], path: tuple[str, ...]) -> bool:
        """Whether files of this name are not looked at; then the one at ``path`` is counted."""
        if not self.ignore(name):
            return False
        self.troubles.tally("info", "ignored-files", label(path),
                            "{n:file that an operating system leaves behind was|files that "
                            "operating systems leave behind were} passed over", "M36")
        return True

    def notice_hidden(self, name: tuple[str, ...], path: tuple[str, ...]) -> None:
        """Count a name whose characters nobody would see (FAULTS M13)."""
        if hides_something(name):
            self.troubles.tally("warning", "odd-names", label(path),
                                "{n:name holds|names hold} characters that cannot be shown; they "
                                "are written out", "M13")


class Container(Protocol):
    """A folder, an ISO, a zip or a single file, already listed, files in reading order."""

    def __len__(self) -> int: ...

    def entry(self, index: int) -> Entry: ...

    def span(self, index: int) -> Span:
        """The bytes of a file; unpacked ones go to the scratch file ``index``.

        Raises DamagedError, BudgetError or UnsupportedError: that file cannot be read.
        """
        ...

    def unchanged(self, index: int) -> bool: ...

    def close(self) -> None: ...
