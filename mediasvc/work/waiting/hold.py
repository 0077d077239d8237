"""A person puts waiting patients of a package aside: listed apart, and nothing is lost.

Whatever is decided about them later ends the hold.
"""

from __future__ import annotations

from mediasvc.errors import SettingsError
from mediasvc.store import holds, ledger
from mediasvc.work.decide import waiting_package
from mediasvc.work.desk import Desk


def hold(desk: Desk, number: int, group_number: int | None, *, by: str, reason: str) -> list[int]:
    """Put one group, or all that wait, aside; returns their numbers.

    Raises StateError when there is nothing that waits, SettingsError without a reason.
    """
    if not reason.strip():
        raise SettingsError("A hold needs a reason.", "Say it with --reason.")
    with desk.store.transaction() as connection:
        package = waiting_package(connection, number)
        numbers = [group_number] if group_number is not None else [
            group.number for group in ledger.groups(connection, package.id)
            if group.state == "waiting"]
        for one in numbers:
            ledger.group(connection, package.id, one)
            holds.put_aside(connection, package.id, one, by=by, reason=reason.strip())
    return numbers
