"""One file that is no container: a package of one member."""

from __future__ import annotations

import os
from pathlib import Path

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.member import Context, Entry, Identity
from mediasvc.span import Span


class Single:
    def __init__(self, path: Path, context: Context) -> None:
        self._path = path
        status = os.lstat(path)
        self._identity = Identity.of(status)
        if context.budget.too_long(status.st_size):
            raise BudgetError(f"the file is longer than {context.budget.limits.member_bytes} bytes")

    def __len__(self) -> int:
        return 1

    def entry(self, index: int) -> Entry:
        name = (self._path.name,)
        return Entry(name, name, self._identity.length, 0)

    def span(self, index: int) -> Span:
        if not self.unchanged(index):
            raise DamagedError("it changed after it was listed")
        return Span(str(self._path), 0, self._identity.length)

    def unchanged(self, index: int) -> bool:
        try:
            return Identity.of(os.lstat(self._path)) == self._identity
        except OSError:
            return False

    def close(self) -> None:
        """Nothing stays open."""
