"""Instances become ordinary files: PNG, JPEG, TIFF, MP4, PDF, STL, HTML, JSON (`mediasvc render`).

Foreign bytes are decoded in limited children, which write into folders of their own; what is whole
gets its name below the folder of the order.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from mediasvc.errors import StorageError, UnsupportedError
from mediasvc.nursery import Nursery
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.settings import Settings
from mediasvc.work.rendering.render_ffmpeg import can_film
from mediasvc.work.rendering.render_film import film_of_raw, still_of_stream
from mediasvc.work.rendering.render_order import RenderOptions, RenderOrder
from mediasvc.work.rendering.render_sources import Target, items_of
from mediasvc.work.turns.batches import run_batches

CHILD = "mediasvc.work.rendering.render_file"
#: What every child would load at its first instance.
CHILDREN = (CHILD, "mediasvc.work.rendering.render_pictures", "mediasvc.dicom.walk_kernel")
#: Small instances are asked for so many at a time.
BATCH, SMALL = 8, 4 << 20
#: A child may take the settings' time for a file, and a second more for each of this many bytes.
SLOWEST_BYTES_PER_SECOND = 1 << 18
#: The received file, and as much again for what is made of it.
MAPPINGS = 2
_SKIPPED = frozenset({"UnsupportedError"})

Report = Callable[[int, int, str], None]
Row = dict[str, Any]


def render(order: RenderOrder, targets: list[Target], settings: Settings, report: Report,
           sandbox: Sandbox | None = None) -> Iterator[Row]:
    """A row for each instance: ``rendered``, ``skipped`` or ``failed``; in order of completion.

    ``order`` must come from `check_render`. Large instances need a ``sandbox`` of their own, with
    other limits. Raises StorageError when nothing can be written.
    """
    options = replace(order.options, film=not can_film())
    yield from (_row("skipped", one, reason=one.refused) for one in targets if one.refused)
    with _work_folder(order.to) as folder:
        run = _Run(order, options, targets, settings, folder, sandbox)
        wanted = list(items_of(targets, folder))
        for done, row in enumerate(run.rows(wanted), 1):
            report(done, len(wanted), "rendering")
            yield row


@contextmanager
def _work_folder(to: Path) -> Iterator[Path]:
    """On the same file system, so that a finished file is only renamed."""
    try:
        to.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix=".render-", dir=to))
    except OSError as error:
        raise StorageError(f"The folder of --to cannot be written ({error.strerror}).") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Run:
    order: RenderOrder
    options: RenderOptions
    targets: list[Target]
    settings: Settings
    folder: Path
    sandbox: Sandbox | None

    def rows(self, items: list[dict[str, Any]]) -> Iterator[Row]:
        """The large ones alone, the small ones in batches."""
        small = [item for item in items if item["span"]["length"] <= SMALL]
        large = [item for item in items if item["span"]["length"] > SMALL]
        with self._children(items) as sandbox:
            size = min(BATCH, -(-len(small) // self.settings.work.count()) or 1)
            yield from self._batches(sandbox, large, 1)
            yield from self._batches(sandbox, small, size)

    @contextmanager
    def _children(self, items: list[dict[str, Any]]) -> Iterator[Sandbox]:
        limits = self.settings.limits
        largest = max((item["span"]["length"] for item in items), default=0)
        if self.sandbox is not None and largest <= SMALL:
            yield self.sandbox
            return
        with Sandbox(min(self.settings.work.count(), max(1, len(items))),
                     limits.child_memory + MAPPINGS * largest,
                     limits.item_seconds + largest / SLOWEST_BYTES_PER_SECOND,
                     Nursery(*CHILDREN)) as sandbox:
            yield sandbox

    def _batches(self, sandbox: Sandbox, items: list[dict[str, Any]], size: int) -> Iterator[Row]:
        for item, answer in run_batches(sandbox, f"{CHILD}:render_instances", items, size,
                                        options=self.options.as_json()):
            yield self._row(self.targets[item["number"]], Path(item["folder"]), answer)

    def _row(self, target: Target, folder: Path, answer: Answer) -> Row:
        if answer.error:
            shutil.rmtree(folder, ignore_errors=True)
            kind = "skipped" if answer.error in _SKIPPED else "failed"
            doubt = f" ({target.doubt})" if target.doubt else ""
            return _row(kind, target, reason=f"{answer.text}{doubt}")
        try:
            done = self._filmed(dict(answer.value), folder, target.stem)
            files = self._published(done.pop("files"), folder, target)
        except UnsupportedError as trouble:
            return _row("failed", target, reason=trouble.text)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if target.doubt:
            done["notes"] = [*done["notes"], f"it may not enter an archive: {target.doubt}"]
        return _row("rendered", target, files=files, **done)

    def _filmed(self, done: Row, folder: Path, stem: str) -> Row:
        """What only ffmpeg can make of what the child wrote."""
        raw, stream = done.pop("raw"), done.pop("stream")
        memory = self.settings.limits.child_memory
        if raw is not None:
            done["files"] = [film_of_raw(folder, stem, raw, memory)]
        elif stream:
            suffix = "jpg" if self.options.form == "jpeg" else "png"
            frame = self.options.frame
            done |= still_of_stream(folder, stem, done["files"][0], suffix, done["frames"],
                                    frame - 1 if frame > 0 else done["frames"] // 2, memory)
        return done

    def _published(self, names: list[str], folder: Path, target: Target) -> list[str]:
        """The paths of the finished files. Raises UnsupportedError, StorageError."""
        home = self.order.to / target.folder
        if any(name != Path(name).name or not name.startswith(target.stem) for name in names):
            raise UnsupportedError("its child gave names that make no sense")
        try:
            home.mkdir(parents=True, exist_ok=True)
            for name in names:
                if not self.order.force and os.path.lexists(home / name):
                    raise UnsupportedError("a file of its name is there already (--force)")
                (folder / name).replace(home / name)
        except OSError as error:
            raise StorageError(f"It cannot be written ({error.strerror}).") from error
        return [str(home / name) for name in names]


def _row(kind: str, target: Target, /, **fields: Any) -> Row:
    label = os.fsencode(target.label).decode("utf-8", "replace")
    return {"type": kind, "path": label, "sop_instance_uid": target.header.sop_instance_uid,
            "modality": target.header.modality, **fields}


