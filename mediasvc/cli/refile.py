"""`mediasvc studies refile`: what was filed under the wrong patient goes to the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mediasvc.cli.discs_out import tell_discs
from mediasvc.cli.person import by_option
from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError
from mediasvc.media.page import words

if TYPE_CHECKING:
    from mediasvc.store.refiles import Refile
    from mediasvc.work.desk import Desk
    from mediasvc.work.refile import Wanted


@click.command("refile")
@click.argument("what", metavar="PACKAGE|STUDY", required=False, default="")
@click.option("--to", "target", metavar="ID[@ISSUER]", default="", help="The right patient.")
@click.option("--group", type=int, help="Only this patient of the package.")
@click.option("--reason", default="", help="Why; it stays in the ledger.")
@click.option("--undo", "number", type=int, metavar="REFILE", help="Take an earlier refile back.")
@by_option
@click.option("--dry-run", is_flag=True, help="Only print every attribute that would change.")
@click.pass_obj
def refile(session: Session, what: str, target: str, group: int | None, reason: str,
           number: int | None, by: str, dry_run: bool) -> int:
    """Move filed studies to another patient: a whole PACKAGE, or one STUDY by its UID.

    The bytes as received stay restorable; what stood in the images is appended to their Original
    Attributes. Discs that went out before are listed.
    """
    from mediasvc.model import PatientKey
    from mediasvc.work.desk import open_desk
    from mediasvc.work.refile import Wanted

    if number is None and not (what and target):
        raise SettingsError("Say what is moved and to whom.",
                            "mediasvc studies refile PACKAGE|STUDY --to ID@ISSUER")
    if number is not None and (what or target or dry_run):
        raise SettingsError("--undo takes a refile back and goes with no other target.")
    with open_desk(session.home, session.settings) as desk:
        if number is not None:
            return _take_back(session, desk, number, by, reason)
        wanted = Wanted(what, PatientKey.parse(target, session.settings.site.issuer), by, reason,
                        group)
        return _preview(session, desk, wanted) if dry_run else _move(session, desk, wanted)


@click.command("refiles")
@click.pass_obj
def refiles(session: Session) -> int:
    """What was moved to another patient, and what waits for a second person."""
    from mediasvc.store.refiles import refiles as rows
    from mediasvc.work.desk import open_desk

    with open_desk(session.home, session.settings) as desk:
        with desk.store.read() as connection:
            found = rows(connection)
        for one in found:
            _tell(session, desk, one)
    session.summary(refiles=len(found))
    return 0


def _preview(session: Session, desk: Desk, wanted: Wanted) -> int:
    from mediasvc.cli.queue import show_changes
    from mediasvc.work.refile import preview

    changes, discs = preview(desk, wanted)
    tell_discs(session, desk, discs)
    return show_changes(session, changes, discs=list(discs))


def _move(session: Session, desk: Desk, wanted: Wanted) -> int:
    from mediasvc.work.refile import move

    with progress(session) as report:
        moved = move(desk, wanted, report)
    one = moved.refile
    _tell(session, desk, one)
    if one.state == "proposed":
        session.say("Noted. A second person must give the same order.")
    tell_discs(session, desk, moved.discs, ", under the patient before")
    session.summary(refile=one.id, state=one.state, instances=moved.instances,
                    studies=len(one.studies), packages=list(moved.packages),
                    discs=list(moved.discs))
    return 0 if one.state == "done" else 1


def _take_back(session: Session, desk: Desk, number: int, by: str, reason: str) -> int:
    from mediasvc.work.refiling.refile_undo import take_back

    one, instances, discs = take_back(desk, number, by=by, reason=reason)
    _tell(session, desk, one)
    tell_discs(session, desk, discs)
    session.summary(refile=one.id, state=one.state, instances=instances,
                    studies=len(one.studies), discs=list(discs))
    return 0


def _tell(session: Session, desk: Desk, one: Refile) -> None:
    from mediasvc.work.refile import people_of

    before, after = people_of(desk, one)
    session.emit("refile", refile=one.id, state=one.state, studies=one.studies, by=one.by,
                 first=one.first, reason=one.reason, at=one.at,
                 **{"from": {"patient_id": before.patient_id, "issuer": before.issuer},
                    "to": {"patient_id": after.patient_id, "issuer": after.issuer}})
    studies = words.count(len(one.studies), "study", "studies")
    why = f": {one.reason}" if one.reason else ""
    session.say(f"Refile {one.id} of {one.at[:10]} {one.state}: {studies} from {before} to {after} "
                f"by {one.by}{why}")
