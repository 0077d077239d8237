"""`mediasvc queue attach`: reports and photos beside the images are filed with their patient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.packages import show_package
from mediasvc.cli.password import password_option, read_password
from mediasvc.cli.person import by_option
from mediasvc.cli.session import Session

if TYPE_CHECKING:
    from mediasvc.work.offered import Offer

#: Offers shown to a person before the rest is only counted.
SHOWN = 10


@click.command()
@click.argument("package", type=int)
@click.argument("labels", metavar="LABEL…", nargs=-1, required=True)
@click.option("--group", type=int, help="Patient group, when the package has several.")
@click.option("--study", metavar="UID", help="The study, when the patient has several on it.")
@click.option("--modality", metavar="XX", default="", help="As for mediasvc wrap.")
@password_option
@by_option
@click.pass_obj
def attach(session: Session, package: int, labels: tuple[str, ...], group: int | None,
           study: str | None, modality: str, password_file: Path | None, by: str) -> int:
    """Wrap files that lie beside the images of a package and file them with its patient.

    The patient must be decided, and the package still be where it came from. What is filed is a
    package of its own; it is taken back with mediasvc studies undo, alone or with this one. Exit
    code 1 when a file was refused or waits.
    """
    from mediasvc.cli.wrap import modality_of, summary, tell
    from mediasvc.work.attach import AttachOrder
    from mediasvc.work.attach import attach as work
    from mediasvc.work.desk import open_desk

    order = AttachOrder(package, labels, by, group, study, modality_of(modality),
                        read_password(password_file))
    with open_desk(session.home, session.settings) as desk:
        rows, done = work(desk, order)
        for row in rows:
            tell(session, row | ({"out": ""} if row["type"] == "wrapped" else {}))
        if done is not None:
            show_package(session, desk, done.id)
    code = summary(session, rows, package=str(done.id) if done else "",
                   state=done.state if done else "")
    return code if done is not None and done.state in ("done", "duplicate") else 1


def show_offers(session: Session, package: int, found: list[Offer]) -> None:
    """What could be attached, and what was."""
    for offer in found:
        session.emit("offered", **offer.as_json())
    if found:
        session.say("\n  Beside the images:")
    for offer in found[:SHOWN]:
        session.say(f"    {offer.kind:<7} {offer.label}  ({offer.length} bytes"
                    + (f"; filed with package {offer.attached})" if offer.attached else ")"))
    if len(found) > SHOWN:
        session.say(f"    … and {len(found) - SHOWN} more (all with --json)")
    if any(offer.attached is None for offer in found):
        session.say(f"  File with the patient: mediasvc queue attach {package} LABEL… --by YOU")
