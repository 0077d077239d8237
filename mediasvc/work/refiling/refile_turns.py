"""The instances of a refile change sides a part at a time, so that nobody waits for long.

Studies and decisions have changed sides before, in one small transaction; whatever leaves the house
meanwhile is coerced to the patient whose they are then. Running again after a crash goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediasvc.errors import StateError
from mediasvc.store import index, ledger, refile_rows, refiles, removal
from mediasvc.store.in_turns import Turns
from mediasvc.store.refiles import Refile, Staged
from mediasvc.work.desk import Desk

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

PAGE = 250


def turn_all(desk: Desk, one: Refile, action: str, *, back: bool) -> None:
    """Every instance gets its row after the refile, or ``back`` that before. The event ``action``
    is the delete-intent of objects that nothing needs then. Raises StateError when one is neither.
    """
    last, seq = "", _intent(desk, one, action)

    def turn(connection: Connection, size: int) -> int:
        nonlocal last
        page = refiles.staged_page(connection, one.id, last, size)
        if not page:
            return 0
        if back:
            index.put_objects(connection, {each.before.object_sha256: desk.objects.path(
                each.before.object_sha256).stat().st_size for each in page})
        if not refile_rows.set_instances(connection, page, back=back):
            raise StateError("An instance changed while it was being moved.")
        if not back:
            removal.give_up(connection, {each.before.object_sha256 for each in page}, seq)
        last = page[-1].sop_instance_uid
        return len(page)

    with desk.store.aside() as aside:
        Turns(aside).repeat(turn, PAGE)


def unstage_all(desk: Desk, one: Refile, action: str) -> None:
    """Forget what was staged; ``action`` as in `turn_all`, of files that nothing needs then."""
    seq = _intent(desk, one, action)

    def forget(connection: Connection, size: int) -> int:
        page = refiles.staged_page(connection, one.id, "", size)
        refiles.unstage(connection, one.id, page)
        removal.give_up(connection, _digests(page), seq)
        return len(page)

    with desk.store.aside() as aside:
        Turns(aside).repeat(forget, PAGE)


def _intent(desk: Desk, one: Refile, action: str) -> int:
    with desk.store.read() as connection:
        event = ledger.last_event(connection, "patient", one.patient, action)
    if event is None:
        raise StateError(f"Of refile {one.id} the ledger does not tell.")
    return event.seq


def _digests(page: list[Staged]) -> set[str]:
    """Of files that this may set free; a shared one goes with the last that has it."""
    return {sha256 for one in page for sha256 in (
        one.after.object_sha256, one.after.pack_sha256, one.back[0],
        one.before.object_sha256, one.before.pack_sha256)} - {""}
