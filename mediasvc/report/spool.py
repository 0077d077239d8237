"""Rows of a report that are too many for memory, on the disk and without a name."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from mediasvc.errors import StorageError

_Row = TypeVar("_Row")
_CHUNK = 1 << 20


class Spool(Generic[_Row]):
    """What was put into it comes out again in the same order, as often as it is gone through.

    Nobody else sees the file, and it ends with this object. Raises StorageError when there is no
    room for it.
    """

    def __init__(self, folder: Path, rows: Iterable[_Row],
                 as_json: Callable[[_Row], dict[str, Any]],
                 from_json: Callable[[dict[str, Any]], _Row]) -> None:
        self._from_json, self._count = from_json, 0
        try:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it stays open
            for row in rows:
                self._file.write(json.dumps(as_json(row)).encode() + b"\n")
                self._count += 1
            self._file.flush()
        except OSError as error:
            raise StorageError("There is no room for what the report is made of "
                               f"({error.strerror}).") from error

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[_Row]:
        """Several may go through it at a time."""
        at, rest = 0, b""
        while chunk := os.pread(self._file.fileno(), _CHUNK, at):
            at += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield self._from_json(json.loads(line))
