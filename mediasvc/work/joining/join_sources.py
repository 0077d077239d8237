"""The files that a series is joined of."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mediasvc.errors import NotFoundError
from mediasvc.span import Span


@dataclass(frozen=True, slots=True)
class Source:
    """One file that is to be joined, and what it is called towards the person."""

    label: str
    span: Span


def sources_of(paths: Iterable[Path]) -> tuple[Source, ...]:
    """Every regular file of the paths in a fixed order; links are not followed into. Raises
    NotFoundError."""
    found: dict[str, Source] = {}
    for path in paths:
        if not path.exists():
            raise NotFoundError(f"{shown(path)} does not exist")
        for one in [path.resolve()] if path.is_file() else _files(path):
            found.setdefault(str(one), Source(shown(one), Span.of_file(one)))
    return tuple(found.values())


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def shown(path: Path) -> str:
    """A name whose bytes are no UTF-8 must still fit into a JSON line."""
    return os.fsencode(path).decode("utf-8", "replace")
