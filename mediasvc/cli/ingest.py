"""`mediasvc ingest PATH…`: bring packages in now and wait."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from mediasvc.cli.packages import FINISHED, show_package
from mediasvc.cli.password import password_option, read_password
from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session


@click.command()
@click.argument("paths", metavar="PATH…", nargs=-1, required=True,
                type=click.Path(exists=True, path_type=Path))
@click.option("--source", default="", help="Who sends this; gives foreign IDs an issuer.")
@password_option
@click.pass_obj
def command(session: Session, paths: tuple[Path, ...], source: str,
            password_file: Path | None) -> int:
    """Bring disc folders, ISO images, zips or files into the archive.

    What isn't certain waits for a person: see mediasvc queue.
    """
    from mediasvc.nursery import IMPORT

    states: Counter[str] = Counter()
    clean = True
    with session.children(*IMPORT, more=1, first=1) as sandbox:
        from mediasvc.work.desk import open_desk
        from mediasvc.work.ingest import run_line, submit

        with open_desk(session.home, session.settings, sandbox) as desk:
            for path in paths:
                package = submit(desk, path.resolve(), source=source, by="command line")
                with progress(session) as report:
                    package = run_line(desk, package.id, report,
                                       password=read_password(password_file))
                states[package.state] += 1
                clean &= show_package(session, desk, package.id)
    session.summary(packages=len(paths), **{state: states[state] for state in
                                            ("done", "waiting", "failed", "duplicate")})
    if states["failed"] == len(paths):  # when others did not fail it is 1
        return 2
    return 0 if clean and sum(states[state] for state in FINISHED) == len(paths) else 1
