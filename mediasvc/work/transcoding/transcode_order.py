"""What `mediasvc transcode` is told to do, and the files that this means."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mediasvc.codecs.table import codec, missing
from mediasvc.errors import NotFoundError, SettingsError
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.transcoding.transcode_row import Options


@dataclass(frozen=True, slots=True)
class Order:
    """``out`` is a file when ``source`` is one. ``force``: what stands there is replaced.
    ``rewrite_references``: what names an image that was copied with loss names the copy."""

    source: Path
    out: Path
    target: ts.TransferSyntax
    options: Options
    force: bool = False
    workers: int = 0
    rewrite_references: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """``out`` lies in ``folder``. ``refused`` says why it is not even read; empty when it is.

    Plain strings: a tree has many of them.
    """

    path: str
    folder: str
    out: str
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
    if order.rewrite_references and not makes_copies(order.target):
        raise SettingsError(f"{order.target.label} keeps the instances, so references stay right")
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


def makes_copies(target: ts.TransferSyntax) -> bool:
    """Whether a lossy copy is made, an instance of its own. Packing a JPEG stream changes no pixel,
    whatever its syntax says."""
    return target.loss != "never" and target.uid != ts.JPEG_XL_JPEG


def files_of(order: Order) -> Iterator[File]:
    """Every entry below IN in a fixed order; links, devices and pipes are named, not followed."""
    if not order.source.is_dir():
        yield _file(str(order.source), str(order.out.parent), order.out.name, order.force)
        return
    for folder, folders, names in os.walk(order.source):
        folders.sort()
        links = [name for name in folders if Path(folder, name).is_symlink()]
        out = str(order.out / Path(folder).relative_to(order.source))
        for name in sorted(names + links):
            yield _file(f"{folder}/{name}", out, name, order.force)


def _file(path: str, folder: str, name: str, force: bool) -> File:
    out = f"{folder}/{name}"
    try:
        status = os.lstat(path)
    except OSError as error:
        return File(path, folder, out, 0, f"it cannot be read ({error.strerror})")
    if not stat.S_ISREG(status.st_mode):
        return File(path, folder, out, 0, "it is a link or no regular file")
    there = "OUT has a file of this name already (--force)"
    refused = there if not force and os.path.lexists(out) else ""
    return File(path, folder, out, status.st_size, refused)
