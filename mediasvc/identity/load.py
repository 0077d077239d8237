"""Rows of a patient list (CSV) read and checked; every trouble by row, without its value."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mediasvc.errors import DamagedError, SettingsError
from mediasvc.identity.hl7 import looks_like_hl7
from mediasvc.identity.placeholders import is_placeholder
from mediasvc.model import Demographics, PatientKey

REQUIRED = ("patient_id", "issuer", "name", "birth_date", "sex")
OPTIONAL = ("other_ids", "address", "postcode", "phone")
SEXES = ("M", "F", "O", "")
#: PS3.5 6.2: LO has 64 characters, each group of a PN as well.
TEXT_LIMIT = 64
FIELD_LIMIT = 1 << 16
_EMPTY = dict.fromkeys((*REQUIRED, *OPTIONAL), "")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class Row:
    """One person of the list. ``number`` counts data rows from 1, ``line`` lines of the file;
    ``troubles`` in words, empty when the row may be loaded."""

    number: int
    line: int
    key: PatientKey
    demographics: Demographics
    others: tuple[PatientKey, ...] = ()
    troubles: tuple[str, ...] = ()


def read_rows(path: Path, *, foreign: bool = False) -> Iterator[Row]:
    """The rows of a CSV file: UTF-8 with or without BOM, separated by comma, semicolon or tab.

    ``foreign``: the IDs are somebody else's, they may be empty. Raises SettingsError for what is
    no such file or lacks columns, DamagedError when it is not UTF-8.
    """
    for number, line, columns, values in read_table(path, REQUIRED, OPTIONAL):
        yield to_row(number, line, columns, values, foreign)


def read_table(path: Path, required: tuple[str, ...], optional: tuple[str, ...],
               ) -> Iterator[tuple[int, int, list[str], list[str]]]:
    """(number of the row, line of the file, columns, values) of any CSV list, as `read_rows`."""
    with _open(path) as file:
        reader = csv.reader(file, delimiter=_delimiter(file), strict=True)
        columns: list[str] | None = None
        number = 0
        try:
            for values in reader:
                if columns is None:
                    columns = _header(values, required, optional)
                elif any(value.strip() for value in values):
                    number += 1
                    yield number, reader.line_num, columns, values
        except UnicodeDecodeError as error:
            raise DamagedError("The list is not in UTF-8.",
                               "Save it as CSV UTF-8 and load it again.") from error
        except csv.Error as error:
            raise DamagedError(f"Line {reader.line_num} of the list is not CSV.",
                               "Look for a quote that does not end.") from error
        if columns is None:
            raise SettingsError("The list is empty.", f"Its first line names {_names(required)}.")


def is_hl7(path: Path) -> bool:
    """The file holds HL7 messages rather than a CSV list. Raises SettingsError."""
    try:
        with path.open("rb") as probe:
            return looks_like_hl7(probe.read(64))
    except OSError as error:
        raise SettingsError(f"The list cannot be opened ({error.strerror}).") from error


def _open(path: Path) -> io.TextIOWrapper:
    try:
        if is_hl7(path):
            raise SettingsError("These are HL7 messages, not a list of people to match.",
                                "Load them with mediasvc patients load.")
        csv.field_size_limit(FIELD_LIMIT)
        return path.open("r", encoding="utf-8-sig", newline="")
    except OSError as error:
        raise SettingsError(f"The list cannot be opened ({error.strerror}).") from error


def _delimiter(file: io.TextIOWrapper) -> str:
    """The one that the header line uses."""
    try:
        first = file.readline(FIELD_LIMIT)
        file.seek(0)
    except UnicodeDecodeError as error:
        raise DamagedError("The list is not in UTF-8.",
                           "Save it as CSV UTF-8 and load it again.") from error
    return max(",;\t", key=first.count)


def _header(values: list[str], required: tuple[str, ...], optional: tuple[str, ...],
            ) -> list[str]:
    columns = [value.strip().casefold().replace(" ", "_") for value in values]
    missing = [name for name in required if name not in columns]
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if missing or twice:
        said = [f"lacks {_names(missing)}"] if missing else []
        said += [f"names {_names(twice)} twice"] if twice else []
        raise SettingsError(f"The first line of the list {' and '.join(said)}.",
                            f"Required: {_names(required)}; optional: {_names(optional)}.")
    return columns


def _names(columns: tuple[str, ...] | list[str]) -> str:
    return ", ".join(columns)


def to_row(number: int, line: int, columns: list[str], values: list[str],
           foreign: bool = False) -> Row:
    """A row of `read_table`, checked."""
    troubles = []
    if len(values) > len(columns):
        troubles.append("more values than columns")
    row = dict(zip(columns, map(str.strip, values), strict=False))
    get = _EMPTY | row
    others, bad = _others(get["other_ids"])
    key = PatientKey(get["patient_id"], get["issuer"])
    sex = get["sex"].upper()
    troubles += [*key_troubles(key, foreign), *bad, *person_troubles(get["name"],
                                                                     get["birth_date"], sex)]
    # An address in several lines is one; these fields only tell people apart.
    reach = (" ".join(_CONTROL.sub(" ", get[name]).split())
             for name in ("address", "postcode", "phone"))
    who = Demographics(get["name"], get["birth_date"], "" if sex == "U" else sex, *reach)
    return Row(number, line, key, who, tuple(one for one in others if one != key),
               tuple(troubles))


def person_troubles(name: str, birth_date: str, sex: str) -> Iterator[str]:
    """Why a name, birth date or sex cannot stand in a data set, in words."""
    yield from name_troubles(name)
    if birth_date and not is_date(birth_date):
        yield "birth_date is not a date YYYYMMDD"
    if sex not in SEXES and sex != "U":
        yield "sex is not M, F or O"


def key_troubles(key: PatientKey, foreign: bool = False) -> Iterator[str]:
    """Why a Patient ID with its issuer cannot be a key; a ``foreign`` one may be empty."""
    for name, value in (("patient_id", key.patient_id), ("issuer", key.issuer)):
        if not value and not foreign:
            yield f"{name} is empty"
        if len(value) > TEXT_LIMIT:
            yield f"{name} is longer than {TEXT_LIMIT} characters"
        if _CONTROL.search(value):
            yield f"{name} has a control character or a backslash"
    if key.patient_id and not foreign and is_placeholder(key.patient_id):
        yield "patient_id is a placeholder and identifies nobody"


def name_troubles(name: str) -> Iterator[str]:
    """Why a name cannot be a PN value (PS3.5 6.2), in words."""
    groups = name.split("=")
    if len(groups) > 3 or any(group.count("^") > 4 for group in groups):
        yield "name has too many groups or components"
    if any(len(group) > TEXT_LIMIT for group in groups):
        yield f"name is longer than {TEXT_LIMIT} characters"
    if _CONTROL.search(name):
        yield "name has a control character or a backslash"


def _others(text: str) -> tuple[list[PatientKey], list[str]]:
    """``ID@ISSUER`` separated by ``|`` or a backslash; each must name its issuer."""
    keys: list[PatientKey] = []
    troubles: list[str] = []
    parts = map(str.strip, re.split(r"[|\\]", text)) if text else ()
    for part in filter(None, parts):
        key = PatientKey.parse(part)
        if not key.patient_id or not key.issuer or is_placeholder(key.patient_id):
            troubles.append("other_ids has an entry that is not ID@ISSUER")
        else:
            keys.append(key)
    return list(dict.fromkeys(keys)), list(dict.fromkeys(troubles))


def is_date(text: str) -> bool:
    """A day of the calendar as YYYYMMDD."""
    if len(text) != 8 or not text.isascii() or not text.isdecimal():
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
