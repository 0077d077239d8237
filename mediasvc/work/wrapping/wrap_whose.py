"""What a drop says of its ordinary files: beside them, in them, or by the names of folders."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mediasvc.errors import MediasvcError, SettingsError
from mediasvc.span import Span
from mediasvc.work.desk import Desk
from mediasvc.work.wrapping.wrap_identity import Identity, identity_of, read_identity
from mediasvc.work.wrapping.wrap_naming import Naming
from mediasvc.work.wrapping.wrap_sides import TABLE, Identities, for_all, from_table, sides_of
from mediasvc.work.wrapping.wrap_table import read_table

KIND = "mediasvc.work.wrapping.wrap_probe:kind_of_file"
#: Kinds of which nobody but a person can say whose they are. Texts only when they are called so.
WRAPPABLE = frozenset({"jpeg", "png", "tiff", "pdf", "stl", "obj", "mtl", "cda", "mp4", "ts", "ps",
                       "matroska", "avi", "m2ts", "wmv"})
FOLDER_SIDE, FOLDER_TABLE = "identity.json", "identity.csv"


def files_of(desk: Desk, path: Path) -> list[Path]:
    """The ordinary files of a drop, without side-cars and what the inbox ignores."""
    if path.is_file():
        return [path]
    return sorted(_walk(path, desk.settings.inbox.ignore))


def _walk(folder: Path, ignore: tuple[str, ...]) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _matches(name, ignore)]
        for name in names:
            path = Path(root) / name
            if _matches(name, ignore) or name in (FOLDER_SIDE, FOLDER_TABLE):
                continue
            is_side = path.suffix.lower() in (".json", ".csv") and path.with_suffix("").exists()
            if not is_side and path.is_file() and not path.is_symlink():
                yield path


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def identities_of(desk: Desk, path: Path) -> Identities | None:
    """What the drop says of each of its files; None when it says nothing, or when there is DICOM
    in it: that is a package, whatever lies beside it. Raises SettingsError."""
    said = _beside(path) or _naming(desk, path)
    if said is None:
        return None
    files = files_of(desk, path)
    if not files or any(_kind(desk, file) == "dicom" for file in files):
        return None
    if isinstance(said, Naming):
        return {file: _named(said, file, path) for file in files}
    if said.suffix.lower() == TABLE:
        folder = path if path.is_dir() else path.parent
        return from_table(files, replace(read_table(said), folder=folder))
    return for_all(files, read_identity(said))


def _beside(path: Path) -> Path | None:
    sides = [*sides_of(path), path / FOLDER_TABLE, path / FOLDER_SIDE]
    return next((side for side in sides if side.is_file()), None)


def _naming(desk: Desk, path: Path) -> Naming | None:
    rule = desk.settings.wrap.naming
    if not rule or not path.is_dir():
        return None
    naming = Naming(rule)
    return naming if naming.begins(path.name) else None


def _named(naming: Naming, file: Path, drop: Path) -> Identity | MediasvcError:
    said = naming.read((drop.name, *file.relative_to(drop).parent.parts))
    if said is None:
        return SettingsError("it lies in no folder that the naming rule knows")
    try:
        known = identity_of(said, "the name of the folder")
    except SettingsError as trouble:
        return trouble
    return for_all([file], known)[file]


def is_ordinary(desk: Desk, path: Path) -> bool:
    """A single file that can be wrapped; folders without a word are packages."""
    if not path.is_file():
        return False
    kind = _kind(desk, path)
    return kind in WRAPPABLE or (kind == "text" and path.suffix.lower() == ".txt")


def _kind(desk: Desk, path: Path) -> str:
    answer = desk.sandbox.call(KIND, span=Span.of_file(path).as_json())
    return "" if answer.error else str(answer.value)
