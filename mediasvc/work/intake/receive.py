"""A package is listed, screened, compared with its DICOMDIR, and written into the ledger."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mediasvc.errors import MediasvcError
from mediasvc.model import Finding
from mediasvc.store import ledger
from mediasvc.store.ledger import Item, Package
from mediasvc.work.desk import Desk
from mediasvc.work.intake.directories import Comparison, compare
from mediasvc.work.intake.discover import (
    MEDIUM_ERROR,
    Found,
    Report,
    Source,
    list_package,
    screen_package,
)
from mediasvc.work.intake.doubts import Doubts
from mediasvc.work.intake.import_labels import LabelsSeen
from mediasvc.work.intake.seen import Seen, remove_spools
from mediasvc.work.placing.ahead import Ahead
from mediasvc.work.turns.in_parts import PART, forget_listing

#: Each page waits for the disk, and so do those who write files meanwhile. The last is short: what
#: is left to be written when the last file was looked at keeps everybody waiting.
PAGE, LAST = 1_000, 256


def scratch_folder(desk: Desk, package: Package) -> Path:
    return desk.home.staging / str(package.id) / "scratch"


def receive(desk: Desk, package: Package, password: str | None, report: Report, ahead: Ahead,
            ) -> str:
    """All files of the package become items with findings; returns the content digest. What can be
    written before the decision is in ``ahead``.

    The same package gives the same digest whatever container it came in, so that the same disc
    twice is one job. Running it again starts the list afresh. Raises PasswordNeeded, DamagedError,
    BudgetError.
    """
    scratch = scratch_folder(desk, package)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700, parents=True)
    forget_listing(desk, package)
    source = Source(Path(package.location), scratch, desk.settings.limits,
                    desk.settings.inbox.ignore, password)
    listing = list_package(desk.sandbox, source)
    seen, names, doubts = Seen(listing.members), LabelsSeen(), Doubts()
    with desk.store.transaction() as connection:
        ledger.describe(connection, package.id, fence=package.fence, kind=listing.kind)
        ledger.add_findings(connection, package.id, listing.findings)
    screened = screen_package(desk.sandbox, source, listing, report, ahead.request)
    for page in _screened_pages(_watched(screened, ahead), len(listing.members)):
        page = [_keep_refused(desk, found) for found in page]
        for found in page:
            names.look(found)
            doubts.look(found)
            seen.add(found)
        _record(desk, package, page)
    comparison = compare(seen)
    _record_comparison(desk, package, len(listing.members), replace(
        comparison, findings=tuple(doubts.added_to(comparison, listing))))
    remove_spools(seen.directories)
    names.keep(desk, package, listing.kind)
    _sync_scratch(scratch)
    return seen.content_digest()


def _watched(screened: Iterable[Found], ahead: Ahead) -> Iterator[Found]:
    for found in screened:
        ahead.look(found)
        yield found


def _record(desk: Desk, package: Package, page: list[Found]) -> None:
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        ledger.put_items(connection, package.id, (_item(found) for found in page))
        ledger.add_findings(connection, package.id,
                            [finding for found in page for finding in found.findings])


def _item(found: Found) -> Item:
    refused = found.role == "refused"
    return Item(
        number=found.member.number, label=found.member.label, length=found.length,
        sha256=found.sha256, role=found.role,
        state="quarantined" if refused else "pending" if found.role == "instance" else "",
        reason=next((f.code for f in found.findings if f.severity == "error"), ""),
        sop_instance_uid=found.header.sop_instance_uid if found.header else "",
        header=found.header, span=found.span)


def _keep_refused(desk: Desk, found: Found) -> Found:
    """The bytes of what may not enter are evidence and stay in quarantine (invariant 19)."""
    if found.role != "refused" or any(one.code == MEDIUM_ERROR for one in found.findings):
        return found  # of what the medium does not give there are no bytes
    if found.span is not None:
        try:
            desk.quarantine.keep(found.span, found.sha256)
            return found
        except MediasvcError:
            pass
    note = Finding("warning", "not-kept", found.member.label,
                   "The bytes of this file could not be kept in quarantine.", "M28")
    return replace(found, findings=(*found.findings, note))


def _record_comparison(desk: Desk, package: Package, first: int, comparison: Comparison) -> None:
    """File IDs go to the files they name; a file that is not there gets a row of its own. All in
    one transaction unless they are many: each one waits for the disk."""
    named = ((number, "/".join(reference.file_id), reference.sop_instance_uid)
             for number, reference in comparison.by_member())
    missing = (Item(number=first + index, label=reference.label, role="missing",
                    sop_instance_uid=reference.sop_instance_uid,
                    file_id="/".join(reference.file_id))
               for index, reference in enumerate(comparison.missing))
    done = PART
    while done == PART:
        with desk.store.transaction() as connection:
            ledger.check_fence(connection, package.id, package.fence)
            names = list(islice(named, PART))
            ledger.name_items(connection, package.id, names)
            done = len(names) + ledger.put_items(
                connection, package.id, islice(missing, PART - len(names)))
            if done < PART:
                ledger.add_findings(connection, package.id, comparison.findings)


def _screened_pages(found: Iterator[Found], left: int) -> Iterator[list[Found]]:
    while page := list(islice(found, min(PAGE, left - LAST) if left > 2 * LAST else PAGE)):
        yield page
        left -= len(page)


def _sync_scratch(scratch: Path) -> None:
    """What was unpacked must outlive a power cut once the ledger speaks of it."""
    for entry in os.scandir(scratch):
        fd = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
