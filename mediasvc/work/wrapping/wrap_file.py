"""Wrapped files go into the archive down the one line that every package takes (DESIGN §3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from mediasvc.errors import MediasvcError
from mediasvc.model import Patient
from mediasvc.nursery import SCREEN, Nursery
from mediasvc.settings import Home, Settings
from mediasvc.store import index, ledger
from mediasvc.store.ledger import Package
from mediasvc.work.building.private_folder import private_folder
from mediasvc.work.decide import Decision, decide, waits
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.ingest import run_line, submit
from mediasvc.work.turns.children import open_sandbox
from mediasvc.work.wrap import WrapOrder, wrap_files
from mediasvc.work.wrapping.wrap_identity import Identity

BY, SOURCE = "command line (wrap)", "wrap"
#: The person who named the patient has answered this question already, and no other.
ANSWERED = "no-certain-match"


@contextmanager
def file_wrapped(home: Home, settings: Settings, order: WrapOrder,
                 ) -> Iterator[tuple[Desk, list[dict[str, Any]], list[Package]]]:
    """(desk, rows of `wrap_files`, the packages that they became: one for each patient of whom not
    all was refused).

    A patient of the index was named by a person, so that the package waits only when something
    else is to be decided.
    """
    with (open_sandbox(settings, Nursery(SCREEN)) as sandbox,
          open_desk(home, settings, sandbox) as desk,
          private_folder() as folder):  # outside of staging: what waits is copied from it
        rows: list[dict[str, Any]] = []
        packages = []
        for number, part in enumerate(by_patient(order), 1):
            out = folder / str(number)
            out.mkdir()
            done = list(wrap_files(replace(part, out=out, numbered=True), settings))
            rows += done
            if any(row["type"] == "wrapped" for row in done):
                packages.append(_filed(desk, out, _person(part)))
        yield desk, placed(desk, rows), packages


def by_patient(order: WrapOrder) -> list[WrapOrder]:
    """The order in parts, one for each patient; what nobody knows anything of goes with the first.
    """
    parts: dict[tuple[str, str], list[Path]] = {}
    unknown = []
    for path in order.files:
        identity = order.identities[path]
        if isinstance(identity, MediasvcError):
            unknown.append(path)
        else:
            parts.setdefault(identity.key, []).append(path)
    groups = list(parts.values()) or [[]]
    groups[0] += unknown
    return [replace(order, files=tuple(files),
                    identities={path: order.identities[path] for path in files})
            for files in groups]


def _person(order: WrapOrder) -> Patient | None:
    """The patient of the index whom a person named."""
    return next((identity.patient for identity in order.identities.values()
                 if isinstance(identity, Identity)), None)


def _filed(desk: Desk, folder: Path, patient: Patient | None) -> Package:
    package = submit(desk, folder, source=SOURCE, by=BY)
    return run_answered(desk, package.id, patient, BY)


def run_answered(desk: Desk, number: int, patient: Patient | None, by: str) -> Package:
    """The ordinary line; the person who named the patient has answered who it is."""
    package = run_line(desk, number, lambda *_: None)
    if patient is None or not _is_answered(desk, package):
        return package
    decide(desk, package.id, None, Decision("link", by, patient.key))
    return run_line(desk, package.id, lambda *_: None)


def placed(desk: Desk, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the path of each instance in the archive, empty while it waits."""
    uids = [row["sop_instance_uid"] for row in rows if row["type"] == "wrapped"]
    with desk.store.read() as connection:
        stored = index.instances(connection, uids)
    return [row if row["type"] == "refused" else row | {
        "out": str(desk.objects.path(stored[row["sop_instance_uid"]].object_sha256))
        if row["sop_instance_uid"] in stored else ""} for row in rows]


def _is_answered(desk: Desk, package: Package) -> bool:
    if package.state != "waiting" or package.reason != "decision":
        return False
    with desk.store.read() as connection:
        groups = [group for group in ledger.groups(connection, package.id)
                  if group.state == "waiting"]
    return len(groups) == 1 and {wait["code"] for wait in waits(groups[0])} == {ANSWERED}
