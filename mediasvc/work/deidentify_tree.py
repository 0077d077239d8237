"""Files and folders outside the archive, de-identified into a new tree."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.dicom.deidentify_keys import UID_AS_NAME
from mediasvc.errors import NotFoundError, SettingsError
from mediasvc.media.disc.disc_file import DICOMDIR
from mediasvc.model import Finding, InstanceHeader
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.span import Span
from mediasvc.work.deidentifying.deidentify_order import Privacy, Renamed
from mediasvc.work.turns.batches import Item, run_batches

CHILD = "mediasvc.work.deidentifying.deidentify:deidentify_items"
BATCH = 8
LINK = "it is a link, and where links lead is not looked at; name that folder"
SAME = "another file of IN is the same instance"
OTHER = "another file of IN has the same SOP Instance UID and is not the same; look which is right"
Report = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Done:
    """One file of IN. ``out`` is None where nothing came of it, and ``reason`` says why."""

    source: Path
    out: Path | None
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    renamed: Renamed | None = None


def deidentify_tree(sandbox: Sandbox, source: Path, out: Path, privacy: Privacy, report: Report,
                    ) -> Iterator[Done]:
    """Every DICOM file at or below ``source``; names of files and folders are new, too: they often
    are names of patients. The new tree is OUT/patient/study/series/instance.dcm.

    Raises NotFoundError (nothing there, too), or SettingsError when ``out`` has something in it.
    """
    files, links = _files(source)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsError(f"{out.name} is there already.", "Choose another OUT, or empty it.")
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    yield from (Done(path, None, LINK) for path in links)
    common = privacy.as_json()
    items: Iterator[Item] = (
        {"number": number, "path": str(path), "span": Span.of_file(path).as_json(),
         "privacy": common, "out": str(out / f"{number:08d}.part")}
        for number, path in enumerate(files))
    answers = _in_order(run_batches(sandbox, CHILD, items, BATCH))
    for done, (item, answer) in enumerate(answers, 1):
        report(done, len(files), "de-identifying")
        path, temp = Path(item["path"]), Path(item["out"])
        if answer.error:
            temp.unlink(missing_ok=True)
            yield Done(path, None, answer.text)
        else:
            yield _placed(path, temp, out, answer.value)


def _in_order(answers: Iterable[tuple[Item, Answer]]) -> Iterator[tuple[Item, Answer]]:
    """As the files of IN are sorted: of two that claim to be one instance, the same stays every
    time."""
    early: dict[int, tuple[Item, Answer]] = {}
    wanted = 0
    for item, answer in answers:
        early[item["number"]] = item, answer
        while wanted in early:
            yield early.pop(wanted)
            wanted += 1


def _placed(path: Path, temp: Path, out: Path, row: dict[str, Any]) -> Done:
    header = InstanceHeader.from_json(row["header"])
    target = out.joinpath(header.patient_id, _name(header.study_instance_uid, "study"),
                          _name(header.series_instance_uid, "series"),
                          f"{_name(header.sop_instance_uid, 'instance')}.dcm")
    if target.exists():
        same = filecmp.cmp(temp, target, shallow=False)
        temp.unlink()
        return Done(path, None, SAME if same else OTHER)
    target.parent.mkdir(parents=True, exist_ok=True)
    temp.rename(target)
    before = InstanceHeader.from_json(row["before"])
    return Done(path, target, findings=tuple(Finding(**one) for one in row["findings"]),
                renamed=Renamed(before, header, int(row["days"])))


def _name(uid: str, other: str) -> str:
    return uid if UID_AS_NAME.fullmatch(uid) else other


def _files(source: Path) -> tuple[list[Path], list[Path]]:
    """And the links among them."""
    if source.is_file():
        return [source], []
    if not source.is_dir():
        raise NotFoundError("There is no such file or folder.")
    found = sorted(path for path in source.rglob("*") if (path.is_file() or path.is_symlink())
                   and path.name.upper() != DICOMDIR)  # it lists the old names
    if not found:
        raise NotFoundError("There is no file in that folder.")
    return ([path for path in found if not path.is_symlink()],
            [path for path in found if path.is_symlink()])
