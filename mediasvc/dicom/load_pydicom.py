"""Loading pydicom without decoders of pixels.

It looks for every one that is installed when it is loaded, which takes half of that time.
"""

from __future__ import annotations

import sys


def load_pydicom(spared: tuple[str, ...]) -> None:
    """To it, ``spared`` are not installed; for others that load them later they are."""
    missing = [name for name in spared if name not in sys.modules]
    for name in missing:
        sys.modules[name] = None  # type: ignore[assignment]  # "not installed"
    try:
        import pydicom  # noqa: F401
    finally:
        for name in missing:
            del sys.modules[name]
