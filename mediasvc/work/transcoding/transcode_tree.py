"""A file or a tree into another transfer syntax: OUT mirrors IN, one proven file at a time."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mediasvc.media.fetch import fetch
from mediasvc.nursery import Nursery
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.settings import Settings
from mediasvc.span import Span
from mediasvc.work.transcoding.refer import Candidate, refer_to_copies
from mediasvc.work.transcoding.transcode_children import MODULE, children_need
from mediasvc.work.transcoding.transcode_order import File, Order, files_of, makes_copies
from mediasvc.work.transcoding.transcode_place import Placing
from mediasvc.work.turns.batches import run_batches

Report = Callable[[int, int, str], None]
Row = dict[str, Any]

#: A child may take the settings' time for a file, and a second more for each of this many bytes.
SLOWEST_BYTES_PER_SECOND = 1 << 20
#: These answers of a child mean that the file is not for us; all others that something went wrong.
_SKIPPED = {"UnsupportedError": "", "NotDicomError": "it is no DICOM file"}
#: Address space is limited, and large files are mapped: the received one, the new frames, the
#: written file.
MAPPINGS = 3
#: A file of at most so many bytes is small, and a batch has at most so many of them.
SMALL, BATCH = 4 << 20, 32


def transcode_tree(order: Order, settings: Settings, report: Report,
                   nursery: Nursery | None = None) -> Iterator[Row]:
    """One row per file as it is done: CONTRACT's ``instance``, ``skipped`` or ``failed`` line, and
    ``referring`` for what names lossy copies afterwards.

    ``order`` must come from `check_order`; ``nursery`` may be loading `children_need` already.
    Every file is decoded in a limited child; what it wrote gets its final name only after it was
    proven and is on the disk.
    """
    nursery = nursery or Nursery(*children_need(order.target))
    files = list(files_of(order))
    largest = max((file.length for file in files), default=0)
    seconds = settings.limits.item_seconds + largest / SLOWEST_BYTES_PER_SECOND
    memory = settings.limits.child_memory + MAPPINGS * largest
    workers = order.workers or settings.work.count()
    with Sandbox(min(workers, max(1, len(files))), memory, seconds, nursery) as sandbox:
        run = _Run(sandbox, order, workers)
        try:
            for done, row in enumerate(run.rows(files), 1):
                report(min(done, len(files)), len(files), row["path"].rpartition("/")[2])
                yield row
        finally:
            run.close()


@dataclass
class _Run:
    """``under_way``: temporary files and what they are to be. ``copies``: source UID → new one."""

    sandbox: Sandbox
    order: Order
    workers: int
    placing: Placing = field(default_factory=Placing)
    under_way: dict[str, File] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)
    held: dict[str, Row] = field(default_factory=dict)

    def rows(self, files: list[File]) -> Iterator[Row]:
        """Large files first, one at a time for each child; small ones in batches, so that a child
        is asked, and the disk made to keep them, once for many."""
        yield from (_row("skipped", file, reason=file.refused) for file in files if file.refused)
        large = [file for file in files if not file.refused and file.length > SMALL]
        small = [file for file in files if not file.refused and file.length <= SMALL]
        yield from self._transcoded(large, 1)
        most = 1 if makes_copies(self.order.target) else BATCH  # the search of a lossy one is slow
        yield from self._transcoded(small, max(1, min(most, len(small) // (4 * self.workers))))
        if self.order.rewrite_references:
            yield from self._referring()

    def close(self) -> None:
        """Also when the caller stopped listening: no half file, and what is named is on disk."""
        for temp in self.under_way:
            Path(temp).unlink(missing_ok=True)
        self.placing.close()

    def _transcoded(self, files: list[File], size: int) -> Iterator[Row]:
        threads = max(1, self.workers // max(1, len(files))) if size == 1 else 1
        options = replace(self.order.options, threads=threads).as_json()
        for item, answer in run_batches(
                self.sandbox, f"{MODULE}:transcode_files", self._items(files), size,
                target=self.order.target.uid, options=options):
            temp = item["out"]
            if answer.error:
                yield from self._refused(temp, answer)
                continue
            self.placing.add(temp, self.under_way[temp], answer.value)
            if self.placing.due():
                yield from self._placed()
        yield from self._placed()

    def _items(self, files: list[File]) -> Iterator[dict[str, Any]]:
        for file in files:
            self.placing.enter(file.folder)
            temp = f"{file.folder}/.{uuid.uuid4().hex}.part"
            self.under_way[temp] = file
            span = Span(file.path, 0, file.length)
            if file.length <= SMALL:  # the children are busy with what was asked for before
                fetch(file.path, [span])
            yield {"span": span.as_json(), "out": temp}

    def _refused(self, temp: str, answer: Answer) -> Iterator[Row]:
        """A row, unless the file has yet to be looked at for references."""
        file = self.under_way.pop(temp)
        Path(temp).unlink(missing_ok=True)
        kind = "skipped" if answer.error in _SKIPPED else "failed"
        row = _row(kind, file, reason=_SKIPPED.get(answer.error) or answer.text)
        if self.order.rewrite_references and answer.error == "UnsupportedError":
            self.candidates.append(Candidate(
                Path(file.path), Path(file.path), Path(file.out), image=False))
            self.held[file.path] = row
        else:
            yield row

    def _placed(self) -> Iterator[Row]:
        for temp, file, value, reason in self.placing.placed():
            if reason:
                Path(temp).unlink(missing_ok=True)
            self.under_way.pop(temp)
            if reason:
                yield _row("failed", file, reason=reason)
                continue
            if self.order.rewrite_references:
                self.copies[value["source_uid"]] = value["sop_instance_uid"]
                self.candidates.append(Candidate(
                    Path(file.path), Path(file.out), Path(file.out), image=True))
            yield _row("instance", file, out=_shown(file.out), **value)

    def _referring(self) -> Iterator[Row]:
        for done in refer_to_copies(self.sandbox, self.candidates, self.copies,
                                    self.order.out if self.order.out.is_dir()
                                    else self.order.out.parent):
            one, held = done.candidate, self.held.get(str(done.candidate.path))
            if done.value:
                self.placing.touch(str(one.out.parent))
                yield {"type": "referring", "path": _shown(one.path), "out": _shown(one.out),
                       **done.value}
            elif done.problem:
                yield {"type": "failed", "path": _shown(one.path), "reason": done.problem}
            elif held:
                yield held


def _row(kind: str, file: File, **fields: Any) -> Row:
    return {"type": kind, "path": _shown(file.path), **fields}


def _shown(path: str | Path) -> str:
    """A name whose bytes are no UTF-8 must still fit into a JSON line."""
    return os.fsencode(path).decode("utf-8", "replace")
