"""Ordinary files dropped into the inbox: whose they are is said beside them, or they wait.

``NAME.json`` or ``NAME.csv`` beside a file or folder, ``identity.json`` or ``identity.csv`` in a
folder, or the folder's own name by the setting ``[wrap] naming``. What is wrapped goes down the
ordinary line, whose rules decide whether the patient is certain. Where nobody says anything the
package waits for ``mediasvc queue identify``.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from mediasvc.errors import SettingsError
from mediasvc.media.labels import label
from mediasvc.model import Finding
from mediasvc.store import durable, ledger
from mediasvc.store.ledger import Package
from mediasvc.work.desk import Desk
from mediasvc.work.ingest import WRAPPED, adopt_drop, run_line
from mediasvc.work.intake.discover import Report
from mediasvc.work.wrap import WrapOrder, wrap_files
from mediasvc.work.wrapping.wrap_file import by_patient
from mediasvc.work.wrapping.wrap_sides import Identities, sides_of
from mediasvc.work.wrapping.wrap_whose import identities_of, is_ordinary
from mediasvc.work.wrapping.wrapped_package import submit_wrapped

ROWS = "wrapped.json"
IDENTITY, WHOSE, NOT_WRAPPED = "identity", "whose-is-it", "not-wrapped"


def submit_with_sides(desk: Desk, path: Path, *, source: str) -> Package:
    """Claim a settled drop of the inbox together with its side-cars."""
    with desk.store.transaction() as connection:
        package = ledger.submit(
            connection, kind="folder" if path.is_dir() else "file", path=path.name,
            location=str(path), source=source, by="inbox")
    return adopt_with_sides(desk, package)


def adopt_with_sides(desk: Desk, package: Package) -> Package:
    """Side-cars first: a crash in between may leave a file without one, never with another's."""
    source = Path(package.location)
    if source.is_relative_to(desk.home.inbox):
        for side in sides_of(source):
            target = desk.home.staging / str(package.id) / "media" / side.name
            if not target.exists():
                durable.move(side, target)
    return adopt_drop(desk, package)


def run_drop(desk: Desk, number: int, report: Report) -> Package:
    """`run_line`, before which ordinary files are wrapped; or they wait for their identity."""
    with desk.store.read() as connection:
        package = ledger.package(connection, number)
    if package.state == "receiving" and not package.digest and _is_drop(desk, package):
        try:
            identities = identities_of(desk, Path(package.location))
            if identities is not None:
                wrap_into(desk, package, identities)
            elif is_ordinary(desk, Path(package.location)):
                return _ask(desk, package, "Nobody says whose this file is.")
        except SettingsError as trouble:
            return _ask(desk, package, f"{trouble.text[:1].upper()}{trouble.text[1:]}.")
    return told(desk, run_line(desk, number, report))


def told(desk: Desk, package: Package) -> Package:
    """What was refused of a package that was wrapped becomes findings, once the line has run."""
    folder = desk.home.staging / str(package.id)
    if (folder / ROWS).exists():
        done = json.loads((folder / ROWS).read_bytes())
        _tell(desk, package.id, done["rows"])
        if package.state == "failed":  # what was dropped is what may be tried again
            with desk.store.transaction() as connection:
                ledger.describe(connection, package.id, location=done["dropped"])
    return package


def wrap_into(desk: Desk, package: Package, identities: Identities, modality: str = "",
              ) -> list[int]:
    """Wrap the files; the package is what they became from now on. Further patients get packages
    of their own, whose numbers are returned. Raises SettingsError."""
    folder = desk.home.staging / str(package.id)
    shutil.rmtree(folder / WRAPPED, ignore_errors=True)
    rows: list[dict[str, Any]] = []
    further = []
    base = Path(package.location).parent
    order = WrapOrder(tuple(identities), identities, None, modality, numbered=True)
    for number, part in enumerate(by_patient(order), 1):
        out = folder / WRAPPED / str(number)
        out.mkdir(parents=True)
        rows += [row | {"path": label(Path(row["path"]).relative_to(base).parts)}
                 for row in wrap_files(replace(part, out=out), desk.settings)]
        if number > 1 and any(out.iterdir()):
            further.append(submit_wrapped(desk, out, path=f"{package.path} ({number})",
                                          source=package.source, by="inbox").id)
    durable.write_file(folder / ROWS, json.dumps(
        {"dropped": package.location, "rows": rows}).encode())
    with desk.store.transaction() as connection:
        ledger.describe(connection, package.id, location=str(folder / WRAPPED / "1"),
                        kind="folder")
    return further


def _is_drop(desk: Desk, package: Package) -> bool:
    """It lies in staging as it was dropped."""
    return Path(package.location).parent == desk.home.staging / str(package.id) / "media"


def _ask(desk: Desk, package: Package, why: str) -> Package:
    text = (f"{why} Answer with: mediasvc queue identify {package.id} "
            "(--patient ID@ISSUER | --identity FILE.json) --by YOU")
    with desk.store.transaction() as connection:
        ledger.drop_findings(connection, package.id)
        ledger.add_findings(connection, package.id,
                            [Finding("warning", WHOSE, package.path, text, "FIELD 30")])
        return ledger.change_state(connection, package.id, expect="receiving", to="waiting",
                                   reason=IDENTITY)


def _tell(desk: Desk, number: int, rows: list[dict[str, Any]]) -> None:
    """Findings for what was refused, once."""
    with desk.store.transaction() as connection:
        if any(one.code == NOT_WRAPPED for one in ledger.findings(connection, number)):
            return
        ledger.add_findings(connection, number, [
            Finding("error", NOT_WRAPPED, row["path"], f"This file could not be wrapped: "
                    f"{row['reason']}. {row['advice']}".strip(), "FIELD 30")
            for row in rows if row["type"] == "refused"])

