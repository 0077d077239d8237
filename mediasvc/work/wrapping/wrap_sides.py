"""Whose file is it, file by file: one side file for all, a table, or a side-car beside each.

A side-car ``NAME.json`` may add to what is said for all; another patient it may not name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mediasvc.errors import MediasvcError, SettingsError
from mediasvc.work.wrapping.wrap_identity import PATIENT, Identity, identity_of, read_values
from mediasvc.work.wrapping.wrap_table import Table

SIDE_CAR, TABLE = ".json", ".csv"
#: What is known of each file, or why nothing is.
Identities = Mapping[Path, Identity | MediasvcError]


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
