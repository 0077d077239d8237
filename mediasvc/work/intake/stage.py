"""What waits for a person must not need the disc in its drive: its bytes are copied to staging."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

from mediasvc.span import Span
from mediasvc.store import ledger
from mediasvc.store.durable import Shelf
from mediasvc.store.ledger import Item, Package
from mediasvc.store.scratch import Scratch
from mediasvc.work.desk import Desk

PAGE = 500


def stage(desk: Desk, package: Package) -> None:
    """Copy every held instance that still lies outside of our home, and point its row there."""
    folder = desk.home.staging / str(package.id)
    shelf = Shelf(folder / "items", Scratch(folder / "tmp"), ".dcm", fan_out=False, mode=0o400)
    last = -1
    while held := _page(desk, package, last):
        last = held[-1].number
        page = [item for item in held if item.span and not _inside(item.span, desk.home.staging)]
        if not page:
            continue
        written = [shelf.write(item.span.chunks()) for item in page if item.span]
        shelf.place_many([(temp, sha256) for temp, sha256, _ in written])
        moved = [replace(item, span=Span(str(shelf.path(sha256)), 0, length))
                 for item, (_, sha256, length) in zip(page, written, strict=True)]
        with desk.store.transaction() as connection:
            ledger.check_fence(connection, package.id, package.fence)
            ledger.put_items(connection, package.id, moved)


def _page(desk: Desk, package: Package, after: int) -> list[Item]:
    with desk.store.read() as connection:
        return list(islice(ledger.items(connection, package.id, state="held", after=after), PAGE))


def _inside(span: Span, staging: Path) -> bool:
    return Path(span.path).is_relative_to(staging)
