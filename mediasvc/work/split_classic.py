"""stub"""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mediasvc.dicom.framing import Framing
from mediasvc.errors import UnsupportedError


def classic_files(framing: Framing, folder: Path) -> Iterator[dict[str, Any]]:
    raise UnsupportedError("not yet")
