"""What every piece of work is handed: home, settings, database, files, children."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from mediasvc import __version__
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Home, Settings
from mediasvc.store.db import Store, open_store
from mediasvc.store.durable import Objects, Quarantine
from mediasvc.store.received import Received
from mediasvc.work.turns.children import open_sandbox


@dataclass(frozen=True, slots=True)
class Desk:
    home: Home
    settings: Settings
    store: Store
    objects: Objects
    received: Received
    quarantine: Quarantine
    sandbox: Sandbox


@contextmanager
def open_desk(home: Home, settings: Settings, sandbox: Sandbox | None = None) -> Iterator[Desk]:
    """Everything that is needed to work on a home. Raises SettingsError."""
    with ExitStack() as stack:
        store = open_store(home, settings)
        stack.callback(store.close)
        children = sandbox or stack.enter_context(open_sandbox(settings))
        yield Desk(home, settings, store, Objects(home.archive), Received(home.archive),
                   Quarantine(home.quarantine), children)


def dicom_now() -> str:
    """A DT value with its offset (PS3.5 6.2)."""
    return dicom_time(datetime.now(UTC).isoformat())


def dicom_time(at: str) -> str:
    """A row's time (ISO 8601, UTC) as a DT value."""
    return datetime.fromisoformat(at).strftime("%Y%m%d%H%M%S.%f+0000")


SOFTWARE = f"mediasvc {__version__}"
