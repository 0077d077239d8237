"""Which files of a package were wrapped and filed by a decision of their own, and as what.

The ledger's events say it: ``attached`` of the package, with the package that they became.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediasvc.errors import StateError
from mediasvc.store import index, ledger

if TYPE_CHECKING:
    from mediasvc.store.db import Connection
    from mediasvc.store.index import StoredInstance

EVENT, BACK_EVENT = "attached", "attached-from"


@dataclass(frozen=True, slots=True)
class Attached:
    """``package`` holds the instance ``sop_instance_uid``; ``stored`` while it is in the archive.
    """

    package: int
    sop_instance_uid: str
    stored: StoredInstance | None = None


def note(connection: Connection, number: int, group: int, package: int,
         instances: dict[int, str], by: str) -> None:
    """``instances``: item number of package ``number`` → SOP Instance UID in ``package``."""
    ledger.record(connection, "package", number, EVENT, by=by, data={
        "package": package, "group": group,
        "instances": {str(item): uid for item, uid in instances.items()}})
    ledger.record(connection, "package", package, BACK_EVENT, by=by,
                  data={"package": number, "group": group})


def attached_of(connection: Connection, number: int) -> dict[int, Attached]:
    """By item number of the package; of several the one that is in the archive, else the last."""
    found: dict[int, Attached] = {}
    for event in ledger.events(connection, "package", number):
        if event.action == EVENT:
            for item, uid in event.data["instances"].items():
                found[int(item)] = Attached(int(event.data["package"]), str(uid))
    stored = index.instances(connection, [one.sop_instance_uid for one in found.values()])
    return {item: _placed(one, stored.get(one.sop_instance_uid)) for item, one in found.items()}


def _placed(one: Attached, stored: StoredInstance | None) -> Attached:
    if stored is None:
        return one
    return Attached(stored.package_id, one.sop_instance_uid, stored)


def packages_of(connection: Connection, number: int) -> list[int]:
    """The packages that files of package ``number`` became and that are filed."""
    numbers = dict.fromkeys(int(event.data["package"])
                            for event in ledger.events(connection, "package", number)
                            if event.action == EVENT)
    return [other for other in numbers
            if any(group.state == "filed" for group in ledger.groups(connection, other))]


def open_packages_of(connection: Connection, number: int) -> list[int]:
    """Those of them that wait for a person."""
    numbers = dict.fromkeys(int(event.data["package"])
                            for event in ledger.events(connection, "package", number)
                            if event.action == EVENT)
    return [other for other in numbers if ledger.package(connection, other).state == "waiting"]


def require_new(attached: Attached | None, label: str) -> None:
    """Raises StateError when the file is in the archive already."""
    if attached is not None and attached.stored is not None:
        raise StateError(f"{label} is filed already, with package {attached.package}.")
