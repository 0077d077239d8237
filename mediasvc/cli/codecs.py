"""`mediasvc codecs compare PATH`: which lossless transfer syntax suits a site's own images."""

from __future__ import annotations

from pathlib import Path

import click

from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.cli.table import table


@click.group()
def command() -> None:
    """Lossless transfer syntaxes on your own images."""


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--images", type=click.IntRange(1), default=40, show_default=True, metavar="N",
              help="How many images run, picked by chance.")
@click.pass_obj
def compare(session: Session, path: Path, images: int) -> int:
    """A tournament: ratio, speed and readers of each lossless syntax, and which one to take.

    PATH is an image or a tree; it is only read. Ratios count images that a syntax does not take as
    left native. Speeds are those of one core.
    """
    from mediasvc.report.ratios import syntax_name
    from mediasvc.report.standings import HEAD, advice, standings
    from mediasvc.work.tournament import tournament

    with progress(session) as report:
        rows = list(tournament(path, images, session.settings, report))
    found = standings(rows)
    if not rows:
        session.say("There is no image that could be decoded.")
        session.summary(images=0, native_bytes=0, recommended={})
        return 1
    for one in found:
        session.emit("syntax", **one.as_json())
    session.say(table(HEAD, [one.cells(len(rows)) for one in found]))
    session.say()
    for one in found:
        for reason, count in one.reasons.items():
            session.say(f"{syntax_name(one.uid)} does not take {count}: {reason}")
    session.say()
    given = advice(found)
    for word in given:
        session.say(f"For {word.purpose}: {syntax_name(word.uid)}: {word.why}")
    modalities = sorted({row["modality"] for row in rows})
    session.summary(images=len(rows), modalities=modalities,
                    native_bytes=sum(row["native_bytes"] for row in rows),
                    recommended={word.purpose: {"transfer_syntax_uid": word.uid,
                                                "alias": syntax_name(word.uid), "why": word.why}
                                 for word in given})
    return 0
