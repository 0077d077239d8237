"""`mediasvc label`: what is printed on a disc and put into its case."""

from __future__ import annotations

from pathlib import Path

import click

from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError
from mediasvc.media.page.words import count
from mediasvc.model import Finding


@click.command()
@click.argument("disc", metavar="DISC")
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), required=True,
              help="The new PDF; patients' data are on it.")
@click.option("--kind", type=click.Choice(["disc", "case"]), default="disc",
              help="The label of the disc, or the insert of its jewel case.")
@click.pass_obj
def command(session: Session, disc: str, target: Path, kind: str) -> int:
    """A PDF in real size for a released disc (by number or path); for no other."""
    from mediasvc.report.disc_label import Kind, draw_label
    from mediasvc.work.burn import find_disc
    from mediasvc.work.desk import open_desk
    from mediasvc.work.handing_out.label_facts import label_facts

    chosen: Kind = "case" if kind == "case" else "disc"
    with open_desk(session.home, session.settings) as desk:
        found = find_disc(desk, disc)
        label = draw_label(label_facts(desk, found), chosen)
    try:
        target.touch(mode=0o600, exist_ok=False)
    except FileExistsError as error:
        raise SettingsError(f"{target.name} exists already.", "Choose another --to.") from error
    target.write_bytes(label.pdf)
    for font in label.borrowed:
        session.finding(Finding("warning", "font-not-embedded", font,
                                "the PDF reader must have this font; look before you print"))
    if label.missing:
        session.finding(Finding("warning", "letters-not-drawn", target.name,
                                f"{count(len(label.missing), 'letter')} that no font here has: "
                                "they stand as question marks; write them by hand, or install a "
                                "font that has them"))
    session.say(f"{chosen} of disc {found.id} written to {target}")
    session.summary(disc=found.id, path=str(target), kind=chosen, bytes=len(label.pdf))
    return 0
