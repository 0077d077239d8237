"""`mediasvc unwrap FILE.dcm OUT`: the ordinary file inside an instance."""

from __future__ import annotations

from pathlib import Path

import click

from mediasvc.cli.session import Session

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("source", metavar="FILE.dcm", type=_PATH)
@click.argument("out", metavar="OUT", type=_PATH)
@click.pass_obj
def command(session: Session, source: Path, out: Path) -> int:
    """Give the video stream, the photo or the document of an instance back, byte for byte."""
    from mediasvc.work.unwrap import unwrap

    done = unwrap(source, out, session.settings)
    session.emit("unwrapped", out=str(done.out), kind=done.kind, bytes=done.bytes,
                 sha256=done.sha256)
    session.say(f"{done.out}: {done.kind}, {done.bytes} bytes, sha256 {done.sha256}")
    session.summary(unwrapped=1, bytes=done.bytes)
    return 0
