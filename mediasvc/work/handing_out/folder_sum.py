"""One hash for an encrypted folder, whose own list of hashes only its recipient can open."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from mediasvc.span import Span

#: What the ledger's note of a disc calls it.
NOTED = "folder_sha256"


def file_sums(folder: Path) -> dict[str, str]:
    """Path with ``/`` → SHA-256 of the file as it stands there."""
    return {path.relative_to(folder).as_posix(): Span.of_file(path).sha256()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def folder_sum(sums: Mapping[str, str]) -> str:
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(sums.items()))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()
