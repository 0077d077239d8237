"""The same content came before: when, from whom, who decided, and what was missing then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediasvc.media.page.words import Many
from mediasvc.model import Finding, PackageState
from mediasvc.store import ledger
from mediasvc.store.ledger import Package

if TYPE_CHECKING:
    from mediasvc.store.db import Connection

STATES: dict[PackageState, str] = {
    "done": "it is filed", "waiting": "it waits for a person", "receiving": "it is under way"}


def seen_before(connection: Connection, earlier: Package) -> Finding:
    """For a package with the content of ``earlier`` (FAULTS I05)."""
    groups = ledger.groups(connection, earlier.id)
    people = sorted({group.by for group in groups if group.by})
    deciders = [*(["a rule"] if any(group.rule for group in groups) else []), *people]
    came = f"package {earlier.id}, arrived {earlier.arrived_at[:10]}" + (
        f" from {earlier.source}" if earlier.source else "") + (
        f", decided by {' and '.join(deciders)}" if deciders else "")
    return Finding("info", "seen-before", "",
                   f"This disc is here already: {came}; {STATES[earlier.state]}. "
                   f"{_lacked(connection, earlier)}", "I05")


def _lacked(connection: Connection, earlier: Package) -> str:
    roles = ledger.role_counts(connection, earlier.id)
    missing, refused = Many(roles.get("missing", 0)), Many(roles.get("refused", 0))
    parts = []
    if missing:
        parts.append(f"{missing:file|files} that DICOMDIR names {missing:=was|were} missing")
    if refused:
        parts.append(f"{refused:file|files} could not be used")
    return f"Then {' and '.join(parts)}." if parts else "Nothing was missing then."
