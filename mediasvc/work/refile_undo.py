"""A refile is taken back: objects, index and decisions are what they were, to the byte."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mediasvc.errors import PUT_BACK, DamagedError, StateError
from mediasvc.span import Span
from mediasvc.store import index, ledger, refile_rows, refiles, removal
from mediasvc.store.received import Place
from mediasvc.store.refiles import Refile, Staged
from mediasvc.work.batches import Item, run_batches
from mediasvc.work.desk import Desk
from mediasvc.work.undo import forget_given_up

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

BATCH = 16


def take_back(desk: Desk, number: int, *, by: str, reason: str = "") -> tuple[Refile, int]:
    """Returns the refile and how many instances went back. One that broke off is finished.

    Raises NotFoundError, StateError when it is not done, was followed by another one, or its
    imports were taken back, DamagedError when an object cannot be made again.
    """
    with desk.store.transaction() as connection:
        one = refiles.get(connection, number)
        if one.state not in ("done", "undoing"):
            raise StateError(f"Refile {number} is {one.state}; there is nothing to take back.")
        count = sum(_unchanged(connection, page) for page in refiles.staged(connection, number))
        if not count:
            raise StateError(f"What refile {number} moved is not in the archive any more.")
        if one.state == "done":
            one = refiles.change(connection, number, expect="done", to="undoing")
            ledger.record(connection, "patient", one.patient, "refile-undoing", by=by,
                          data={"refile": number, "reason": reason})
    return finish_return(desk, one), count


def _unchanged(connection: Connection, page: Sequence[Staged]) -> int:
    """How many they are. Raises StateError when one is not as the refile left it."""
    present = index.instances(connection, [each.sop_instance_uid for each in page])
    if any(each.sop_instance_uid not in present
           or present[each.sop_instance_uid].object_sha256 != each.after.object_sha256
           for each in page):
        raise StateError("The studies were changed since.",
                         "Take the later change back first, or refile them.")
    return len(page)


def finish_return(desk: Desk, one: Refile) -> Refile:
    """Also after a crash: files first, then all rows at once."""
    with desk.store.read() as connection:
        for page in refiles.staged(connection, one.id):
            _make_again(desk, page)
    with desk.store.transaction() as connection:
        refiles.change(connection, one.id, expect="undoing", to="undone")
        for page in refiles.staged(connection, one.id):
            index.put_objects(connection, {each.before.object_sha256: desk.objects.path(
                each.before.object_sha256).stat().st_size for each in page})
            if not refile_rows.set_instances(connection, page, back=True):
                raise StateError("An instance changed while it was being moved back.")
        refile_rows.put_back(connection, one)
        seq = ledger.record(connection, "patient", one.patient, "refile-undone",
                            data={"refile": one.id, "from": one.target})
        for package in sorted({package for package, _ in one.groups}):
            seq = ledger.record(connection, "package", package, "refile-undone",
                                data={"refile": one.id})
        for digests in refiles.unstaged(connection, one.id):
            removal.give_up(connection, digests, seq)
    forget_given_up(desk)
    with desk.store.read() as connection:
        return refiles.get(connection, one.id)


def _make_again(desk: Desk, page: Sequence[Staged]) -> None:
    requests = [_request(desk, one) for one in page
                if one.back[2] and not desk.objects.exists(one.before.object_sha256)]
    made = []
    for request, answer in run_batches(desk.sandbox, "mediasvc.work.refile_items:return_items",
                                       iter(requests), BATCH):
        if answer.error:
            raise DamagedError("An instance could not be made again as it was filed before.",
                               PUT_BACK)
        made.append((Path(request["temp"]), str(request["object"])))
    desk.objects.place_many(made)


def _request(desk: Desk, one: Staged) -> Item:
    back = desk.received.read(Place(*one.back))
    return {"span": Span.of_file(desk.objects.path(one.after.object_sha256)).as_json(),
            "back": base64.b64encode(back).decode(), "object": one.before.object_sha256,
            "temp": str(desk.objects.temp())}
