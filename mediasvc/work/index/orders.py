"""Orders of other systems become expected imports, by message or from a worklist.

The newest word about an order counts. What a disc has answered already is not changed behind
anybody's back: such a message is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mediasvc.identity.hl7 import RefusedError
from mediasvc.identity.match import Query, disagreement
from mediasvc.identity.orders import ImportOrder, OrderEvent
from mediasvc.model import Demographics, PatientKey
from mediasvc.store import expected, patients
from mediasvc.store.expected import Expected, Procedure
from mediasvc.store.merges import survivor_row
from mediasvc.work.index.patients import patient_record

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

Done = Literal["registered", "changed", "unchanged", "ended", "stale", "ignored"]
PROVENANCE = "order"


@dataclass(frozen=True, slots=True)
class Registered:
    """What an order says, ready to be registered. ``at`` sorts; ``by`` is who is told of it."""

    key: str
    at: str
    procedure: Procedure
    source: str
    until: str
    by: str


def take_order(connection: Connection, event: OrderEvent, by: str) -> list[Done]:
    """Every order of a message. Raises RefusedError (AE) when a person must see to one."""
    return [_take(connection, event, order, by) for order in event.orders]


def _take(connection: Connection, event: OrderEvent, order: ImportOrder, by: str) -> Done:
    known = expected.by_order(connection, order.key)
    if known is None and not order.wanted:
        return "ignored"
    if known is not None and event.at < known.order_at:
        return "stale"
    wanted = Registered(order.key, event.at, Procedure(
        order.accession_number, order.procedure_id, order.description, order.step_id, *order.code),
        "", order.until, by)
    if order.change == "new":
        return register(connection, event.key, event.demographics, event.others, wanted)
    if known is None:  # the end came first: what comes later and is older will not open it
        row = patient_for(connection, event.key, event.demographics, event.others)
        expected.register_order(connection, row, wanted.procedure, order_key=order.key,
                                order_at=event.at, source="", valid_until="", by=by, ended=True)
        return "ended"
    if known.package is not None:
        raise _answered()
    expected.end_order(connection, known.id, event.at, by)
    return "ended"


def register(connection: Connection, key: PatientKey, demographics: Demographics,
             others: tuple[PatientKey, ...], wanted: Registered) -> Done:
    """A new order, or what is new about a known one. Raises RefusedError (AE)."""
    row = patient_for(connection, key, demographics, others)
    known = expected.by_order(connection, wanted.key)
    if known is None:
        expected.register_order(
            connection, row, wanted.procedure, order_key=wanted.key, order_at=wanted.at,
            source=wanted.source, valid_until=wanted.until, by=wanted.by)
        return "registered"
    same = _same(known, row, wanted)
    if known.package is not None and not same:
        raise _answered()
    if known.package is None and (not same or known.ended_at):
        expected.change_order(connection, known.id, row, wanted.procedure, order_at=wanted.at,
                              source=wanted.source, valid_until=wanted.until, by=wanted.by)
        return "changed"
    return "unchanged"


def patient_for(connection: Connection, key: PatientKey, demographics: Demographics,
                others: tuple[PatientKey, ...]) -> int:
    """The patient's row; somebody whom the index does not know is added to it.

    Raises RefusedError when the order tells something else of the patient than the index.
    """
    row = survivor_row(connection, key)
    if row is None:
        patients.put_patients(connection, [patient_record(key, demographics, others)],
                              provenance=PROVENANCE)
        return patients.patient(connection, key).row
    person = patients.patient_row(connection, row)
    if differing := disagreement(Query((key,), demographics), person):
        raise RefusedError("order-patient-differs", "The index has another "
                           f"{', '.join(differing)} for this patient.", "AE", 204)
    return row


def _same(known: Expected, row: int, wanted: Registered) -> bool:
    return (known.patient, known.procedure, known.source, known.valid_until) == (
        row, wanted.procedure, wanted.source, wanted.until)


def _answered() -> RefusedError:
    return RefusedError("order-answered", "A disc has answered this order already; see to it by "
                        "hand.", "AE", 207)
