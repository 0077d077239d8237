"""Which order a patient group answers: decided once, with the group, and never again.

An announcement that comes after the decision is for the next disc; an addendum carries the numbers
of the study that it completes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediasvc.store import expected, holds
from mediasvc.store.expected import Expected, Procedure
from mediasvc.store.ledger import Package, PatientGroup
from mediasvc.work.index.expect import answered_for
from mediasvc.work.placing.replay import DECIDED_BEFORE

if TYPE_CHECKING:
    from mediasvc.store.db import Connection


def settle_order(connection: Connection, package: Package, group: PatientGroup) -> Procedure:
    """The numbers for a decided group: as they were decided, or decided now and written down."""
    known = holds.order_numbers(connection, package.id, group.number)
    if known is not None:
        return known
    procedure = Procedure()
    if group.target is not None:
        procedure = _of_completed(connection, group) or _of_expected(connection, package,
                                                                     group.target)
    holds.set_order_numbers(connection, package.id, group.number, procedure)
    return procedure


def _of_completed(connection: Connection, group: PatientGroup) -> Procedure | None:
    """What the earlier group got whose study this one completes."""
    if group.rule != DECIDED_BEFORE:
        return None
    evidence = group.evidence or {}
    return holds.order_numbers(connection, int(evidence["package"]), int(evidence["group"]))


def foreseen_order(connection: Connection, package: Package, target: int) -> Procedure:
    """The numbers that a rule's decision for patient ``target`` would get now."""
    order = _expected(connection, package, target)
    return order.procedure if order else Procedure()


def _of_expected(connection: Connection, package: Package, target: int) -> Procedure:
    """Two groups of a package under one patient answer the same order."""
    order = _expected(connection, package, target)
    if order is None:
        return Procedure()
    if order.is_open:
        expected.answer(connection, order, package.id)
    return order.procedure


def _expected(connection: Connection, package: Package, target: int) -> Expected | None:
    return (expected.of_package(connection, package.id, target)
            or answered_for(connection, target, package.source))
