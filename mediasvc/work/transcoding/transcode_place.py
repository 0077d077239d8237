"""Proven files get their names: many of them are made durable at once, and only then renamed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mediasvc.store.file_operations import sync_each, sync_files
from mediasvc.work.transcoding.transcode_order import File

#: Files, bytes and seconds after which those that wait are synced. The children go on meanwhile.
FILES, BYTES, SECONDS = 64, 64 << 20, 2.0

Placed = tuple[str, File, dict[str, Any], str]
"""The temporary file, what it is to be, what its child said of it, and why it has not got its name;
empty when it has."""


class Placing:
    """``add`` temporary files that were proven; `placed` says which of them got their names."""

    def __init__(self) -> None:
        self._anchors: dict[int, int] = {}
        self._device: dict[str, int] = {}
        self._waiting: list[tuple[str, File, dict[str, Any]]] = []
        self._bytes, self._since = 0, 0.0
        self._touched: dict[str, None] = {}

    def enter(self, folder: str) -> None:
        """Make the folder. A file of it may be written only afterwards: what went wrong before a
        file system's anchor was opened is not told to us. Raises OSError."""
        if folder in self._device:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        device = os.fstat(fd).st_dev
        if self._anchors.setdefault(device, fd) != fd:
            os.close(fd)
        self._device[folder] = device

    def add(self, temp: str, file: File, value: dict[str, Any]) -> None:
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append((temp, file, value))
        self._bytes += value["length"]

    def due(self) -> bool:
        return (len(self._waiting) >= FILES or self._bytes >= BYTES
                or (bool(self._waiting) and time.monotonic() - self._since > SECONDS))

    def placed(self) -> Iterator[Placed]:
        """All that wait: on the disk, then under their names."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        reasons = self._synced([(temp, file.folder) for temp, file, _ in waiting])
        for (temp, file, value), reason in zip(waiting, reasons, strict=True):
            yield temp, file, value, reason or self._renamed(temp, file)

    def touch(self, folder: str) -> None:
        """A name in it is new."""
        self._touched[folder] = None

    def close(self) -> None:
        """The names are on the disk too. Files that still wait keep their temporary ones."""
        try:
            for device, anchor in self._anchors.items():
                sync_files([Path(folder) for folder in self._touched
                            if self._device.get(folder, device) == device], anchor)
        finally:
            for anchor in self._anchors.values():
                os.close(anchor)

    def _synced(self, files: Sequence[tuple[str, str]]) -> list[str]:
        """For each (temporary file, its folder), why it is not on the disk."""
        together: dict[int, list[int]] = {}
        for at, (_, folder) in enumerate(files):
            together.setdefault(self._device[folder], []).append(at)
        reasons = [""] * len(files)
        for device, places in together.items():
            paths = [Path(files[at][0]) for at in places]
            for at, error in zip(places, sync_each(paths, self._anchors[device]), strict=True):
                reasons[at] = f"the disk did not keep it ({error.strerror})" if error else ""
        return reasons

    def _renamed(self, temp: str, file: File) -> str:
        try:
            os.replace(temp, file.out)  # noqa: PTH105 - plain strings
        except OSError as error:
            return f"it cannot be written ({error.strerror})"
        self.touch(file.folder)
        return ""
