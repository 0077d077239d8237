"""What a transcoding saved: by modality and in total, as a table, CSV and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mediasvc.errors import StorageError

Row = dict[str, Any]
COLUMNS = ("type", "path", "out", "sop_instance_uid", "modality", "source_ts", "target_ts",
           "frames",
           "native_bytes", "source_bytes", "encoded_bytes", "ratio", "seconds", "verified", "proof",
           "max_error", "psnr", "ssim", "reason")


@dataclass
class Sums:
    """Instances of one kind. Bytes are of pixel data."""

    instances: int = 0
    native_bytes: int = 0
    source_bytes: int = 0
    encoded_bytes: int = 0

    def add(self, row: Row) -> None:
        self.instances += 1
        self.native_bytes += row["native_bytes"]
        self.source_bytes += row["source_bytes"]
        self.encoded_bytes += row["encoded_bytes"]

    @property
    def ratio(self) -> float | None:
        """native : encoded, None where nothing was encoded."""
        return round(self.native_bytes / self.encoded_bytes, 4) if self.encoded_bytes else None

    def as_json(self) -> Row:
        return {"instances": self.instances, "native_bytes": self.native_bytes,
                "source_bytes": self.source_bytes, "encoded_bytes": self.encoded_bytes,
                "ratio": self.ratio}


@dataclass
class Ratios:
    """``add`` every row of `work.transcode_tree`."""

    total: Sums = field(default_factory=Sums)
    by_modality: dict[str, Sums] = field(default_factory=dict)
    skipped: int = 0
    failed: int = 0

    def add(self, row: Row) -> None:
        if row["type"] == "instance":
            self.total.add(row)
            self.by_modality.setdefault(row["modality"] or "-", Sums()).add(row)
        elif row["type"] == "skipped":
            self.skipped += 1
        else:
            self.failed += 1

    def summary(self, seconds: float) -> Row:
        """CONTRACT's summary; ``seconds`` is the wall time of the whole run."""
        return {**self.total.as_json(), "skipped": self.skipped, "failed": self.failed,
                "seconds": round(seconds, 3),
                "mb_per_s": round(self.total.native_bytes / seconds / 1e6, 2) if seconds else None,
                "by_modality": {name: sums.as_json()
                                for name, sums in sorted(self.by_modality.items())}}

    def table(self) -> list[tuple[str, ...]]:
        """Head and rows for people: modality, instances, MB native, received, written, ratio."""
        head = ("modality", "instances", "native MB", "before MB", "after MB", "ratio")
        rows = [(name, *_cells(sums)) for name, sums in sorted(self.by_modality.items())]
        return [head, *rows, ("total", *_cells(self.total))]


def _cells(sums: Sums) -> tuple[str, ...]:
    return (str(sums.instances), *(f"{size / 1e6:.2f}" for size in (
        sums.native_bytes, sums.source_bytes, sums.encoded_bytes)),
        f"{sums.ratio:.2f} : 1" if sums.ratio else "-")


class RowFile:
    """Rows into a CSV and a JSON file as they come, so that memory stays flat."""

    def __init__(self, csv_file: IO[str] | None, json_file: IO[str] | None) -> None:
        self._csv = csv.DictWriter(csv_file, COLUMNS, extrasaction="ignore") if csv_file else None
        self._json, self._first = json_file, True
        if self._csv:
            self._csv.writeheader()
        if self._json:
            self._json.write('{"rows": [')

    def add(self, row: Row) -> None:
        if self._csv:
            self._csv.writerow({key: _cell(value) for key, value in row.items()})
        if self._json:
            self._json.write("\n" if self._first else ",\n")
            self._json.write(json.dumps(row, ensure_ascii=False))
            self._first = False

    def close(self, summary: Row) -> None:
        if self._json:
            self._json.write(f'\n], "summary": {json.dumps(summary, ensure_ascii=False)}}}\n')


def _cell(value: Any) -> Any:
    """A path that a spreadsheet would take for a formula is made text (FAULTS invariant 22)."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


@contextmanager
def row_file(csv_path: Path | None, json_path: Path | None) -> Iterator[RowFile]:
    """Raises StorageError when a report cannot be written."""
    with ExitStack() as files:
        try:
            opened = [files.enter_context(path.open("w", encoding="utf-8", newline=""))
                      if path else None for path in (csv_path, json_path)]
        except OSError as error:
            raise StorageError(f"the report cannot be written ({error.strerror})") from error
        yield RowFile(*opened)
