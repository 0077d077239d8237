"""Files that were wrapped become a package in staging; they go when its line has ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mediasvc.store import durable, ledger
from mediasvc.store.ledger import Package
from mediasvc.work.desk import Desk
from mediasvc.work.ingest import WRAPPED

if TYPE_CHECKING:
    from mediasvc.store.db import Connection


def submit_wrapped(desk: Desk, folder: Path, *, path: str, source: str, by: str,
                   also: Callable[[Connection, Package], None] | None = None) -> Package:
    """A row for the instances in ``folder`` below staging, which is claimed by a rename. ``also``
    writes in the same transaction."""
    with desk.store.transaction() as connection:
        package = ledger.submit(connection, kind="folder", path=path, location=str(folder),
                                source=source, by=by)
        if also is not None:
            also(connection, package)
    target = desk.home.staging / str(package.id) / WRAPPED / "1"
    durable.move(folder, target)
    with desk.store.transaction() as connection:
        ledger.describe(connection, package.id, location=str(target))
        return ledger.package(connection, package.id)
