"""The inbox: which drops have settled. File events are a hint; a rescan is the truth (FAULTS M26).

A drop is a top-level entry of the inbox, or of a folder in it that is named after a known source.
It has settled when nothing about it changed for ``settle_seconds`` and its structure is complete.
"""

from __future__ import annotations

import fnmatch
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.media.structure import structure
from mediasvc.settings import Home, Inbox, Settings
from mediasvc.work.wrapping.wrap_sides import SIDE_CAR, TABLE, sides_of

log = logging.getLogger(__name__)
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs"})

_LONELY = "it says whose a file is, and that file is not here"


@dataclass(frozen=True, slots=True)
class Drop:
    path: Path
    source: str


@dataclass(slots=True)
class _Seen:
    signature: tuple[Any, ...]
    since: float
    refused: str = ""


class Watch:
    """Call `settled` at every tick; `wait` sleeps until an event or the next rescan."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self._home, self._inbox = home, settings.inbox
        self._sources = frozenset(source.name for source in settings.sources)
        self._seen: dict[Path, _Seen] = {}
        self._lonely: dict[Path, str] = {}
        self._woken = threading.Event()
        self._observer = self._observe()

    def settled(self) -> Iterator[Drop]:
        """Drops that may be taken now; each is yielded until it leaves the inbox."""
        present = {drop.path: drop for drop in self._drops()}
        for side in [path for path in present if _is_side_car(path)]:
            del present[side]  # it comes with its file, or waits for it
            self._lonely[side] = _LONELY
        self._lonely = {side: why for side, why in self._lonely.items() if side.exists()
                        and side.with_suffix("") not in present}
        for gone in set(self._seen) - set(present):
            del self._seen[gone]
        for path, drop in present.items():
            if self._has_settled(path):
                yield drop

    def waiting(self) -> dict[str, str]:
        """Why each drop still waits, by the name it has in the inbox (FIELD N25)."""
        return {path.name: seen.refused or "still being copied"
                for path, seen in self._seen.items()} | {
                    side.name: why for side, why in self._lonely.items()}

    def wait(self) -> None:
        """Until something happens; sooner while a drop is settling."""
        timeout = self._inbox.rescan_seconds
        if self._seen:
            timeout = min(timeout, max(0.2, self._inbox.settle_seconds / 4))
        self._woken.wait(timeout)
        self._woken.clear()

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=5)

    def _drops(self) -> Iterator[Drop]:
        for entry in _entries(self._home.inbox, self._inbox):
            if entry.name in self._sources and entry.is_dir(follow_symlinks=False):
                for inner in _entries(Path(entry.path), self._inbox):
                    yield Drop(Path(inner.path), entry.name)
            else:
                yield Drop(Path(entry.path), "")

    def _has_settled(self, path: Path) -> bool:
        now = time.monotonic()
        signature = (_signature(path), *map(_signature, sides_of(path)))
        seen = self._seen.get(path)
        if seen is None or seen.signature != signature:
            self._seen[path] = _Seen(signature, now)
            return self._inbox.settle_seconds == 0 and self._is_complete(path)
        if now - seen.since < self._inbox.settle_seconds:
            return False
        return self._is_complete(path)

    def _is_complete(self, path: Path) -> bool:
        """A truncated container is taken all the same once it has been quiet three times as long:
        the line then holds it as damaged, with the clerk told, instead of waiting for ever."""
        found = structure(path)
        seen = self._seen[path]
        quiet = time.monotonic() - seen.since
        seen.refused = "" if found.state == "complete" else found.words
        return found.state == "complete" or quiet >= 3 * max(self._inbox.settle_seconds, 1)

    def _observe(self) -> Any:
        """A watchdog observer as a hint; None where polling is the better way or none is left."""
        shared = _file_system(self._home.inbox) in NETWORK_FILE_SYSTEMS
        if self._inbox.watch == "poll" or (self._inbox.watch == "auto" and shared):
            return None
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        watch = self

        class Wake(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type not in ("opened", "closed_no_write"):
                    watch.wake()

        observer = Observer()
        try:
            observer.schedule(Wake(), str(self._home.inbox), recursive=False)
            observer.start()
        except OSError:
            log.warning("no file events here (inotify limit?); the inbox is polled instead")
            return None
        return observer


def _is_side_car(path: Path) -> bool:
    """``NAME.json`` and ``NAME.csv`` say whose the file or folder ``NAME`` is."""
    return path.suffix.lower() in (SIDE_CAR, TABLE) and path.is_file() and bool(path.stem)


def _entries(folder: Path, inbox: Inbox) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            wanted = [entry for entry in found if not _ignored(entry.name, inbox)]
    except FileNotFoundError:
        log.warning("the inbox is not there; nothing is taken until it is back")
        return
    yield from sorted(wanted, key=lambda entry: entry.name)


def _ignored(name: str, inbox: Inbox) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in inbox.ignore)


def _signature(path: Path) -> tuple[Any, ...]:
    """Count, bytes and the newest change of a drop, links not followed."""
    count = size = newest = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                stat = (Path(folder) / name).lstat()
            except FileNotFoundError:
                continue
            count, size, newest = count + 1, size + stat.st_size, max(newest, stat.st_mtime_ns)
    if not count:
        try:
            stat = os.lstat(path)
            return (1, stat.st_size, stat.st_mtime_ns, stat.st_ino)
        except FileNotFoundError:
            return ()
    return (count, size, newest)


def _file_system(path: Path) -> str:
    """The type of the mount that holds ``path``, from /proc/mounts; "" when unknown."""
    best, kind = "", ""
    try:
        for line in Path("/proc/mounts").read_text().splitlines():
            _, mount, fs_type, *_ = line.split()
            if str(path).startswith(mount) and len(mount) > len(best):
                best, kind = mount, fs_type
    except OSError:
        return ""
    return kind
