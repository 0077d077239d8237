"""Findings that say the same of many instances: a few are printed, the others are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from mediasvc.cli.session import Session
from mediasvc.model import Finding

#: Printed of each text; JSON has them all.
FEW = 3


@contextmanager
def few_findings(session: Session) -> Iterator[Callable[[Finding], None]]:
    """What to tell findings to; how many there were of each text is said at the end."""
    told: Counter[tuple[str, str, str]] = Counter()

    def tell(finding: Finding) -> None:
        alike = finding.severity, finding.rule, finding.text
        told[alike] += 1
        if told[alike] <= FEW:
            session.finding(finding)
        else:
            session.emit("finding", **asdict(finding))

    try:
        yield tell
    finally:
        for (severity, rule, text), times in told.items():
            if times > FEW and not session.quiet:
                session.say(f"  {severity:<7} {times} in all: {text}" + (
                    f"  [{rule}]" if rule else ""))
