"""`mediasvc queue attach` and `queue identify`: ordinary files of a package, and whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mediasvc.cli.packages import exit_code, show_package
from mediasvc.cli.password import password_option, read_password
from mediasvc.cli.person import by_option
from mediasvc.cli.session import Session

if TYPE_CHECKING:
    from mediasvc.work.waiting.offered import Offer

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
    from mediasvc.work.desk import open_desk
    from mediasvc.work.waiting.attach import AttachOrder
    from mediasvc.work.waiting.attach import attach as work

    order = AttachOrder(package, labels, by, group, study, modality_of(modality),
                        read_password(password_file))
    with open_desk(session.home, session.settings) as desk:
        rows, done = work(desk, order)
        for row in rows:
            tell(session, row)
        if done is not None:
            show_package(session, desk, done.id)
    code = summary(session, rows, package=str(done.id) if done else "",
                   state=done.state if done else "")
    return code or (1 if done is None else exit_code(done.state))


@click.command()
@click.argument("package", type=int)
@click.option("--patient", metavar="ID[@ISSUER]", help="A patient of the index.")
@click.option("--identity", "identity_file", type=click.Path(path_type=Path),
              metavar="FILE.json|.csv", help="As for mediasvc wrap.")
@click.option("--study", metavar="UID", help="The study that they belong to.")
@click.option("--modality", metavar="XX", default="", help="As for mediasvc wrap.")
@by_option
@click.pass_obj
def identify(session: Session, package: int, patient: str | None, identity_file: Path | None,
             study: str | None, modality: str, by: str) -> int:
    """Say whose the ordinary files of a package are; they are wrapped and the import goes on.

    For packages that wait for this, and for those that failed because they hold no DICOM.
    """
    from mediasvc.cli.wrap import identities_for, modality_of
    from mediasvc.errors import SettingsError
    from mediasvc.work.desk import open_desk
    from mediasvc.work.wrapping.wrap_identify import Answer
    from mediasvc.work.wrapping.wrap_identify import identify as work

    if (patient is None) == (identity_file is None):
        raise SettingsError("Say exactly one of --patient, --identity.")
    with open_desk(session.home, session.settings) as desk:
        identities, person = identities_for(session, desk, identity_file, patient, study)
        packages = work(desk, package, Answer(identities, by, person, modality_of(modality)))
        for done in packages:
            show_package(session, desk, done.id)
    session.summary(package=str(package), state=packages[0].state,
                    packages=[str(done.id) for done in packages])
    codes = [exit_code(done.state) for done in packages]
    return min(max(codes), 1) if 0 in codes or 1 in codes else 2


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
