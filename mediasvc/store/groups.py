"""Patient groups of a package: who it says they are, and what was decided about each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import sqlalchemy as sa

from mediasvc.errors import NotFoundError, StateError
from mediasvc.store import states
from mediasvc.store.db import upsert
from mediasvc.store.events import now, record
from mediasvc.store.schema import patient_group as table

GroupState = Literal["waiting", "decided", "filed", "rejected"]
Decision = Literal["link", "new", "reject"]


@dataclass(frozen=True, slots=True)
class PatientGroup:
    """``target`` is the patient's row; ``rule`` is empty when a person (``by``) decided."""

    number: int
    patient_id: str = ""
    issuer: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    variants: list[dict[str, Any]] = field(default_factory=list)
    instances: int = 0
    state: GroupState = "waiting"
    decision: Decision | Literal[""] = ""
    target: int | None = None
    rule: str = ""
    evidence: dict[str, Any] | None = None
    by: str = ""
    decided_at: str = ""


_COLUMNS = [table.c[one.name] for one in fields(PatientGroup)]
_DESCRIPTION = ("patient_id", "issuer", "patient_name", "patient_birth_date", "patient_sex",
                "variants", "instances")


def put_groups(connection: sa.Connection, package_id: int, groups: Iterable[PatientGroup]) -> None:
    """Add groups, or describe known numbers anew without touching their decisions."""
    rows = [{"package_id": package_id, **asdict(one)} for one in groups]
    if rows:
        connection.execute(
            upsert(connection, table, key=("package_id", "number"), update=_DESCRIPTION), rows)


def groups(connection: sa.Connection, package_id: int) -> list[PatientGroup]:
    """In order of number."""
    rows = connection.execute(sa.select(*_COLUMNS).where(
        table.c.package_id == package_id).order_by(table.c.number))
    return [PatientGroup(*row) for row in rows]


def group(connection: sa.Connection, package_id: int, number: int) -> PatientGroup:
    """Raises NotFoundError."""
    row = connection.execute(sa.select(*_COLUMNS).where(
        table.c.package_id == package_id, table.c.number == number)).first()
    if row is None:
        raise NotFoundError(f"Package {package_id} has no patient group {number}.",
                            f"See mediasvc queue show {package_id}.")
    return PatientGroup(*row)


def filed_alike(connection: sa.Connection, like: PatientGroup, target: int,
                ) -> list[tuple[int, PatientGroup]]:
    """(package, group) of every group filed under ``target`` that said exactly what ``like`` says
    of its patient, latest first."""
    same = [table.c[name] == getattr(like, name)
            for name in ("patient_id", "patient_name", "patient_birth_date", "patient_sex")]
    rows = connection.execute(sa.select(table.c.package_id, *_COLUMNS).where(
        table.c.target == target, table.c.state == "filed", *same,
    ).order_by(table.c.package_id.desc()))
    return [(number, PatientGroup(*row)) for number, *row in rows]


def decide(connection: sa.Connection, package_id: int, number: int, decision: Decision, *,
           target: int | None = None, rule: str = "", evidence: dict[str, Any] | None = None,
           by: str = "", at: str = "") -> PatientGroup:
    """Store a decision with who or what made it, and the event (invariant 9); ``at`` empty: now.

    A link needs its patient's row and a rule or a person; ``new`` gets its target when the
    patient is made. Raises StateError when the group is filed already.
    """
    if decision == "link" and target is None:
        raise ValueError("a link needs a patient")
    if not (rule or by):
        raise ValueError("a decision cites a rule or a person")
    to: GroupState = "rejected" if decision == "reject" else "decided"
    present = group(connection, package_id, number)
    subject = f"Patient group {number} of package {package_id}"
    if present.state != to or present.state == "filed":
        states.require_edge(states.GROUP, subject, present.state, to)
    _set(connection, package_id, present, to, decision=decision, target=target, rule=rule,
         evidence=evidence, by=by, decided_at=at or now())
    record(connection, "package", package_id, f"group-{to}", by=by or rule,
           data={"group": number, "decision": decision, "patient": target, "rule": rule,
                 "evidence": evidence})
    return group(connection, package_id, number)


def propose(connection: sa.Connection, package_id: int, number: int, evidence: dict[str, Any],
            by: str) -> None:
    """Somebody's decision that needs a second person: the group waits on, with it as evidence."""
    present = group(connection, package_id, number)
    if present.state != "waiting":
        raise StateError(f"Patient group {number} of package {package_id} is {present.state}.")
    _set(connection, package_id, present, "waiting", evidence=evidence)
    record(connection, "package", package_id, "group-proposed", by=by,
           data={"group": number, "evidence": evidence})


def change_group(connection: sa.Connection, package_id: int, number: int, *, expect: GroupState,
                 to: GroupState, target: int | None = None, by: str = "",
                 evidence: dict[str, Any] | None = None) -> None:
    """decided → filed (with the patient's row), or back. Back to waiting forgets the decision;
    ``evidence`` then says why it waits."""
    subject = f"Patient group {number} of package {package_id}"
    states.require_edge(states.GROUP, subject, expect, to)
    present = group(connection, package_id, number)
    if present.state != expect:
        raise StateError(f"{subject} is {present.state}, not {expect}.")
    if to == "waiting":
        _set(connection, package_id, present, to, decision="", target=None, rule="",
             evidence=evidence, by="", decided_at="")
    else:
        _set(connection, package_id, present, to,
             target=present.target if target is None else target)
    record(connection, "package", package_id, f"group-{to}", by=by,
           data={"group": number, "from": expect, "patient": target or present.target})


def drop_groups(connection: sa.Connection, package_id: int) -> None:
    """Forget the groups, to form them again. Raises StateError once one is filed."""
    if any(one.state == "filed" for one in groups(connection, package_id)):
        raise StateError(f"Package {package_id} has filed patient groups; they stay.")
    connection.execute(sa.delete(table).where(table.c.package_id == package_id))


def _set(connection: sa.Connection, package_id: int, old: PatientGroup, to: GroupState,
         **values: Any) -> None:
    done = connection.execute(sa.update(table).where(
        table.c.package_id == package_id, table.c.number == old.number,
        table.c.state == old.state).values(state=to, **values))
    if done.rowcount != 1:
        raise StateError(f"Patient group {old.number} of package {package_id} has changed.")
