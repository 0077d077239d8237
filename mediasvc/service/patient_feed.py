"""The patient feed of the running service: files dropped in HOME/hl7, and the MLLP listener."""

from __future__ import annotations

import fnmatch
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mediasvc.errors import LockedError, MediasvcError, StorageError
from mediasvc.identity.adt import read_envelope
from mediasvc.net.hl7_answer import acknowledge, acknowledge_trouble
from mediasvc.net.mllp import Listener
from mediasvc.settings import Home, Settings
from mediasvc.store.db import Store
from mediasvc.work.index.adt import feed_of, load_messages, receive

log = logging.getLogger(__name__)
Tell = Callable[..., None]
#: A listener whose address was taken is tried again after so long.
RETRY_SECONDS = 30.0


@dataclass(slots=True)
class _Seen:
    signature: tuple[int, int]
    since: float


class MessageFolder:
    """HOME/hl7: each file is applied when it has settled, then moved to done/ or failed/.

    Between applying and moving nothing can be lost: the same messages again have no effect.
    """

    def __init__(self, home: Home, store: Store, settings: Settings, tell: Tell) -> None:
        self._folder, self._store, self._settings, self._tell = home.hl7, store, settings, tell
        self._seen: dict[Path, _Seen] = {}

    def sweep(self) -> None:
        """Take every file that has settled, by name."""
        for path in list(self._settled()):
            self._take(path)

    def _settled(self) -> Iterator[Path]:
        now, present = time.monotonic(), {}
        for path, signature in self._files():
            seen = self._seen.get(path)
            if seen is None or seen.signature != signature:
                seen = _Seen(signature, now)
            present[path] = seen
        self._seen = present
        return (path for path, seen in present.items()
                if now - seen.since >= self._settings.hl7.settle_seconds)

    def _files(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        try:
            with os.scandir(self._folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except FileNotFoundError:
            return
        for entry in entries:
            if entry.is_file(follow_symlinks=False) and not self._ignored(entry.name):
                stat = entry.stat(follow_symlinks=False)
                yield Path(entry.path), (stat.st_size, stat.st_mtime_ns)

    def _ignored(self, name: str) -> bool:
        return name.startswith(".") or any(fnmatch.fnmatch(name, pattern)
                                           for pattern in self._settings.inbox.ignore)

    def _take(self, path: Path) -> None:
        try:
            fed = load_messages(self._store, self._settings, path)
        except (LockedError, StorageError) as error:
            log.error("hl7: a file waits (%s)", type(error).__name__)
            return
        except MediasvcError as error:
            self._tell("hl7-file", state="failed", messages=0, refused=0, reason=str(error))
            self._move(path, "failed")
            return
        state = "failed" if fed.refused else "done"
        self._move(path, state)
        self._tell("hl7-file", state=state, messages=fed.messages, added=fed.counts["added"],
                   updated=fed.counts["updated"], refused=fed.refused,
                   codes=sorted({one.code for one in fed.findings if one.severity == "error"}))

    def _move(self, path: Path, where: str) -> None:
        """Under its own name, or with a number where that is taken."""
        folder = self._folder / where
        folder.mkdir(mode=0o700, exist_ok=True)
        target, number = folder / path.name, 1
        while target.exists():
            number += 1
            target = folder / f"{path.name}.{number}"
        path.rename(target)
        self._seen.pop(path, None)


class PatientFeed:
    """Folder and listener, from `start` until `close`."""

    def __init__(self, home: Home, store: Store, settings: Settings, tell: Tell) -> None:
        self._store, self._settings, self._tell = store, settings, tell
        self._feed = feed_of(settings)
        self._folder = MessageFolder(home, store, settings, tell)
        self._listener: Listener | None = None
        self._try_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hl7-folder", daemon=True)

    def start(self) -> None:
        self._listen()
        self._thread.start()

    def close(self) -> None:
        """Returns when nothing of it works on the database any more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._listener is not None:
            self._listener.stop()

    def _run(self) -> None:
        pause = min(2.0, max(0.2, self._settings.hl7.settle_seconds / 2))
        while not self._stop.is_set():
            try:
                self._listen()
                self._folder.sweep()
            except (OSError, MediasvcError) as error:
                log.error("hl7: %s", type(error).__name__)
            self._stop.wait(pause)

    def _listen(self) -> None:
        """Start the listener when one is wanted; an address in use is tried again later."""
        wanted = self._settings.hl7
        if not wanted.mllp_port or self._listener is not None or time.monotonic() < self._try_at:
            return
        listener = Listener(wanted, self._handle)
        try:
            listener.start()
        except OSError as error:
            self._try_at = time.monotonic() + RETRY_SECONDS
            self._tell("trouble", what="mllp", error=os.strerror(error.errno or 0))
            return
        self._listener = listener
        self._tell("hl7-listening", host=wanted.mllp_host, port=wanted.mllp_port)

    def _handle(self, data: bytes) -> bytes:
        """Apply one message and commit; only then is it answered (invariant 3)."""
        site = self._settings.site
        names = site.station_name, site.institution
        try:
            with self._store.transaction() as connection:
                receipt = receive(connection, data, self._feed)
        except Exception as error:  # whatever it was: nothing is stored, and the sender must know
            log.error("hl7: a message could not be stored (%s)", type(error).__name__)
            return acknowledge_trouble(read_envelope(data), *names)
        self._tell("hl7-message", answer=receipt.answer, verdict=receipt.verdict,
                   code=receipt.code, repeated=receipt.repeated)
        return acknowledge(receipt, *names)
