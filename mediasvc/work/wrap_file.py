"""Wrapped files go into the archive down the one line that every package takes (DESIGN §3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from mediasvc.model import Patient
from mediasvc.settings import Home, Settings
from mediasvc.store import index, ledger
from mediasvc.store.ledger import Package
from mediasvc.work.children import SCREEN, open_sandbox
from mediasvc.work.decide import Decision, decide, waits
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.ingest import run_line, submit
from mediasvc.work.private_folder import private_folder
from mediasvc.work.wrap import WrapOrder, wrap_files

BY, SOURCE = "command line (wrap)", "wrap"
#: The person who named the patient has answered this question already, and no other.
ANSWERED = "no-certain-match"


@contextmanager
def file_wrapped(home: Home, settings: Settings, order: WrapOrder,
                 ) -> Iterator[tuple[Desk, list[dict[str, Any]], Package | None]]:
    """(desk, rows of `wrap_files`, the package that they became or None when all were refused).

    A patient of the index was named by a person, so that the package waits only when something
    else is to be decided.
    """
    with (open_sandbox(settings, SCREEN) as sandbox, open_desk(home, settings, sandbox) as desk,
          private_folder() as folder):  # outside of staging: what waits is copied from it
        rows = list(wrap_files(replace(order, out=folder), settings))
        package = None
        if any(row["type"] == "wrapped" for row in rows):
            package = _filed(desk, folder, order.identity.patient)
        yield desk, _placed(desk, rows), package


def _filed(desk: Desk, folder: Path, patient: Patient | None) -> Package:
    package = submit(desk, folder, source=SOURCE, by=BY)
    package = run_line(desk, package.id, lambda *_: None)
    if patient is None or not _is_answered(desk, package):
        return package
    decide(desk, package.id, None, Decision("link", BY, patient.key))
    return run_line(desk, package.id, lambda *_: None)


def _placed(desk: Desk, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
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
