"""Written ahead: while the rest of a package is still looked at, its instances are written as they
will most likely be filed.

The first instance says who it belongs to. Where a rule knows that patient, the order for the whole
package is drafted, and every child that looks at an instance writes it by that draft too: its bytes
are read once, and the disk works while others are looked at. Nothing is decided by that: these are
temporary files, and filing takes them only when the order that was decided is the very draft.
Otherwise they are thrown away, and the instances are written again from the package.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mediasvc.model import InstanceHeader
from mediasvc.store import index
from mediasvc.store.early import Early
from mediasvc.store.events import now
from mediasvc.store.item_headers import Identity
from mediasvc.store.ledger import Item, Package
from mediasvc.work.desk import Desk
from mediasvc.work.intake.discover import Found
from mediasvc.work.intake.group_order import foreseen_order
from mediasvc.work.intake.group_package import group_of, rule_for
from mediasvc.work.intake.groups import cluster
from mediasvc.work.placing.coercion_order import Order
from mediasvc.work.placing.file_group import Written, order_for

#: Instances of a package that are written ahead: about 3 kB of memory each.
MOST = 4_096
#: And bytes: if it was in vain, the disk had to hold them for a while.
MOST_BYTES = 8 << 30


class Ahead:
    """What was written of one package before the decision; what nobody took goes at the end.

    `request` is called by the thread that feeds the children, everything else by its owner's.
    """

    def __init__(self, desk: Desk, package: Package) -> None:
        self._desk, self._package = desk, package
        self._identity: Identity | None = None
        self._draft: Order | None = None
        self._order: dict[str, Any] = {}
        self._at = ""
        self._going, self._bytes = False, 0
        self._early: Early | None = None
        self._temps: dict[int, Path] = {}
        self._taken: list[Path] = []
        self._rows: dict[int, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._early is not None:
            self._early.close()
        self._desk.objects.scratch.discard(self._temps.values())
        if kind is not None:  # what was taken may not have been placed
            self._desk.objects.scratch.discard(self._taken)

    @property
    def at(self) -> str:
        """When a rule first knew the patient of all instances seen since; else ``""``."""
        return self._at if self._going else ""

    def request(self, number: int) -> dict[str, Any]:
        """What a child is asked of member ``number``."""
        if not self._going or len(self._temps) >= MOST or self._bytes >= MOST_BYTES:
            return {"number": number}
        self._temps[number] = temp = self._desk.objects.temp()
        return {"number": number, "temp": str(temp), "order": self._order}

    def look(self, found: Found) -> None:
        """Take note of an instance, in whatever order they come."""
        if found.written and self._early is not None:
            self._rows[found.member.number] = found.written
            self._bytes += found.length
            self._early.add(self._temps[found.member.number])
        if found.role != "instance" or found.header is None:
            return
        identity = _identity(found.header)
        if self._identity is None:
            self._identity = identity
            self._begin(identity, found.header)
        elif identity != self._identity:
            self._going = False  # then a person decides, or several orders are needed

    def _begin(self, identity: Identity, header: InstanceHeader) -> None:
        """Draft the order, unless these images are here already or no rule knows whose they are."""
        with self._desk.store.read() as connection:
            if index.instances(connection, [header.sop_instance_uid]):
                return
            [only] = cluster(Counter([identity]))
            group = group_of(self._desk, self._package, 1, only)
            rule = rule_for(connection, self._package, group, identity.certain_text)
            if rule is None:
                return
            procedure = foreseen_order(connection, self._package, rule.patient.row)
        self._at = now()
        self._draft = order_for(self._desk, self._package, replace(group, decided_at=self._at),
                                rule.patient, procedure)
        self._order = self._draft.as_json()
        self._early = Early(self._desk.objects)
        self._going = True

    def take(self, order: Order, items: list[Item]) -> list[Written]:
        """Those of ``items`` that are written just as ``order`` wants them and on the disk; the
        caller places them. Raises StorageError."""
        if order != self._draft or self._early is None:
            return []
        secured = self._early.secured()
        taken = [Written(item, temp := self._temps.pop(item.number), row, temp in secured)
                 for item in items
                 if (row := self._rows.pop(item.number, None)) and row["sha256"] == item.sha256]
        self._taken += (one.temp for one in taken)
        return taken


def _identity(header: InstanceHeader) -> Identity:
    return Identity(header.patient_id, header.issuer_of_patient_id, header.patient_name,
                    header.patient_birth_date, header.patient_sex, not header.uncertain_text)
