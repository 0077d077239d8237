"""Two people for one link, where the site asks for it: the first proposes, the second agrees."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from mediasvc.identity.weights import ORDER
from mediasvc.settings import Decisions
from mediasvc.store import ledger
from mediasvc.store.ledger import PatientGroup
from mediasvc.work.index.patients import match
from mediasvc.work.intake.group_package import query_of

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

WAITS = "second-person"


def needs_second(connection: Connection, policy: Decisions, group: PatientGroup, target: int,
                 by: str) -> bool:
    """Whether ``by`` may not link ``group`` to the patient in row ``target`` alone, and nobody else
    has proposed just that."""
    if not policy.second_person_below:
        return False
    found = match(connection, query_of(group)).candidates
    recommendation = next((one.recommendation for one in found if one.patient.row == target),
                          "none")
    if ORDER.index(recommendation) >= ORDER.index(policy.second_person_below):
        return False
    proposal = proposal_of(group)
    return not (proposal and proposal["target"] == target
                and not is_same_person(proposal["by"], by))


def is_same_person(one: str, other: str) -> bool:
    """Nobody becomes a second person by writing their own name in another way."""
    return _name(one) == _name(other)


def _name(by: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", by).casefold().split())


def propose(connection: Connection, package_id: int, group: PatientGroup, target: int, by: str,
            ) -> None:
    """The latest proposal counts; why the group waited before stays written down."""
    before = [wait for wait in (group.evidence or {}).get("waits", ()) if wait["code"] != WAITS]
    text = f"{by} has decided for a patient; a second person must decide for the same one."
    ledger.propose(connection, package_id, group.number, {
        "waits": [*before, {"code": WAITS, "text": text}],
        "proposal": {"target": target, "by": by}}, by)


def proposal_of(group: PatientGroup) -> dict[str, Any] | None:
    return (group.evidence or {}).get("proposal")
