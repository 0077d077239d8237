"""Modules that are needed later, loaded while children work."""

from __future__ import annotations

import importlib
import threading


def load_later(*modules: str) -> None:
    """Begin to load ``modules``, in this order; nobody waits for it here. What cannot be loaded is
    said where it is needed."""
    threading.Thread(target=_load, args=(modules,), daemon=True).start()


def _load(modules: tuple[str, ...]) -> None:
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError:
            return
