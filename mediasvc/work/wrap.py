"""Ordinary files become DICOM instances, batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mediasvc.errors import MediasvcError, SettingsError, StorageError
from mediasvc.nursery import Nursery
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Settings
from mediasvc.work.building.private_folder import private_folder
from mediasvc.work.wrapping.wrap_identity import Identity
from mediasvc.work.wrapping.wrap_models import MATERIALS, Materials
from mediasvc.work.wrapping.wrap_one import PROBE, Batch, WrapOrder, Wrapping, probe, shown_path
from mediasvc.work.wrapping.wrap_sides import Identities

__all__ = ["WrapOrder", "probe", "wrap_files"]

#: A transport stream is read through to count its pictures: a second more for each of these.
SLOWEST_BYTES_PER_SECOND = 32 << 20


def wrap_files(order: WrapOrder, settings: Settings) -> Iterator[dict[str, Any]]:
    """One row of CONTRACT per file: ``wrapped`` or ``refused``; material libraries come first.

    Raises SettingsError and StorageError for what is not about one file.
    """
    targets = _targets(order)
    largest = max((path.stat().st_size for path in order.files if path.is_file()), default=0)
    seconds = settings.limits.item_seconds + largest / SLOWEST_BYTES_PER_SECOND
    with (Sandbox(1, settings.limits.child_memory, seconds, Nursery(PROBE)) as sandbox,
          private_folder() as scratch):
        batch = Batch(replace(order, identities=_dated(order, sandbox, scratch)), sandbox,
                      scratch, settings.limits.child_memory, Materials())
        for path in sorted(order.files, key=lambda one: one.suffix.lower() != MATERIALS):
            try:
                yield Wrapping(batch, path, targets[path]).row()
            except (SettingsError, StorageError):
                raise
            except MediasvcError as trouble:
                yield {"type": "refused", "path": shown_path(path), "reason": trouble.text,
                       "advice": trouble.advice}


def _dated(order: WrapOrder, sandbox: Sandbox, scratch: Path) -> Identities:
    """One study for all files that may be one: of the first day on which one of them was taken."""
    groups: dict[str, dict[Path, Identity]] = {}
    for path, identity in order.identities.items():
        if isinstance(identity, Identity) and not identity.has_study:
            groups.setdefault(identity.study_uid, {})[path] = identity
    dated = dict(order.identities)
    for group in groups.values():
        days = {_day(path, sandbox, scratch) for path in group} - {""}
        dated |= {path: identity.on(min(days, default=""))
                  for path, identity in group.items()}
    return dated


def _day(path: Path, sandbox: Sandbox, scratch: Path) -> str:
    """On which day the file was taken, if it says so."""
    if path.is_file():
        with suppress(MediasvcError):  # it is told when its turn comes
            return str(getattr(probe(sandbox, path, scratch), "taken", ""))[:8]
    return ""


def _targets(order: WrapOrder) -> dict[Path, Path]:
    """Where each instance goes. Raises SettingsError when two would be one."""
    if order.out is None:
        return {path: path.with_name(path.name + ".dcm") for path in order.files}
    if not order.out.is_dir():
        return dict.fromkeys(order.files, order.out)
    names = {path: path.name + ".dcm" for path in order.files}
    twice = {name for name, count in Counter(names.values()).items() if count > 1}
    if twice and not order.numbered:
        raise SettingsError("two of the files have the same name.", "Wrap them one by one.")
    return {path: order.out / (f"{number}-{name}" if name in twice else name)
            for number, (path, name) in enumerate(names.items(), 1)}
