"""How a package is told: one JSON line, or a few lines that a clerk understands."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from mediasvc.cli.session import Session
from mediasvc.model import Finding

if TYPE_CHECKING:
    from mediasvc.work.desk import Desk

#: Findings of one kind shown to a person before the rest is only counted.
SHOWN = 5
WORDS = {
    "done": "is in the archive",
    "waiting": "waits for a person",
    "failed": "could not be taken in",
    "duplicate": "was here before",
    "receiving": "is being taken in",
    "discarded": "was discarded",
}


def show_package(session: Session, desk: Desk, number: int) -> bool:
    """Tell the package's state and findings; True when there is nothing to look after."""
    from mediasvc.work.queue_view import findings, view

    seen = view(desk, number)
    row = seen.as_json()
    session.emit("package", **row)
    session.say(f"Package {number} {WORDS[seen.package.state]}: {seen.package.path}")
    session.say("  " + sentence(row))
    if not session.as_json:
        show_findings(session, findings(desk, number))
    if seen.package.state == "waiting":
        session.say(f"  See: mediasvc queue show {number}")
    return not (seen.findings["error"] or seen.findings["warning"])


def sentence(row: dict[str, object]) -> str:
    """Where the instances are, in words; only what is not zero."""
    parts = [f"{row[key]} {words}" for key, words in (
        ("archived", "filed"), ("duplicate", "already here"), ("held", "waiting"),
        ("quarantined", "refused"), ("rejected", "rejected")) if row[key]]
    missing = f"; {row['missing']} files named by DICOMDIR are missing" if row["missing"] else ""
    return f"{row['instances']} instances: {', '.join(parts) or 'none'}{missing}"


def show_findings(session: Session, findings: list[Finding]) -> None:
    """Errors first; of many of one kind only the first few, and how many more."""
    order = {"error": 0, "warning": 1, "info": 2}
    ranked = sorted(findings, key=lambda f: (order[f.severity], f.code))
    for (severity, code), group in groupby(ranked, key=lambda f: (f.severity, f.code)):
        same = list(group)
        for finding in same[:SHOWN]:
            session.finding(finding)
        if len(same) > SHOWN:
            session.say(f"  {severity:<7} … and {len(same) - SHOWN} more of the kind {code}")
