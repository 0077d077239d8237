"""The children that this machine may have, started early: loading their libraries takes a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mediasvc.sandbox import Sandbox
from mediasvc.settings import Settings

SCREEN = "mediasvc.work.screen"


@contextmanager
def open_sandbox(settings: Settings, *modules: str) -> Iterator[Sandbox]:
    """As many children as the settings allow; with ``modules`` the first starts loading at once."""
    with Sandbox(settings.work.count(), settings.limits.child_memory,
                 settings.limits.item_seconds) as sandbox:
        if modules:
            sandbox.warm(*modules)
        yield sandbox
