"""Files and folders outside the archive, de-identified into a new tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.errors import NotFoundError, SettingsError
from mediasvc.media.disc.disc_file import DICOMDIR
from mediasvc.model import Finding, InstanceHeader
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.work.deidentifying.deidentify_order import Privacy, Renamed
from mediasvc.work.turns.batches import Item, run_batches

CHILD = "mediasvc.work.deidentifying.deidentify:deidentify_items"
BATCH = 8
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

    Raises NotFoundError, or SettingsError when ``out`` has something in it.
    """
    files = _files(source)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsError(f"{out.name} is there already.", "Choose another OUT, or empty it.")
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    common = privacy.as_json()
    items: Iterator[Item] = (
        {"path": str(path), "span": Span.of_file(path).as_json(), "privacy": common,
         "out": str(out / f"{number:08d}.part")} for number, path in enumerate(files))
    for done, (item, answer) in enumerate(run_batches(sandbox, CHILD, items, BATCH), 1):
        report(done, len(files), "de-identifying")
        path, temp = Path(item["path"]), Path(item["out"])
        if answer.error:
            temp.unlink(missing_ok=True)
            yield Done(path, None, answer.text)
        else:
            yield _placed(path, temp, out, answer.value)


def _placed(path: Path, temp: Path, out: Path, row: dict[str, Any]) -> Done:
    header = InstanceHeader.from_json(row["header"])
    target = out.joinpath(header.patient_id, header.study_instance_uid or "study",
                          header.series_instance_uid or "series", f"{header.sop_instance_uid}.dcm")
    if target.exists():
        temp.unlink()
        return Done(path, None, "another file of IN is the same instance")
    target.parent.mkdir(parents=True, exist_ok=True)
    temp.rename(target)
    before = InstanceHeader.from_json(row["before"])
    return Done(path, target, findings=tuple(Finding(**one) for one in row["findings"]),
                renamed=Renamed(before, header, int(row["days"])))


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise NotFoundError("There is no such file or folder.")
    return sorted(path for path in source.rglob("*") if path.is_file() and not path.is_symlink()
                  and path.name.upper() != DICOMDIR)  # it lists the old names
