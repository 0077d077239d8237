"""A person decides about a patient group: link, new, reject. The decision is stored, then the line
runs again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from mediasvc.errors import SettingsError, StateError
from mediasvc.identity.match import Candidate, candidates
from mediasvc.media.page.words import Many
from mediasvc.model import Demographics, Patient, PatientKey
from mediasvc.span import Span
from mediasvc.store import holds, item_headers, ledger
from mediasvc.store.expected import Procedure
from mediasvc.store.ledger import Package, PatientGroup
from mediasvc.store.patients import patient
from mediasvc.work.desk import Desk
from mediasvc.work.index.expect import answered_for
from mediasvc.work.intake.group_order import settle_order
from mediasvc.work.intake.group_package import Series, foreign_studies, moved_series, query_of
from mediasvc.work.intake.known import CONFLICT
from mediasvc.work.placing.file_group import order_for
from mediasvc.work.placing.provisional import add_provisional_patient, provisional_key
from mediasvc.work.turns.batches import run_batches
from mediasvc.work.waiting.second_person import needs_second, proposal_of, propose

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

Choice = Literal["link", "new", "reject"]
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said. ``key`` only with ``link``; ``by`` is that person, ``reason`` theirs."""

    choice: Choice
    by: str
    key: PatientKey | None = None
    reason: str = ""


