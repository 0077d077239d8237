"""A multi-frame object gives its single-frame files back."""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.errors import (
    BudgetError,
    DamagedError,
    MediasvcError,
    NotFoundError,
    ProofError,
    StateError,
    StorageError,
    UnsupportedError,
)
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Settings
from mediasvc.span import Span

SPLIT = "mediasvc.work.joining.split_file"
#: A child may take the settings' time, and a second more for each of these.
SLOWEST_BYTES_PER_SECOND = 8 << 20
_ERRORS: dict[str, type[MediasvcError]] = {
    error.__name__: error for error in (BudgetError, ProofError, StorageError, UnsupportedError)}
_ADVICE = {
    "ProofError": "Where its identity was corrected, --as-new gives new instances with that one, "
                  "and --as-joined the files as they were; where the frames were transcoded, "
                  "transcode them back."}


@dataclass(frozen=True, slots=True)
class Split:
    """``kind``: ``original`` for the very files that were joined, ``converted`` for new instances
    of an object that was not joined here. ``files``: rows {name, sha256, bytes, …}."""

    out: Path
    kind: str
    files: tuple[dict[str, Any], ...]


def split(path: Path, out: Path, settings: Settings, *, as_joined: bool = False,
          as_new: bool = False) -> Split:
    """Write the single-frame files of ``path`` into the folder ``out``, which is new or empty; all
    of them or none. ``as_joined``: also of an object whose attributes were changed since;
    ``as_new``: new instances with the attributes that it has now.

    Raises NotFoundError, StateError, UnsupportedError, DamagedError, ProofError (the object was
    changed after it was joined), BudgetError, StorageError.
    """
    if not path.is_file():
        raise NotFoundError("There is no such file.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StateError("The folder to write into is not empty.", "Choose another one.")
    parent = out.absolute().parent
    folder = parent / f".{uuid.uuid4().hex}.part"
    try:
        folder.mkdir(parents=True)
        made = _in_child(path, folder, settings, as_joined=as_joined, as_new=as_new)
        _sync(folder)
        os.rename(folder, out.absolute())  # noqa: PTH104 - an empty folder may be there
        _sync(parent)
    except OSError as error:
        raise StorageError(f"It cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Split(out, made["kind"], tuple(made["files"]))


def _in_child(path: Path, folder: Path, settings: Settings, **how: bool) -> dict[str, Any]:
    """The child maps the file, so its address space grows with it."""
    source, limits = Span.of_file(path.resolve()), settings.limits
    seconds = limits.item_seconds + source.length / SLOWEST_BYTES_PER_SECOND
    with Sandbox(1, limits.child_memory + source.length, seconds) as sandbox:
        answer = sandbox.call(f"{SPLIT}:split_file", span=source.as_json(), folder=str(folder),
                              budget=limits.package_bytes, **how)
    if answer.error:
        kind = _ERRORS.get(answer.error, DamagedError)
        raise kind(f"It cannot be split: {answer.text}.", _ADVICE.get(answer.error, ""))
    value: dict[str, Any] = answer.value
    return value


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
