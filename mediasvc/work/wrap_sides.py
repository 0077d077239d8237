"""Whose file is it, file by file: one side file for all, a table, or a side-car beside each.

A side-car ``NAME.json`` may add to what is said for all; another patient it may not name.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediasvc.errors import MediasvcError, SettingsError
from mediasvc.work.wrap_identity import (
    LIMIT,
    WORDS,
    Identity,
    identity_of,
    read_values,
)

SIDE_CAR, TABLE = ".json", ".csv"
#: Column of a table that names the file.
FILE = "file"
#: Who the patient is; two statements of it must be the same.
PATIENT = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex")
_WHOLE = frozenset({"US", "UL", "UV", "SS", "SL", "SV"})
_BROKEN = frozenset({"FL", "FD"})
_ONE = frozenset({"LT", "ST", "UT", "UR"})
#: What is known of each file, or why nothing is.
Identities = Mapping[Path, Identity | MediasvcError]


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


def for_all(files: Iterable[Path], identity: Identity) -> Identities:
    """One for every file, each with what its side-car says besides."""
    return {path: _with_side_car(path, identity) for path in files}


def from_table(files: Iterable[Path], table: Table) -> Identities:
    """The row of each file, with its side-car."""
    missing = SettingsError("the table has no row for this file")
    found = {path: table.find(path) for path in files}
    return {path: missing if identity is None else _with_side_car(path, identity)
            for path, identity in found.items()}


def from_side_cars(files: Iterable[Path]) -> Identities:
    """Only what lies beside each file. Raises SettingsError when one has nothing."""
    found: dict[Path, Identity | MediasvcError] = {}
    for path in files:
        side = side_car(path)
        if not side.is_file():
            raise SettingsError("Say whose the files are with --identity or --patient, or with a "
                                "side-car FILE.json beside each.", "No patient is ever assumed.")
        try:
            found[path] = identity_of(read_values(side, "the side-car"), "the side-car")
        except SettingsError as trouble:
            found[path] = trouble
    return found


def side_car(path: Path) -> Path:
    return path.with_name(path.name + SIDE_CAR)


def sides_of(path: Path) -> list[Path]:
    """The side-car and the table that lie beside a file or folder and are named after it."""
    return [side for suffix in (TABLE, SIDE_CAR, TABLE.upper(), SIDE_CAR.upper())
            if (side := path.with_name(path.name + suffix)).is_file()]


def _with_side_car(path: Path, identity: Identity) -> Identity | MediasvcError:
    side = side_car(path)
    if not side.is_file():
        return identity
    try:
        said = read_values(side, "the side-car")
        identity_of(said | {"PatientID": identity.attributes["PatientID"]}, "the side-car")
        return merged(identity, said)
    except SettingsError as trouble:
        return trouble


def merged(identity: Identity, said: Mapping[str, Any]) -> Identity:
    """What was ``said`` of one file goes before what was said of all.

    Raises SettingsError when it is another person.
    """
    for keyword in PATIENT:
        new, old = str(said.get(keyword) or ""), str(identity.attributes.get(keyword) or "")
        if new and old and new.casefold() != old.casefold():
            raise SettingsError("the side-car names another patient than was said for all files")
    known = {keyword: value for keyword, value in said.items()
             if value not in (None, "") and not (keyword in PATIENT
                                                 and identity.attributes.get(keyword))}
    return Identity(identity.attributes | known, identity.patient)


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
