"""A file or a tree into another transfer syntax: OUT mirrors IN, one proven file at a time."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mediasvc.codecs.table import codec, missing
from mediasvc.errors import NotFoundError, SettingsError
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.settings import Settings
from mediasvc.span import Span
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.batches import run_batches
from mediasvc.work.transcode_row import Options

Report = Callable[[int, int, str], None]
Row = dict[str, Any]

#: A child may take the settings' time for a file, and a second more for each of this many bytes.
SLOWEST_BYTES_PER_SECOND = 1 << 20
#: These answers of a child mean that the file is not for us; all others that something went wrong.
_SKIPPED = {"UnsupportedError": "", "NotDicomError": "it is no DICOM file"}
_MODULE = "mediasvc.work.transcode_file"
#: Address space is limited, and large files are mapped: the received one, the new frames, the
#: written file.
MAPPINGS = 3
#: A file of at most so many bytes is small, and a batch has at most so many of them.
SMALL, BATCH = 4 << 20, 16


@dataclass(frozen=True, slots=True)
class Order:
    """``out`` is a file when ``source`` is one. ``force``: what stands there is replaced."""

    source: Path
    out: Path
    target: ts.TransferSyntax
    options: Options
    force: bool = False
    workers: int = 0
    rewrite_references: bool = False


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    out: Path
    length: int
    refused: str = ""


def check_order(order: Order) -> Order:
    """The order with OUT made definite. Raises SettingsError and NotFoundError for what cannot be
    done, before anything is written."""
    if not order.source.exists():
        raise NotFoundError(f"{order.source} does not exist")
    reason = missing(order.target.uid)
    if reason:
        raise SettingsError(f"{order.target.label} cannot be written: {reason}")
    _check_goal(order)
    out = order.out
    if order.source.is_file() and out.is_dir():
        out = out / order.source.name
    one, other = order.source.resolve(), out.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise SettingsError("IN and OUT must not lie in each other")
    if order.source.is_dir() and out.exists() and not out.is_dir():
        raise SettingsError(f"{out} is no folder")
    return replace(order, out=out)


def _check_goal(order: Order) -> None:
    name = order.target.label
    if order.target.form == "native":
        order.options.goal.check(None, name)
        return
    chosen = codec(order.target.uid)
    if order.target.uid == ts.JPEG_XL_JPEG:
        order.options.goal.check(None, name)
    elif chosen.lossless is None and chosen.lossy is None:
        raise SettingsError(f"{name} is only read, not written: {chosen.unwritten}")
    else:
        order.options.goal.check(chosen.lossy.control if chosen.lossy else None, name)


def transcode_tree(order: Order, settings: Settings, report: Report) -> Iterator[Row]:
    """One row per file as it is done: CONTRACT's ``instance``, ``skipped`` or ``failed`` line.

    ``order`` must come from `check_order`. Every file is decoded in a limited child; what it wrote
    gets its final name only after it was proven and is on the disk.
    """
    files = list(_files(order))
    largest = max((file.length for file in files), default=0)
    seconds = settings.limits.item_seconds + largest / SLOWEST_BYTES_PER_SECOND
    memory = settings.limits.child_memory + MAPPINGS * largest
    workers = order.workers or settings.work.count()
    touched: set[Path] = set()
    under_way: dict[str, _File] = {}
    try:
        with Sandbox(min(workers, max(1, len(files))), memory, seconds) as sandbox:
            sandbox.warm(_MODULE)
            for done, row in enumerate(_run(sandbox, files, order, workers, touched, under_way), 1):
                report(done, len(files), Path(row["path"]).name)
                yield row
    finally:  # also when the caller stops listening: no half file, and what is named is on disk
        for temp in under_way:
            Path(temp).unlink(missing_ok=True)
        for folder in touched:
            _sync(folder)


def _run(sandbox: Sandbox, files: list[_File], order: Order, workers: int, touched: set[Path],
         under_way: dict[str, _File]) -> Iterator[Row]:
    """Large files first, one at a time for each child; small ones in batches, so that a child is
    asked, and the disk made to keep them, once for many."""
    yield from (_row("skipped", file, reason=file.refused) for file in files if file.refused)
    large = [file for file in files if not file.refused and file.length > SMALL]
    small = [file for file in files if not file.refused and file.length <= SMALL]
    for some, size in ((large, 1), (small, _batch(len(small), workers))):
        threads = max(1, workers // max(1, len(some))) if size == 1 else 1
        options = replace(order.options, threads=threads).as_json()
        for item, answer in run_batches(
                sandbox, f"{_MODULE}:transcode_files", _items(some, order, under_way), size,
                target=order.target.uid, options=options):
            yield _finish(under_way.pop(item["out"]), Path(item["out"]), answer, touched)


def _batch(count: int, workers: int) -> int:
    """As many files as are asked for at once; the children should end together."""
    return max(1, min(BATCH, count // (4 * workers)))


def _files(order: Order) -> Iterator[_File]:
    """Every entry below IN in a fixed order; links, devices and pipes are named, not followed."""
    if not order.source.is_dir():
        yield _file(order.source, order.out, order.force)
        return
    for folder, folders, names in os.walk(order.source):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted(names + links):
            path = Path(folder) / name
            yield _file(path, order.out / path.relative_to(order.source), order.force)


def _file(path: Path, out: Path, force: bool) -> _File:
    try:
        status = path.lstat()
    except OSError as error:
        return _File(path, out, 0, f"it cannot be read ({error.strerror})")
    if not stat.S_ISREG(status.st_mode):
        return _File(path, out, 0, "it is a link or no regular file")
    if out.exists() and not force:
        return _File(path, out, status.st_size, "OUT has a file of this name already (--force)")
    return _File(path, out, status.st_size)


def _items(files: list[_File], order: Order, under_way: dict[str, _File],
           ) -> Iterator[dict[str, Any]]:
    for file in files:
        file.out.parent.mkdir(parents=True, exist_ok=True)
        temp = str(file.out.with_name(f".{uuid.uuid4().hex}.part"))
        under_way[temp] = file
        yield {"span": Span(str(file.path), 0, file.length).as_json(), "out": temp}


def _finish(file: _File, temp: Path, answer: Answer, touched: set[Path]) -> Row:
    if answer.error:
        temp.unlink(missing_ok=True)
        kind = "skipped" if answer.error in _SKIPPED else "failed"
        return _row(kind, file, reason=_SKIPPED.get(answer.error) or answer.text)
    try:
        temp.replace(file.out)
    except OSError as error:
        temp.unlink(missing_ok=True)
        return _row("failed", file, reason=f"it cannot be written ({error.strerror})")
    touched.add(file.out.parent)
    return _row("instance", file, out=_shown(file.out), **answer.value)


def _row(kind: str, file: _File, **fields: Any) -> Row:
    return {"type": kind, "path": _shown(file.path), **fields}


def _shown(path: Path) -> str:
    """A name whose bytes are no UTF-8 must still fit into a JSON line."""
    return os.fsencode(path).decode("utf-8", "replace")


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
