"""Series of single-frame images become multi-frame objects, each proven to give its files back."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediasvc.errors import (
    DamagedError,
    SettingsError,
    StorageError,
    UnsupportedError,
)
from mediasvc.nursery import Nursery
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.settings import Settings
from mediasvc.work.joining.join_kind import Group, Scanned, group_of, kinds_of
from mediasvc.work.joining.join_rows import Row, joined_row, refused_row
from mediasvc.work.joining.join_sources import Source, shown
from mediasvc.work.turns.batches import run_batches

Report = Callable[[int, int, str], None]
Places = dict[str, tuple[str, str, str]]

SCAN, JOIN, SPLIT = (f"mediasvc.work.joining.{name}"
                     for name in ("join_scan", "join_file", "split_file"))
BATCH = 32
#: A child may take the settings' time, and a second more for each of these.
SLOWEST_BYTES_PER_SECOND, SLOWEST_FILES_PER_SECOND = 8 << 20, 20
#: Address space: files are mapped one at a time, the new one and its proof once.
MAPPINGS = 3


@dataclass(frozen=True, slots=True)
class JoinOrder:
    """``out``: the one new file, or with ``into`` a folder for one file per object. ``apart``:
    images that cannot be frames of one object become several. ``known``: SOP Instance UID → class,
    study and series of images that are not among the files."""

    sources: tuple[Source, ...]
    out: Path
    apart: bool = False
    into: bool = False
    known: Places = field(default_factory=dict)


def join_series(order: JoinOrder, settings: Settings, report: Report) -> Iterator[Row]:
    """Rows ``joined``, ``refused`` (a series or a file) and ``skipped`` (no image for us).

    Each joined object gets its name only after all its files were made of it again and had the
    sha256 that they have. Raises SettingsError, StorageError for what is not about one series.
    """
    total = sum(one.span.length for one in order.sources)
    largest = max((one.span.length for one in order.sources), default=0)
    seconds = (settings.limits.item_seconds + 2 * total / SLOWEST_BYTES_PER_SECOND
               + len(order.sources) / SLOWEST_FILES_PER_SECOND)
    memory = settings.limits.child_memory + MAPPINGS * largest + total
    nursery = Nursery(SCAN, JOIN, SPLIT, "mediasvc.dicom.walk_kernel")
    with Sandbox(settings.work.count(), memory, seconds, nursery) as sandbox:
        yield from _Run(order, sandbox, settings, report, dict(order.known)).rows()


@dataclass
class _Run:
    order: JoinOrder
    sandbox: Sandbox
    settings: Settings
    report: Report
    places: Places = field(default_factory=dict)
    """Of everything that was looked at, and what the order knows."""
    series: dict[str, list[Scanned]] = field(default_factory=dict)
    troubles: dict[str, list[str]] = field(default_factory=dict)
    under_way: dict[str, Group] = field(default_factory=dict)

    def rows(self) -> Iterator[Row]:
        yield from self._scan()
        groups: list[Group] = []
        for uid in sorted(self.series.keys() | self.troubles.keys()):
            found, refused = self._groups(uid)
            groups += found
            yield from refused
        outs = self._outs(groups)
        try:
            for done, answer in enumerate(self.sandbox.map(
                    f"{JOIN}:join_files", self._requests(groups, outs)), 1):
                self.report(done, len(groups), "joined")
                group = groups[answer.key]
                yield self._finished(group, outs[answer.key], answer)
        finally:
            for temp in self.under_way:
                Path(temp).unlink(missing_ok=True)

    def _scan(self) -> Iterator[Row]:
        items = ({"span": one.span.as_json(), "number": number}
                 for number, one in enumerate(self.order.sources))
        for done, (item, answer) in enumerate(run_batches(
                self.sandbox, f"{SCAN}:scan_files", items, BATCH), 1):
            self.report(done, len(self.order.sources), "looking at")
            source = self.order.sources[item["number"]]
            if answer.error:
                yield {"type": "refused", "path": source.label, "reason": answer.text,
                       "advice": ""}
                continue
            yield from self._sorted(source, answer.value)

    def _sorted(self, source: Source, facts: dict[str, Any]) -> Iterator[Row]:
        uid = facts.get("sop_uid")
        if uid:
            self.places[uid] = (facts["sop_class"], facts["study"], facts["series"])
        if "other" in facts:
            yield {"type": "skipped", "path": source.label, "reason": facts["other"]}
        elif "trouble" in facts:
            self.troubles.setdefault(facts["series"], []).append(
                f"{source.label.rpartition('/')[2]}: {facts['trouble']}")
        else:
            self.series.setdefault(facts["series"], []).append(
                Scanned(source.label, source.span, facts))

    def _groups(self, uid: str) -> tuple[list[Group], list[Row]]:
        """Nothing of a series is joined while one of its images cannot be, unless asked."""
        files, troubles = self.series.get(uid, []), self.troubles.get(uid, [])
        rows = [refused_row(uid, len(troubles), UnsupportedError(troubles[0]))] if troubles else []
        if troubles and (not self.order.apart or not files):
            rows[0]["instances"] += len(files)
            return [], rows
        try:
            kinds = kinds_of(files, apart=self.order.apart)
        except UnsupportedError as trouble:
            return [], [*rows, refused_row(uid, len(files), trouble)]
        groups: list[Group] = []
        for members in kinds:
            try:
                groups.append(group_of(uid, len(groups) + 1, members))
            except UnsupportedError as trouble:
                rows.append(refused_row(uid, len(members), trouble))
        return groups, rows

    def _outs(self, groups: list[Group]) -> list[Path]:
        out = self.order.out
        if len(groups) == 1 and not self.order.into:
            outs = [out]
        else:
            if out.exists() and not out.is_dir():
                raise SettingsError("there are several objects, and OUT is no folder",
                                    "Name a folder.")
            outs = [out / f"MF{number:06d}.dcm" for number in range(1, len(groups) + 1)]
        for one in outs:
            if os.path.lexists(one):
                raise SettingsError(f"{shown(one)} is there already", "Choose another name.")
        if outs:
            try:
                outs[0].parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(f"it cannot be written ({error.strerror})") from error
        return outs

    def _requests(self, groups: list[Group], outs: list[Path],
                  ) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, (group, out) in enumerate(zip(groups, outs, strict=True)):
            temp = str(out.parent / f".{uuid.uuid4().hex}.part")
            self.under_way[temp] = group
            yield number, self._request(group, temp)

    def _request(self, group: Group, temp: str) -> dict[str, Any]:
        first = group.files[0].facts
        kind = first["kind"]
        refers = {uid for one in group.files for uid in one.facts["refers"]}
        return {
            "items": [{"span": one.span.as_json(), "sop_class": one.facts["sop_class"],
                       "sop_uid": one.sop_uid, "frame_bytes": one.facts["frame_bytes"]}
                      for one in group.files],
            "out": temp,
            "order": {"enhanced": group.conversion.enhanced, "series": group.series,
                      "number": group.number, "native": group.native,
                      "syntax": group.transfer_syntax_uid,
                      "bits_allocated": int(kind["Bits Allocated"]),
                      "known": {uid: self.places[uid] for uid in sorted(refers)
                                if uid in self.places}}}

    def _finished(self, group: Group, out: Path, answer: Answer) -> Row:
        temp = next(temp for temp, one in self.under_way.items() if one is group)
        if answer.error:
            Path(temp).unlink(missing_ok=True)
            del self.under_way[temp]
            if answer.error == StorageError.__name__:
                raise StorageError(answer.text)
            return refused_row(group.series, len(group.files), DamagedError(answer.text))
        try:
            os.rename(temp, out)  # noqa: PTH104 - plain strings
            _sync(out.parent)
        except OSError as error:
            raise StorageError(f"it cannot be written ({error.strerror})") from error
        del self.under_way[temp]
        return joined_row(group, out, answer.value)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
