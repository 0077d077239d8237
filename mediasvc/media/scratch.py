"""Files for unpacked bytes: private, and named by us alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mediasvc.span import Span


class Scratch:
    """A folder of ours, made when first needed. Who gave it clears it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def inside(self, number: int) -> Scratch:
        """The folder for what is unpacked from the container ``number``."""
        return Scratch(self._folder / f"in-{number:08d}")

    def write(self, number: int, chunks: Iterable[bytes]) -> Span:
        """All of ``chunks`` as the file ``number`` (mode 0600), or nothing.

        It appears under its name only when complete, so that a second reader of the same
        package never sees half of it.
        """
        return self._write(f"{number:08d}", chunks)

    def once(self, name: str, chunks: Iterable[bytes]) -> Span:
        """The file ``name`` (ours, never a foreign one) as an earlier reader of the same package
        left it, else written from ``chunks``."""
        return self.kept(name) or self._write(name, chunks)

    def kept(self, name: str) -> Span | None:
        """The file ``name`` where an earlier reader left it."""
        path = self._folder / name
        return Span.of_file(path) if path.is_file() else None

    def _write(self, final_name: str, chunks: Iterable[bytes]) -> Span:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{final_name}.", suffix=".part", dir=self._folder)
        length = 0
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    length += file.write(chunk)
            final = self._folder / final_name
            Path(name).replace(final)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Span(str(final), 0, length)
