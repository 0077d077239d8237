"""A refile is taken back: objects, index and decisions are what they were, to the byte."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mediasvc.errors import PUT_BACK, DamagedError, StateError
from mediasvc.span import Span
from mediasvc.store import ledger, refile_rows, refiles
from mediasvc.store.discs import discs_of
from mediasvc.store.received import Place
from mediasvc.store.refiles import Refile, Staged
from mediasvc.work.desk import Desk
from mediasvc.work.placing.at_rest import require_at_rest, require_not_moving
from mediasvc.work.refiling.refile_turns import turn_all, unstage_all
from mediasvc.work.turns.batches import Item, run_batches
from mediasvc.work.undo import forget_given_up

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

BATCH = 16
PAGE = 500
#: The event; its number is the delete-intent of what is not needed any more.
UNDONE = "refile-undone"


def take_back(desk: Desk, number: int, *, by: str, reason: str = "",
              ) -> tuple[Refile, int, tuple[int, ...]]:
    """Returns the refile, how many instances went back, and the discs that went out with some of
    them. One that broke off is finished.

    Raises NotFoundError, StateError when it is not done, was followed by another one, or its
    imports were taken back, DamagedError when an object cannot be made again.
    """
    with desk.store.read() as connection:
        studies = refiles.get(connection, number).studies
        packages = refile_rows.packages_of(connection, studies)
        discs = discs_of(connection, studies)
    with desk.store.transaction() as connection:
        one = refiles.get(connection, number)
        if one.state not in ("done", "undoing", "returning"):
            raise StateError(f"Refile {number} is {one.state}; there is nothing to take back.")
        count = refiles.count_staged(connection, number)
        if one.state == "done":
            one = _begun(connection, one, packages, by, reason)
    return finish_return(desk, one), count, discs


def _begun(connection: Connection, one: Refile, packages: list[int], by: str, reason: str,
           ) -> Refile:
    require_not_moving(connection, one.studies)
    require_at_rest(connection, packages)
    ledger.record(connection, "patient", one.patient, "refile-undoing", by=by,
                  data={"refile": one.id, "reason": reason})
    return refiles.change(connection, one.id, expect="done", to="undoing")


def finish_return(desk: Desk, one: Refile) -> Refile:
    """Also after a crash: files first, then the studies, then their instances' rows."""
    if one.state == "undoing":
        forget_given_up(desk)  # what is made again must not be among it
        _require_unchanged(desk, one)
        last = ""
        while page := _page(desk, one, last):
            _make_again(desk, page)
            last = page[-1].sop_instance_uid
        with desk.store.transaction() as connection:
            one = _put_back(connection, one)
    turn_all(desk, one, UNDONE, back=True)
    unstage_all(desk, one, UNDONE)
    with desk.store.transaction() as connection:
        undone = refiles.change(connection, one.id, expect="returning", to="undone")
    forget_given_up(desk)
    return undone


def _require_unchanged(desk: Desk, one: Refile) -> None:
    """Raises StateError when an instance is not as the refile left it; it is then done as before.
    From now on nobody else changes them."""
    last, wrong = "", ""
    while not wrong and (page := _page(desk, one, last)):
        with desk.store.read() as connection:
            if not refile_rows.have(connection, [each.after for each in page]):
                wrong = "The studies were changed since."
        last = page[-1].sop_instance_uid
    if not last:
        wrong = f"What refile {one.id} moved is not in the archive any more."
    if wrong:
        with desk.store.transaction() as connection:
            refiles.change(connection, one.id, expect="undoing", to="done")
        raise StateError(wrong, "Take the later change back first, or refile them.")


def _page(desk: Desk, one: Refile, after: str) -> list[Staged]:
    with desk.store.read() as connection:
        return refiles.staged_page(connection, one.id, after, PAGE)


def _put_back(connection: Connection, one: Refile) -> Refile:
    """The studies are the first patient's again, and so is what was decided."""
    refile_rows.put_back(connection, one)
    ledger.record_many(connection, [
        ("patient", one.patient, UNDONE, {"refile": one.id, "from": one.target}),
        *(("package", package, UNDONE, {"refile": one.id})
          for package in sorted({package for package, _ in one.groups}))])
    return refiles.change(connection, one.id, expect="undoing", to="returning")


def _make_again(desk: Desk, page: Sequence[Staged]) -> None:
    requests = [_request(desk, one) for one in page
                if one.back[2] and not desk.objects.exists(one.before.object_sha256)]
    made = []
    for request, answer in run_batches(
            desk.sandbox, "mediasvc.work.refiling.refile_items:return_items",
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
