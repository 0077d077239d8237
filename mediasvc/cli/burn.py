"""`mediasvc burn`: released discs onto plastic, onto a stick, to a robot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.person import by_option
from mediasvc.cli.session import Session
from mediasvc.errors import ProofError, SettingsError, StateError
from mediasvc.media.page.words import count
from mediasvc.model import Finding

if TYPE_CHECKING:
    from mediasvc.store.burns import Burn


@click.command()
@click.argument("discs", metavar="DISC…", nargs=-1)
@click.option("--device", default="", help="The drive; otherwise burn.device of the settings.")
@click.option("--usb", type=click.Path(path_type=Path, file_okay=False, exists=True),
              help="Copy a disc folder into this folder (a stick); nothing is formatted.")
@click.option("--robot", default="", metavar="NAME", help="Send it to this robot of the settings.")
@click.option("--copies", type=click.IntRange(1, 99), default=None, help="For a robot.")
@click.option("--status", is_flag=True, help="Ask the robots, and list every burn of DISC or all.")
@by_option
@click.pass_obj
def command(session: Session, discs: tuple[str, ...], device: str, usb: Path | None, robot: str,
            copies: int | None, status: bool, by: str) -> int:
    """Bring released discs (by number or path) onto a medium, and read it back.

    A medium that is not the certified image to its last byte is never released: exit code 2.
    Exit code 1 while a robot has work.
    """
    from mediasvc.work.desk import open_desk

    _require(discs, device, usb, robot, copies, status)
    with open_desk(session.home, session.settings) as desk:
        from mediasvc.store import burns
        from mediasvc.work import burn as work
        from mediasvc.work.handing_out.burn_folder import copy_disc
        from mediasvc.work.handing_out.robots import poll, robot_named, send, unprintable

        wanted = [work.find_disc(desk, words) for words in discs]
        rows: list[Burn] = []
        if status:
            poll(desk, session.settings.robots)
            with desk.store.read() as connection:
                rows = burns.burns(connection) if not wanted else [
                    row for disc in wanted for row in burns.burns(connection, disc_id=disc.id)]
        for disc in wanted if not status else ():
            try:
                if robot:
                    chosen = robot_named(session.settings.robots, robot)
                    rows.append(send(desk, disc, chosen, by=by, copies=copies or 0))
                    _tell_letters(session, disc.id, unprintable(desk, disc, chosen))
                elif usb:
                    rows.append(copy_disc(desk, disc, usb, by=by))
                else:
                    rows.append(work.burn_disc(desk, disc, by=by, device=device))
            except (ProofError, StateError) as error:
                raise type(error)(f"Disc {disc.id} was not released: {error.text.rstrip('.!')}.",
                                  error.advice or "Throw the medium away.") from error
    return _tell(session, rows)


def _require(discs: tuple[str, ...], device: str, usb: Path | None, robot: str,
             copies: int | None, status: bool) -> None:
    if not discs and not status:
        raise SettingsError("Say which disc: its number, or the path of its image.",
                            "mediasvc report exports lists them.")
    if sum(map(bool, (device, usb, robot))) > 1:
        raise SettingsError("Choose one of --device, --usb and --robot.")
    if copies and not robot:
        raise SettingsError("--copies is for a robot; burn again for another copy.")
    if len(discs) > 1 and not (robot or status):
        raise SettingsError("One medium takes one disc.", "Burn them one after the other.")


def _tell_letters(session: Session, disc: int, letters: int) -> None:
    if letters:
        session.finding(Finding("warning", "letters-not-drawn", f"disc {disc}",
                                f"{count(letters, 'letter')} of its label that the robot's job "
                                "files have not: they stand as question marks; write them by hand"))


def _tell(session: Session, rows: list[Burn]) -> int:
    from mediasvc.work.handing_out.robots import how_far

    for row in rows:
        session.emit("burn", burn=row.id, disc=row.disc_id, state=row.state, method=row.method,
                     target=row.target, program=row.program, copies=row.copies, reason=row.reason,
                     at=row.changed_at, by=row.by)
        why = row.reason or how_far(row, session.settings.robots)
        session.say(f"burn {row.id}: disc {row.disc_id} by {row.method} {row.target}: "
                    f"{row.state}{f' ({why})' if why else ''}")
    waiting = sum(row.state not in ("released", "failed") for row in rows)
    session.summary(burns=len(rows), released=sum(row.state == "released" for row in rows),
                    failed=sum(row.state == "failed" for row in rows), waiting=waiting)
    return 1 if waiting else 0
