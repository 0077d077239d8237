"""How good the discs of each sender are, and a letter that says so politely (FIELD N15)."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediasvc.media.page.words import count
from mediasvc.settings import Site
from mediasvc.standard.finding_clauses import CLAUSES
from mediasvc.store import senders
from mediasvc.store.senders import Fault, Sender

if TYPE_CHECKING:
    from mediasvc.store.db import Connection


@dataclass(frozen=True, slots=True)
class Score:
    """``faults``: the worst and most frequent first."""

    sender: Sender
    packages: int
    instances: int
    refused: int
    faults: tuple[Fault, ...]

    @property
    def troubled(self) -> int:
        """Packages with the most frequent error; 0 when there is none."""
        return max((fault.packages for fault in self.faults if fault.severity == "error"),
                   default=0)


def scorecard(connection: Connection, since: str = "") -> list[Score]:
    """One row for each sender since a date (ISO 8601), the most troublesome first."""
    found: dict[Sender, list[Fault]] = defaultdict(list)
    for sender, fault in senders.faults(connection, since):
        found[sender].append(fault)
    scores = [Score(sender, numbers["packages"], numbers["instances"], numbers["refused"],
                    tuple(found[sender]))
              for sender, numbers in senders.deliveries(connection, since).items()]
    return sorted(scores, key=lambda one: (-one.troubled / one.packages, -one.packages, one.sender))


def letter(score: Score, site: Site) -> str:
    """A text for the sender: which rules its discs break, how often, and what that does to us. No
    patient is named in it."""
    sender = score.sender
    system = " ".join(filter(None, (sender.manufacturer, sender.software_versions)))
    rows = [f"- {fault.text.rstrip('.')} ({CLAUSES[fault.code]}): on {fault.packages} of "
            f"{count(score.packages, 'disc')}, {_often(fault.times)}"
            for fault in score.faults if fault.code in CLAUSES]
    lines = [
        f"To the radiology of {sender.institution_name or '(institution not named in the images)'}",
        "", "Dear colleagues,", "",
        "patients bring us discs from you. At our import desk we have read "
        f"{count(score.packages, 'disc')} with {count(score.instances, 'image')}"
        + (f" of {system}." if system else "."),
        *([f"{count(score.refused, 'image')} could not be taken in."] if score.refused else []),
        "",
        *(["This is what we found:", "", *rows, "",
           "Your vendor will know these clauses. With them kept, your images reach the doctors "
           "here without delay, and no patient has to come again with another disc."]
          if rows else ["Nothing was wrong with them. Thank you."]),
        "", "With kind regards", site.institution, *([site.contact] if site.contact else []), ""]
    return "\n".join(textwrap.fill(line, 78, subsequent_indent="  " if line[:1] == "-" else "")
                     for line in lines)


def _often(times: int) -> str:
    return "once" if times == 1 else f"{times} times"
