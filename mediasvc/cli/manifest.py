"""`mediasvc manifest PACKAGE`: DICOMDIR says / disc holds / we stored, file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mediasvc.cli.session import Session
from mediasvc.media.page.words import count

if TYPE_CHECKING:
    from mediasvc.work.manifest import Line

#: What became of a file, in a clerk's words.
WORDS = {
    "archived": "filed",
    "duplicate": "was here already",
    "quarantined": "refused, kept in quarantine",
    "held": "waits for a decision",
    "rejected": "rejected by decision",
    "pending": "being taken in",
}


@click.command()
@click.argument("package", type=int)
@click.pass_obj
def command(session: Session, package: int) -> int:
    """Every file of a package: what DICOMDIR says, what the disc holds, what we stored.

    Exit code 1 when a file is missing or was not stored.
    """
    from mediasvc.work.desk import open_desk
    from mediasvc.work.manifest import lines
    from mediasvc.work.manifest import repairs as repairs_of

    missing = other = stored = not_stored = wrapped = 0
    session.say(f"{'DICOMDIR':<9}{'disc':<7}{'stored':<28} file")
    with open_desk(session.home, session.settings) as desk:
        for line in lines(desk, package):
            session.emit("file", **line.as_json())
            session.say(_told(line, package))
            missing += line.role == "missing"
            wrapped += line.filed_with is not None
            other += line.role in ("non_dicom", "dicomdir") and line.filed_with is None
            stored += bool(line.state) and line.stored
            not_stored += bool(line.state) and not line.stored
        repairs = list(repairs_of(desk, package))
    for finding in repairs:
        session.emit("repair", subject=finding.subject, text=finding.text)
        session.say(f"repaired: {finding.text}")
    session.say(f"{stored} stored, {missing} missing, {not_stored} not stored, "
                + count(other, "other file")
                + (f", {wrapped} wrapped" if wrapped else ""))
    session.summary(package=str(package), stored=stored, missing=missing, not_stored=not_stored,
                    other=other, repairs=len(repairs))
    return 1 if missing or not_stored else 0


def _told(line: Line, package: int) -> str:
    says = "yes" if line.file_id else "no"
    holds = "MISSING" if line.role == "missing" else "yes"
    stored = {"non_dicom": "no (not DICOM)", "dicomdir": "no (directory)",
              "missing": "no"}.get(line.role) or WORDS[line.state]
    if line.state == "duplicate" and not line.stored:
        stored = "no (its twin is not filed)"
    if line.came_with is not None:
        stored = line.came(package)
    if line.filed_with is not None:
        stored = f"wrapped, with package {line.filed_with}"
    reason = f" ({line.reason})" if line.reason and line.state not in ("archived", "held") else ""
    return f"{says:<9}{holds:<8}{stored + reason:<28} {line.label}  {line.sha256[:12]}"
