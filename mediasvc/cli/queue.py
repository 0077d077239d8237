"""`mediasvc queue`: what waits for a person, and the person's answers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.attach import attach, identify, show_offers
from mediasvc.cli.packages import (
    WORDS,
    candidate_row,
    exit_code,
    say_candidate,
    sentence,
    show_findings,
    show_groups,
    show_package,
)
from mediasvc.cli.password import password_option, read_password
from mediasvc.cli.person import by_option
from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError
from mediasvc.media.page.words import count

if TYPE_CHECKING:
    from mediasvc.work.decide import Change


@click.group()
def command() -> None:
    """Packages and what became of them."""


command.add_command(attach)
command.add_command(identify)


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Finished ones too.")
@click.pass_obj
def list_(session: Session, everything: bool) -> int:
    """Packages that wait, run or failed, in order of arrival."""
    from mediasvc.work.desk import open_desk
    from mediasvc.work.queue import open_packages
    from mediasvc.work.waiting.queue_view import view

    with open_desk(session.home, session.settings) as desk:
        rows = [view(desk, number).as_json() for number in open_packages(desk, everything)]
    rows.sort(key=lambda row: bool(row["on_hold"]))
    put_aside = sum(bool(row["on_hold"]) for row in rows)
    for place, row in enumerate(rows):
        if put_aside and place == len(rows) - put_aside:
            session.say("\nPut aside:")
        session.emit("package", **row)
        session.say(f"{row['package']:>6}  {row['state']:<10} {sentence(row):<50}  {row['path']}")
        for aside, times in Counter(
                f"by {one['by']} on {one['at'][:10]}: {one['reason']}"
                for one in row["holds"]).items():
            whom = "" if times == 1 else f"{times} patients "
            session.say(f"        {whom}put aside {aside}")
    if not rows:
        session.say("Nothing waits.")
    session.summary(packages=len(rows), on_hold=put_aside, waiting=sum(
        row["state"] == "waiting" and not row["on_hold"] for row in rows))
    return 1 if any(row["state"] in ("waiting", "failed") for row in rows) else 0


@command.command()
@click.argument("package", type=int)
@click.pass_obj
def show(session: Session, package: int) -> int:
    """One package: its patients as received, candidates with reasons, findings."""
    from mediasvc.work.desk import open_desk
    from mediasvc.work.waiting.offered import offers
    from mediasvc.work.waiting.queue_view import findings, group_views, view

    with open_desk(session.home, session.settings) as desk:
        seen, groups, troubles = (view(desk, package), group_views(desk, package),
                                  findings(desk, package))
        beside = offers(desk, package)
    row = seen.as_json()
    session.emit("package", **row)
    session.say(f"Package {package} {WORDS[seen.package.state]}: {seen.package.path}")
    session.say("  " + sentence(row))
    show_groups(session, package, groups)
    show_findings(session, troubles)
    show_offers(session, package, beside)
    if seen.package.state == "waiting" and seen.package.reason == "decision":
        several = sum(one.group.state == "waiting" for one in groups) > 1
        session.say(f"\n  Decide: mediasvc queue decide {package} {'--group N ' * several}"
                    "(--link ID@ISSUER | --new | --reject | --hold) --by YOU [--dry-run]")
    session.summary(**{key: row[key] for key in ("package", "state", "instances")},
                    groups=len(groups))
    return 1 if seen.package.state in ("waiting", "failed") else 0


@command.command()
@click.argument("package", type=int)
@click.option("--group", type=int, help="Patient group, when several wait.")
@click.option("--link", metavar="ID[@ISSUER]", help="File it under this patient of the index.")
@click.option("--new", is_flag=True, help="File it under a new, provisional patient.")
@click.option("--reject", is_flag=True, help="Take none of it.")
@click.option("--hold", "aside", is_flag=True,
              help="Put it aside, listed apart, until something else is decided.")
@click.option("--reason", default="", help="Why; it stays in the ledger.")
@by_option
@click.option("--dry-run", is_flag=True, help="Only print every attribute that would change.")
@click.pass_obj
def decide(session: Session, package: int, group: int | None, link: str | None, new: bool,
           reject: bool, aside: bool, reason: str, by: str, dry_run: bool) -> int:
    """Answer for one patient of a package; the import goes on at once.

    With --hold nothing is filed and nothing lost: without --group all its patients that wait are
    put aside.
    """
    from mediasvc.model import PatientKey
    from mediasvc.work import decide as work
    from mediasvc.work.desk import open_desk
    from mediasvc.work.ingest import run_line

    if sum((link is not None, new, reject, aside)) != 1:
        raise SettingsError("Say exactly one of --link, --new, --reject, --hold.")
    if aside:
        return _put_aside(session, package, group, by, reason)
    key = PatientKey.parse(link, session.settings.site.issuer) if link is not None else None
    decision = work.Decision("link" if key else "new" if new else "reject", by, key, reason)
    with open_desk(session.home, session.settings) as desk:
        if key is not None:
            alike = work.resemblance(desk, package, group, key)
            session.emit("candidate", **candidate_row(alike))
            say_candidate(session, alike)
        if dry_run:
            return show_changes(session, work.preview(desk, package, group, decision))
        done = work.decide(desk, package, group, decision)
        if done.state == "receiving":
            with progress(session) as report:
                done = run_line(desk, package, report)
        else:
            session.say("Noted. A second person must decide for the same patient.")
        show_package(session, desk, package)
    session.summary(package=str(package), state=done.state)
    return exit_code(done.state)


def _put_aside(session: Session, package: int, group: int | None, by: str, reason: str) -> int:
    from mediasvc.work.desk import open_desk
    from mediasvc.work.waiting.hold import hold

    with open_desk(session.home, session.settings) as desk:
        numbers = hold(desk, package, group, by=by, reason=reason)
    session.say(f"Package {package}: {count(len(numbers), 'patient')} put aside. Any other "
                "decision ends that.")
    session.summary(package=str(package), state="waiting", on_hold=numbers)
    return 1


def show_changes(session: Session, changes: list[Change], **more: object) -> int:
    """The table of a dry run."""
    for change in changes:
        session.emit("change", tag=change.tag, attribute=change.attribute, old=change.old,
                     new=change.new, instances=change.instances)
        old = "(absent)" if change.old is None else f"{change.old!r}"
        session.say(f"  {change.tag} {change.attribute:<34} {old} → {change.new!r}"
                    f"   in {change.instances}")
    if not changes:
        session.say("  Nothing would change.")
    session.summary(changes=len(changes), dry_run=True, **more)
    return 0


@command.command()
@click.argument("package", type=int)
@password_option
@by_option
@click.pass_obj
def retry(session: Session, package: int, password_file: Path | None, by: str) -> int:
    """Try a package again: after a failure, or now with its password."""
    from mediasvc.work.desk import open_desk
    from mediasvc.work.ingest import run_line
    from mediasvc.work.queue import send_again

    with open_desk(session.home, session.settings) as desk, progress(session) as report:
        send_again(desk, package, by=by)
        done = run_line(desk, package, report, password=read_password(password_file))
        show_package(session, desk, package)
    session.summary(package=str(package), state=done.state)
    return exit_code(done.state)


@command.command()
@click.argument("package", type=int)
@click.option("--reason", required=True, help="Why; it stays in the ledger.")
@by_option
@click.pass_obj
def discard(session: Session, package: int, reason: str, by: str) -> int:
    """Give a package up: what waits is rejected, its bytes in staging are removed."""
    from mediasvc.work.desk import open_desk
    from mediasvc.work.queue import discard as work

    with open_desk(session.home, session.settings) as desk:
        work(desk, package, reason=reason, by=by)
        show_package(session, desk, package)
    session.summary(package=str(package), state="discarded")
    return 0

