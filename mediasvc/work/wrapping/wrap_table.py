"""A table that says whose the files of a batch are: a CSV file with a row for each."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.errors import SettingsError
from mediasvc.work.wrapping.wrap_identity import LIMIT, PATIENT, WORDS, Identity, identity_of

#: Column of a table that names the file.
FILE = "file"
_WHOLE = frozenset({"US", "UL", "UV", "SS", "SL", "SV"})
_BROKEN = frozenset({"FL", "FD"})
_ONE = frozenset({"LT", "ST", "UT", "UR"})


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a CSV file by the name of their file as it stands there, below ``folder``."""

    folder: Path
    rows: dict[str, Identity]

    def find(self, path: Path) -> Identity | None:
        """The row of a file: by its path, or by its name alone."""
        for name, identity in self.rows.items():
            if (self.folder / name).absolute() == path.absolute():
                return identity
        return self.rows.get(path.name)


def read_table(path: Path) -> Table:
    """A CSV file in UTF-8 with a header: ``file``, ``patient_id`` and other words of a side file.

    Separated by comma, semicolon or tab. Raises SettingsError with the number of the line; values
    are never quoted.
    """
    try:
        data = path.read_bytes()[:LIMIT * 16 + 1]
        if len(data) > LIMIT * 16:
            raise SettingsError("the table is larger than 16 MiB")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"the table cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SettingsError("the table is not in UTF-8.", "Save it as CSV UTF-8.") from error
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: dict[str, Identity] = {}
    people: dict[tuple[str, str], tuple[int, Identity]] = {}
    try:
        columns = _columns(next(lines, []))
        for values in lines:
            if any(value.strip() for value in values):
                name, identity = _row(columns, values, lines.line_num)
                if name in rows:
                    raise SettingsError(f"line {lines.line_num} of the table names a file twice")
                _same_person(people, identity, lines.line_num)
                rows[name] = identity
    except csv.Error as error:
        raise SettingsError(f"line {lines.line_num} of the table is not CSV") from error
    return Table(path.absolute().parent, rows)


def _columns(header: list[str]) -> list[str]:
    columns = [WORDS.get(name.strip(), name.strip()) for name in header]
    for needed in (FILE, "PatientID"):
        if needed not in columns:
            raise SettingsError("the table needs the columns file and patient_id in its first line")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise SettingsError(f"the table has the column {twice[0]!r} twice")
    return columns


def _row(columns: list[str], values: list[str], line: int) -> tuple[str, Identity]:
    if len(values) != len(columns):
        raise SettingsError(f"line {line} of the table has {len(values)} values for "
                            f"{len(columns)} columns")
    row = {name: value.strip() for name, value in zip(columns, values, strict=True)}
    name = row.pop(FILE)
    if not name:
        raise SettingsError(f"line {line} of the table names no file")
    what = f"line {line} of the table"
    try:
        return name, identity_of({keyword: _cell(keyword, text) for keyword, text in row.items()
                                  if text}, what)
    except ValueError as error:
        raise SettingsError(f"{what} has a value that does not fit its attribute") from error


def _cell(keyword: str, text: str) -> Any:
    """Text as JSON would have it. Raises ValueError."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    tag = tag_for_keyword(keyword)
    vr = dictionary_VR(tag).split(" or ")[0] if tag is not None else "LO"
    if vr == "SQ":
        return json.loads(text)
    parts: list[Any] = [text] if vr in _ONE else text.split("\\")
    if vr in _WHOLE or vr in _BROKEN:
        parts = [(int if vr in _WHOLE else float)(part) for part in parts]
    return parts if len(parts) > 1 else parts[0]


def _same_person(people: dict[tuple[str, str], tuple[int, Identity]], identity: Identity,
                 line: int) -> None:
    """One identifier is one person in a table."""
    known = identity.attributes
    key = (str(known["PatientID"]), str(known.get("IssuerOfPatientID") or ""))
    earlier, other = people.setdefault(key, (line, identity))
    for keyword in PATIENT:
        new, old = known.get(keyword), other.attributes.get(keyword)
        if new and old and new != old:
            raise SettingsError(f"lines {earlier} and {line} of the table say different things of "
                                "one patient")
