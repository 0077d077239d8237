"""`mediasvc split FILE OUT/`: the single-frame files of a multi-frame object."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("source", metavar="FILE", type=_PATH)
@click.argument("out", metavar="OUT/", type=_PATH)
@click.option("--as-joined", is_flag=True,
              help="Also of an object whose attributes were changed after it was joined.")
@click.option("--as-new", is_flag=True,
              help="New instances of its frames, with the attributes that it has now.")
@click.pass_obj
def command(session: Session, source: Path, out: Path, as_joined: bool, as_new: bool) -> int:
    """Give the single-frame files of a multi-frame object back.

    Of an object that mediasvc join made they are the very files, each proven by its sha256. Of
    another Enhanced or Legacy Converted Enhanced CT, MR or PET object they are new instances with
    new UIDs. All files are written or none.
    """
    from mediasvc.work.split import split

    if as_joined and as_new:
        raise SettingsError("--as-joined and --as-new exclude each other.")
    done = split(source, out, session.settings, as_joined=as_joined, as_new=as_new)
    for row in done.files:
        name = os.fsencode(done.out / row["name"]).decode("utf-8", "replace")
        session.emit("file", path=name, kind=done.kind,
                     **{key: value for key, value in row.items() if key != "name"})
    words = {"original": "as they were joined, each proven by its sha256",
             "converted": "new instances of its frames"}[done.kind]
    session.say(f"{len(done.files)} files in {done.out}: {words}")
    session.summary(kind=done.kind, files=len(done.files),
                    bytes=sum(row["bytes"] for row in done.files))
    return 0
