"""A disc comes in: the whole line (DESIGN §3).

Every step recognises finished work, so after a crash or a decision the line simply runs again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediasvc.errors import (
    BudgetError,
    DamagedError,
    MediasvcError,
    NotFoundError,
    PasswordNeeded,
    StateError,
    UnsupportedError,
)
from mediasvc.model import Finding, PackageKind, PackageState
from mediasvc.store import durable, ledger
from mediasvc.store.ledger import Package
from mediasvc.work import undo
from mediasvc.work.desk import Desk
from mediasvc.work.intake.discover import NOTHING_DICOM, Report
from mediasvc.work.intake.group_package import group_package, part_conflicts
from mediasvc.work.intake.known import settle_known
from mediasvc.work.intake.receive import receive, scratch_folder
from mediasvc.work.intake.seen_before import seen_before
from mediasvc.work.intake.stage import stage
from mediasvc.work.placing.ahead import Ahead
from mediasvc.work.placing.file_group import file_group
from mediasvc.work.turns.alone import alone
from mediasvc.work.turns.in_parts import in_parts, settle_by_group

MAX_ATTEMPTS = 3
#: Below a package's folder in staging: instances that were made of its ordinary files.
WRAPPED = "wrapped"


def run_line(desk: Desk, number: int, report: Report, *, password: str | None = None) -> Package:
    """Bring package ``number`` as far as it can go now; returns its row.

    It ends ``done``, ``failed``, ``duplicate``, or ``waiting`` for a person. One that was just
    being taken back goes on with that. Raises LockedError when another process is at it.
    """
    if undo.is_being_taken_back(_read(desk, number)):
        undo.undo(desk, number, "")
        return _read(desk, number)
    with _claimed(desk, number) as package, Ahead(desk, package) as ahead:
        try:
            if not package.digest:
                digest = receive(desk, package, password, report, ahead)
                if not _has_instances(desk, package):
                    return _end(desk, package, "failed", "nothing-dicom")
                if _is_known(desk, package, digest):
                    return _read(desk, package.id)
            _group(desk, package, ahead.at)
            for group in _decided(desk, package):
                file_group(desk, package, group, report, ahead.take)
            if _waits(desk, package):
                stage(desk, package)
                return _end(desk, package, "waiting", "decision")
            outcome = _outcome(desk, package)
            done = _end(desk, package, outcome, "all-here" if outcome == "duplicate" else "")
        except PasswordNeeded as question:
            return _ask_for_password(desk, package, question)
        except (DamagedError, BudgetError, UnsupportedError, NotFoundError) as error:
            return _refuse(desk, package, error)
    _release(desk, done)
    return done


def submit(desk: Desk, path: Path, *, source: str, by: str) -> Package:
    """A row for what lies at ``path``, which is read where it is.

    A package that an interrupted run left behind for the same path is taken up again instead.
    """
    with desk.store.transaction() as connection:
        for package in ledger.packages(connection, ["receiving"]):
            if package.path == str(path) and package.source == source:
                return package
        return ledger.submit(connection, kind=_kind(path), path=str(path), source=source, by=by)


def adopt_drop(desk: Desk, package: Package) -> Package:
    """Claim what a row names by renaming it into staging; also after a crash in between."""
    target = desk.home.staging / str(package.id) / "media" / Path(package.location).name
    if package.location != str(target):
        if not target.exists():
            durable.move(Path(package.location), target)
        with desk.store.transaction() as connection:
            ledger.describe(connection, package.id, location=str(target))
    return _read(desk, package.id)


def unfinished(desk: Desk) -> list[int]:
    """Packages whose line was interrupted, or that a decision sent back to it."""
    with desk.store.read() as connection:
        return [package.id for package in ledger.packages(connection, ["receiving"])]


@contextmanager
def _claimed(desk: Desk, number: int) -> Iterator[Package]:
    """Hold the package against other processes and count the attempt."""
    with alone(desk, number):
        with desk.store.transaction() as connection:
            package = ledger.claim(connection, number)
        if package.attempts > MAX_ATTEMPTS:
            _end(desk, package, "failed", "gave-up")
            raise MediasvcError(f"Package {number} failed {MAX_ATTEMPTS} times and was given up.")
        yield package


def _is_known(desk: Desk, package: Package, digest: str) -> bool:
    """The same content came before: this package becomes its duplicate, instance by instance."""
    with desk.store.transaction() as connection:
        if ledger.set_digest(connection, package.id, digest, fence=package.fence) is None:
            return False
    in_parts(desk, package, lambda connection, first, stop: ledger.settle_all(
        connection, package.id, old="pending", new="duplicate", reason="same-package",
        first=first, stop=stop))
    with desk.store.transaction() as connection:
        earlier = ledger.set_digest(connection, package.id, digest, fence=package.fence)
        if earlier is None:
            raise StateError("The disc that was the same was taken back meanwhile.", "Try again.")
        ledger.add_findings(connection, package.id, [seen_before(connection, earlier)])
        ledger.change_state(connection, package.id, expect="receiving", to="duplicate",
                            fence=package.fence, reason="same-content", duplicate_of=earlier.id)
    shutil.rmtree(desk.home.staging / str(package.id), ignore_errors=True)
    return True


def _has_instances(desk: Desk, package: Package) -> bool:
    with desk.store.transaction() as connection:
        if ledger.counts(connection, package.id).instances:
            return True
        ledger.add_findings(connection, package.id, [NOTHING_DICOM])
        return False


def _is_grouped(desk: Desk, package: Package) -> bool:
    with desk.store.read() as connection:
        return bool(ledger.groups(connection, package.id))


def _group(desk: Desk, package: Package, at: str) -> None:
    """Whose each instance is, or what was decided about it."""
    grouped = _is_grouped(desk, package)
    if not grouped:  # also when a crash came between
        settle_known(desk, package)
        group_package(desk, package, at)
    settle_by_group(desk, package)
    if grouped:  # what was rejected is settled, and waits no more
        _look_again(desk, package)


def _look_again(desk: Desk, package: Package) -> None:
    """Another package may have brought the same while this one waited for a person."""
    for group in _decided(desk, package):
        settle_known(desk, package, group)
    part_conflicts(desk, package)


def _decided(desk: Desk, package: Package) -> list[int]:
    with desk.store.read() as connection:
        return [group.number for group in ledger.groups(connection, package.id)
                if group.state == "decided"]


def _waits(desk: Desk, package: Package) -> bool:
    with desk.store.read() as connection:
        return any(group.state == "waiting" for group in ledger.groups(connection, package.id))


def _outcome(desk: Desk, package: Package) -> PackageState:
    """``failed`` when nothing at all could be filed, ``duplicate`` when all of it is here."""
    with desk.store.read() as connection:
        counts = ledger.counts(connection, package.id)
    if counts.duplicate and counts.duplicate == counts.instances:
        return "duplicate"
    return "done" if counts.archived or counts.duplicate or counts.rejected else "failed"


def _end(desk: Desk, package: Package, state: PackageState, reason: str) -> Package:
    with desk.store.transaction() as connection:
        return ledger.change_state(connection, package.id, expect="receiving", to=state,
                                   fence=package.fence, reason=reason)


def _ask_for_password(desk: Desk, package: Package, question: PasswordNeeded) -> Package:
    text = (f"{question.text} Answer with: mediasvc queue retry {package.id} --password-file FILE")
    with desk.store.transaction() as connection:
        ledger.add_findings(connection, package.id,
                            [Finding("warning", "password-needed", "", text, "M22")])
    return _end(desk, package, "waiting", "password")


def _refuse(desk: Desk, package: Package, error: MediasvcError) -> Package:
    """The package cannot be read at all; it stays where it is and the reason is written down."""
    code = {DamagedError: "damaged", BudgetError: "over-budget"}.get(type(error), "unreadable")
    with desk.store.transaction() as connection:
        ledger.add_findings(connection, package.id,
                            [Finding("error", f"package-{code}", "", str(error), "M21")])
    return _end(desk, package, "failed", code)


def _release(desk: Desk, package: Package) -> None:
    """Nothing of a finished package is needed any more, except by a site that keeps drops."""
    shutil.rmtree(scratch_folder(desk, package), ignore_errors=True)
    folder = desk.home.staging / str(package.id)
    shutil.rmtree(folder / "items", ignore_errors=True)
    shutil.rmtree(folder / WRAPPED, ignore_errors=True)
    if desk.settings.inbox.after_done == "remove" and package.state in ("done", "duplicate"):
        shutil.rmtree(folder, ignore_errors=True)


def _read(desk: Desk, number: int) -> Package:
    with desk.store.read() as connection:
        return ledger.package(connection, number)


def _kind(path: Path) -> PackageKind:
    return "folder" if path.is_dir() else "file"
