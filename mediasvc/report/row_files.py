"""Rows into CSV and JSON files as they come."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from mediasvc.errors import StorageError
from mediasvc.report import units

Row = dict[str, Any]
COLUMNS = ("type", "path", "out", "sop_instance_uid", "source_uid", "modality", "source_ts",
           "target_ts", "frames", "native_bytes", "source_bytes", "encoded_bytes", "ratio",
           "seconds", "verified", "proof", "foreign_frames", "decoded_by", "source_decoded_by",
           "max_error", "psnr", "ssim", "sha256", "reason")


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
    """Counts as words; a path that a spreadsheet would take for a formula is made text (FAULTS
    invariant 22)."""
    if isinstance(value, dict):
        return units.counts(value)
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
