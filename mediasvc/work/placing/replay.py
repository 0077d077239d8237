"""A person's decision counts again when more of the same study comes with the same identity.

An addendum (the files that could not be read last time, the second disc of a set) must not ask what
was answered already. Nothing is concluded by resemblance: the study itself is here, filed under one
patient, and what the package says of that patient is exactly what a person decided about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mediasvc.identity.match import Rule
from mediasvc.store import index, ledger
from mediasvc.store.ledger import PatientGroup
from mediasvc.store.patients import patient_row

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

#: The rule's id in decisions and events.
DECIDED_BEFORE = "decided-before"


def decided_before(connection: Connection, package_id: int, group: PatientGroup,
                   series: Sequence[tuple[str, str]]) -> Rule | None:
    """The link that follows from an earlier decision about the studies of ``group``, if every one
    of them is here, all under one patient, by a decision about this very identity. ``series``:
    (Study Instance UID, Series Instance UID) of the group."""
    studies = {study for study, _ in series}
    owners = index.study_patients(connection, sorted(studies))
    if not studies or owners.keys() != studies or len(set(owners.values())) != 1:
        return None
    [owner] = set(owners.values())
    for number, earlier in ledger.filed_alike(connection, group, owner):
        if number != package_id and earlier.by:
            return Rule(DECIDED_BEFORE, patient_row(connection, owner), {
                "package": number, "group": earlier.number, "by": earlier.by,
                "at": earlier.decided_at})
    return None
