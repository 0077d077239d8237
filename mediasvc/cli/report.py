"""`mediasvc report`: pages for people, and whether such a page is still what it was."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.person import by_option
from mediasvc.cli.session import Session
from mediasvc.media.page.words import count

if TYPE_CHECKING:
    from mediasvc.report.export_page import ExportRow
    from mediasvc.work.desk import Desk
    from mediasvc.work.intake.lacking import Lacking
    from mediasvc.work.scorecard import Score

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def command() -> None:
    """Reports as printable pages."""


@command.command("import")
@click.argument("package", type=int)
@click.option("--html", "target", type=click.Path(path_type=Path, dir_okay=False), required=True,
              help="The new file; only you may read it, because patients' data are in it.")
@by_option
@click.pass_obj
def import_(session: Session, package: int, target: Path, by: str) -> int:
    """The legal record of one import: who, when, what, decisions, changes. Its hash goes into the
    ledger."""
    from mediasvc.report.import_report import make_report
    from mediasvc.work.desk import open_desk

    with open_desk(session.home, session.settings) as desk:
        made = make_report(desk, package, target, by)
    session.say(f"Report of package {package} written, {made.length:,} bytes.")
    session.say(f"  SHA-256 {made.sha256} (event {made.event} of the ledger)")
    for one in made.broken:
        session.emit("broken", sop_instance_uid=one.sop_instance_uid, why=one.why)
    if made.broken:
        session.say(f"  The archive is damaged: {count(len(made.broken), 'instance')} could not "
                    "be compared "
                    "with what was received. The report names them; put the archive's files back "
                    "from the backup and make it again.")
    session.summary(package=str(package), path=str(target), sha256=made.sha256, bytes=made.length,
                    event=made.event, broken=len(made.broken))
    return 1 if made.broken else 0


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def check(session: Session, file: Path) -> int:
    """Whether FILE is a report of ours, unchanged. Exit code 1 when it is not."""
    from mediasvc.report.import_report import find_report
    from mediasvc.report.import_report_words import moment
    from mediasvc.span import Span
    from mediasvc.work.desk import open_desk

    sha256 = Span.of_file(file).sha256()
    with open_desk(session.home, session.settings) as desk:
        event = find_report(desk, sha256)
    if event is None:
        session.say("The ledger knows no report with these bytes: it was changed, or it is not "
                    "from here.")
        session.summary(known=False, sha256=sha256)
        return 1
    session.say(f"Unchanged: the report of package {event.subject}, made {moment(event.at)} by "
                f"{event.by} (event {event.seq}).")
    session.summary(known=True, sha256=sha256, package=event.subject, at=event.at, by=event.by,
                    event=event.seq)
    return 0


@command.command()
@click.argument("package", type=int)
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False),
              help="A new file for the letter as a printable page.")
@click.option("--text", "text", type=click.Path(path_type=Path, dir_okay=False),
              help="A new file for the letter as plain text.")
@by_option
@click.pass_obj
def missing(session: Session, package: int, page: Path | None, text: Path | None, by: str) -> int:
    """A letter to the sender of one disc: which files are missing, unreadable or unusable.

    Without a file the letter is printed. No patient is named in it.
    """
    from mediasvc.work.desk import open_desk

    with open_desk(session.home, session.settings) as desk:
        facts, written = _letter(session, desk, package, page, text, by)
    for kind in ("missing", "unreadable", "refused"):
        for row in getattr(facts, kind):
            session.emit("lacked", kind=kind, file_id=row.name,
                         sop_instance_uid=row.sop_instance_uid, why=row.why, clause=row.clause)
    if facts.nothing:
        session.say(f"Nothing of package {package} is missing or unreadable: no letter is needed.")
    for path in written:
        session.say(f"Letter written to {path}")
    session.summary(package=str(package), missing=len(facts.missing),
                    unreadable=len(facts.unreadable), refused=len(facts.refused),
                    came_later=facts.came, written=[str(path) for path in written])
    return 0


def _letter(session: Session, desk: Desk, package: int, page: Path | None, text: Path | None,
            by: str) -> tuple[Lacking, list[Path]]:
    from mediasvc.report.import_report import write_page
    from mediasvc.report.missing_letter import letter_page, letter_text
    from mediasvc.store import ledger
    from mediasvc.work.intake.import_labels import labels
    from mediasvc.work.intake.lacking import lacking

    site, file_sets = session.settings.site, labels(desk, package).file_sets
    with desk.store.read() as connection:
        facts = lacking(connection, package)
    day = ledger.now()[:10]
    if facts.nothing:
        return facts, []
    words = letter_text(facts, site, file_sets, day)
    if page is None and text is None:
        session.say(words)
    written = []
    for path, content in ((page, letter_page(facts, site, file_sets, day)),
                          (text, words.encode())):
        if path is not None:
            write_page(path, content)
            written.append(path)
    with desk.store.transaction() as connection:
        ledger.record(connection, "package", package, "missing-letter", by=by,
                      data={"missing": len(facts.missing), "unreadable": len(facts.unreadable),
                            "refused": len(facts.refused)})
    return facts, written


@command.command()
@click.option("--since", default="", metavar="YYYY-MM-DD", help="Only packages from that day on.")
@click.option("--letters", type=click.Path(path_type=Path, file_okay=False),
              help="A folder for a letter to each sender of whose discs something is to be said.")
@click.pass_obj
def senders(session: Session, since: str, letters: Path | None) -> int:
    """How good the discs of each institution and system are, the worst first."""
    from mediasvc.work.scorecard import letter, scorecard

    with session.store() as store, store.read() as connection:
        scores = scorecard(connection, since)
    for score in scores:
        _tell(session, score)
    written = 0
    if letters is not None:
        letters.mkdir(parents=True, exist_ok=True)
        for number, score in enumerate(scores, 1):
            if score.faults:
                written += 1
                (letters / f"letter-{number}.txt").write_text(
                    letter(score, session.settings.site), encoding="utf-8")
        session.say(f"{count(written, 'letter')} written to {letters}")
    session.summary(senders=len(scores), letters=written)
    return 0


def _tell(session: Session, score: Score) -> None:
    who = score.sender
    session.emit("sender", **who._asdict(), packages=score.packages, instances=score.instances,
                 refused=score.refused, faults=[fault._asdict() for fault in score.faults])
    session.say(f"{who.institution_name or '(no institution)'}, {who.manufacturer or '?'} "
                f"{who.software_versions}: {count(score.packages, 'package')}, "
                f"{count(score.instances, 'instance')}, {score.refused} refused")
    for fault in score.faults:
        session.say(f"  {fault.severity:<7} {fault.text}  [{fault.rule}]  in "
                    f"{count(fault.packages, 'package')}, {count(fault.times, 'time')}")


@command.command()
@click.option("--patient", metavar="ID[@ISSUER]", help="Only discs with studies of this patient.")
@click.option("--since", type=_DAY, default=None, metavar="YYYY-MM-DD",
              help="Only discs from that day on (UTC).")
@click.option("--until", type=_DAY, default=None, metavar="YYYY-MM-DD",
              help="Only discs up to that day.")
@click.option("--for", "recipient", default="", metavar="NAME",
              help="Only discs for this recipient; a part of the name will do.")
@click.option("--html", "target", type=click.Path(path_type=Path, dir_okay=False),
              help="A new file for the list as a printable page; only you may read it.")
@click.pass_obj
def exports(session: Session, patient: str | None, since: datetime | None, until: datetime | None,
            recipient: str, target: Path | None) -> int:
    """Who exported what to whom: every disc that was released, oldest first."""
    from mediasvc.model import PatientKey
    from mediasvc.report.export_page import ExportRow
    from mediasvc.store import burns, patients

    days = [f"{day:%Y-%m-%d}" if day else "" for day in (since, until)]
    with session.store() as store, store.read() as connection:
        whose = patients.patient(connection, PatientKey.parse(
            patient, session.settings.site.issuer)).row if patient else None
        rows = [ExportRow(row, tuple(burns.burns(connection, disc_id=row.disc.id)))
                for row in burns.handed_out(connection, whose=whose, since=days[0],
                                            until=days[1], recipient=recipient)]
    for row in rows:
        _tell_export(session, row)
    if target is not None:
        asked = " ".join(word for word in (
            f"Of {patient}." if patient else "", f"From {days[0]}." if since else "",
            f"Until {days[1]}." if until else "", f"For {recipient}." if recipient else "") if word)
        _write_exports(session, target, rows, asked)
    session.summary(discs=len(rows), instances=sum(row.handed.instances for row in rows))
    return 0


def _write_exports(session: Session, target: Path, rows: list[ExportRow], asked: str) -> None:
    from mediasvc.report.export_page import export_page
    from mediasvc.report.import_report import write_page

    write_page(target, export_page(rows, session.settings.site.institution, asked,
                                   datetime.now(UTC)))
    session.say(f"{target} written.")


def _tell_export(session: Session, shown: ExportRow) -> None:
    row, burnt = shown.handed, shown.burns
    disc = row.disc
    released = [one for one in burnt if one.state == "released"]
    session.emit("export", disc=disc.id, at=disc.created_at, by=disc.by, recipient=disc.recipient,
                 patients=[str(key) for key in row.patients], now=[str(key) for key in row.now],
                 studies=row.studies, instances=row.instances, path=disc.path,
                 profile=disc.profile, part=disc.part, bytes=disc.bytes, sha256=disc.sha256,
                 deidentified=row.noted.get("deidentified"), encrypted=row.noted.get("encrypted"),
                 burns=[{"burn": one.id, "method": one.method, "target": one.target,
                         "state": one.state, "at": one.changed_at} for one in burnt])
    whom = f" for {disc.recipient}" if disc.recipient else ""
    session.say(f"disc {disc.id}  {disc.created_at[:16].replace('T', ' ')}  by {disc.by}{whom}: "
                f"{shown.people or 'nobody that the index knows'}, {shown.content}, "
                f"{disc.profile}, {disc.path}"
                + (f", burnt {count(len(released), 'time')}" if released else ""))