def decide(desk: Desk, number: int, group_number: int | None, decision: Decision) -> Package:
    """Store the decision and send the package back to the line; the caller runs it. The package
    returned still waits when a second person must agree.

    Raises StateError when the package does not wait or the decision would put one study under two
    patients, NotFoundError for an unknown patient, SettingsError when a group must be named.
    """
    with desk.store.read() as connection:
        package = waiting_package(connection, number)
        group_number = _choose(connection, package.id, group_number).number
        series = item_headers.series_of(connection, package.id, group_number)
    with desk.store.transaction() as connection:
        package = waiting_package(connection, number)
        group = _choose(connection, package.id, group_number)
        target = None
        if decision.choice != "reject":
            target = _target(connection, desk, package.id, group, decision)
            _refuse_conflicts(connection, group, series, target)
        if decision.choice == "link" and target is not None and needs_second(
                connection, desk.settings.decisions, group, target, decision.by):
            propose(connection, package.id, group, target, decision.by)
            holds.release(connection, package.id, group.number)
            return package
        group = ledger.decide(connection, package.id, group.number, decision.choice, target=target,
                              by=decision.by, evidence=_evidence(group, decision.reason))
        holds.release(connection, package.id, group.number)
        if decision.choice != "reject":
            settle_order(connection, package, group)
        return ledger.change_state(connection, package.id, expect="waiting", to="receiving",
                                   reason="decided", by=decision.by)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the table of a dry run: what would be written, in how many instances."""

    tag: str
    attribute: str
    old: str | None
    new: str
    instances: int


def preview(desk: Desk, number: int, group_number: int | None, decision: Decision) -> list[Change]:
    """Every attribute that the decision would change, old and new. Nothing is stored."""
    with desk.store.read() as connection:
        package = waiting_package(connection, number)
        group = _choose(connection, package.id, group_number)
        if decision.choice == "reject":
            return []
        person = _would_be(connection, desk, package.id, group, decision)
        _refuse_conflicts(connection, group, item_headers.series_of(
            connection, package.id, group.number), person.row or None)
        waiting_for = answered_for(connection, person.row, package.source)
    order = order_for(desk, package, group, person,
                      waiting_for.procedure if waiting_for else Procedure())
    requests = ({"span": span.as_json()} for span in _held(desk, package, group))
    counted: Counter[tuple[Any, ...]] = Counter()
    for _, answer in run_batches(desk.sandbox, "mediasvc.work.placing.filing:preview_items",
                                 requests, 16, order=order.as_json()):
        for row in answer.value or ():
            counted[row["tag"], row["attribute"], row["old"], row["new"]] += 1
    return sorted_changes(counted)


def resemblance(desk: Desk, number: int, group_number: int | None, key: PatientKey) -> Candidate:
    """How much a patient of the package resembles that one of the index. Raises as `decide`."""
    with desk.store.read() as connection:
        group = _choose(connection, waiting_package(connection, number).id, group_number)
        person = patient(connection, key)
    return candidates(query_of(group), lambda _: [person])[0]


def _held(desk: Desk, package: Package, group: PatientGroup) -> Iterator[Span]:
    """What waits of a group, read by pages."""
    last = -1
    while True:
        with desk.store.read() as connection:
            page = list(islice(ledger.items(connection, package.id, state="held", headers=False,
                                            group=group.number, after=last), PAGE))
        if not page:
            return
        last = page[-1].number
        yield from (item.span for item in page if item.span)


def sorted_changes(counted: Counter[tuple[Any, ...]]) -> list[Change]:
    """(tag, attribute, old, new) with their numbers as the table of a dry run."""
    return [Change(tag, attribute, old, new, count)
            for (tag, attribute, old, new), count in sorted(counted.items(), key=_by_tag)]


def _by_tag(row: tuple[tuple[Any, ...], int]) -> tuple[str, str, str]:
    tag, _, old, new = row[0]
    return tag, old or "", new


def waiting_package(connection: Connection, number: int) -> Package:
    """Raises StateError when it waits for no decision."""
    package = ledger.package(connection, number)
    if package.state != "waiting" or package.reason != "decision":
        raise StateError(f"Package {number} is {package.state} and waits for no decision.")
    return package


def _choose(connection: Connection, package_id: int, number: int | None) -> PatientGroup:
    if number is not None:
        group = ledger.group(connection, package_id, number)
        if group.state != "waiting":
            raise StateError(f"Patient group {number} is {group.state} already.")
        return group
    waiting = [group for group in ledger.groups(connection, package_id)
               if group.state == "waiting"]
    if len(waiting) != 1:
        names = ", ".join(str(group.number) for group in waiting)
        raise SettingsError(f"Package {package_id} has several patient groups that wait.",
                            f"Say which with --group ({names}).")
    return waiting[0]


def _target(connection: Connection, desk: Desk, package_id: int, group: PatientGroup,
            decision: Decision) -> int:
    if decision.key is not None:
        return patient(connection, decision.key).row
    return add_provisional_patient(connection, desk.settings, package_id, group.number,
                                   _received(group))


def _would_be(connection: Connection, desk: Desk, package_id: int, group: PatientGroup,
              decision: Decision) -> Patient:
    if decision.key is not None:
        return patient(connection, decision.key)
    key = provisional_key(desk.settings, package_id, group.number)
    return Patient(0, key, _received(group), provisional=True)


def _received(group: PatientGroup) -> Demographics:
    return Demographics(group.patient_name, group.patient_birth_date, group.patient_sex)


def _refuse_conflicts(connection: Connection, group: PatientGroup, series: Series,
                      target: int | None) -> None:
    """One study has one patient, one series one study, one UID one content (invariant 8)."""
    if _is_conflict(group):
        raise StateError("Other content is in the archive under the same SOP Instance UID; such "
                         "instances can only be rejected.", "Use --reject.")
    studies = foreign_studies(connection, series, target)
    if studies:
        raise StateError(f"{Many(len(studies)):study|studies} of this package "
                         f"{Many(len(studies)):=is|are} filed under another patient "
                         "already.", "Link to that patient, or take that import back first.")
    if moved_series(connection, series):
        raise StateError("A series of this package belongs to two studies.", "Use --reject.")


def _is_conflict(group: PatientGroup) -> bool:
    return any(wait["code"] == CONFLICT for wait in waits(group))


def waits(group: PatientGroup) -> Iterator[dict[str, str]]:
    """Why the group waits, or waited, for a person."""
    yield from (group.evidence or {}).get("waits", ())


def _evidence(group: PatientGroup, reason: str) -> dict[str, Any]:
    proposal = proposal_of(group)
    return {"waits": list(waits(group))} | ({"first": proposal["by"]} if proposal else {}) | (
        {"reason": reason} if reason else {})
