"""Temporary files whose bytes are on the disk before it is known whether they will be wanted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from mediasvc.store.durable import Shelf
from mediasvc.store.file_operations import storage_error

#: One sync for so many: it waits for the disk, and so does meanwhile who makes files.
BATCH = 256


class Early:
    """Secures temporary files of ``shelf`` (`Shelf.secure`) in a thread of its own while others are
    still written, so that `Shelf.place_many` has only to name them.

    To be made before the first of them is. Raises StorageError. Not thread-safe.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._anchor = shelf.scratch.another_anchor()
        self._pool = ThreadPoolExecutor(1)
        self._waiting: list[Path] = []
        self._syncing: list[tuple[list[Path], Future[None]]] = []

    def close(self) -> None:
        """What is still to be synced then is not; waits for what is being synced."""
        self._pool.shutdown(cancel_futures=True)
        os.close(self._anchor)

    def add(self, temp: Path) -> None:
        """A file that is complete."""
        self._waiting.append(temp)
        if len(self._waiting) >= BATCH:
            self._submit()

    def secured(self) -> set[Path]:
        """All that were added, on the disk now. Raises StorageError."""
        self._submit()
        try:
            for _, done in self._syncing:
                done.result()
        except OSError as error:
            raise storage_error(error) from error
        return {temp for batch, _ in self._syncing for temp in batch}

    def _submit(self) -> None:
        batch, self._waiting = self._waiting, []
        if batch:
            self._syncing.append((batch, self._pool.submit(self._secure, batch)))

    def _secure(self, batch: Sequence[Path]) -> None:
        self._shelf.secure(batch, self._anchor)
