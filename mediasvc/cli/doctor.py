"""``mediasvc doctor``: what is installed, what it can encode and decode, paths, free space."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mediasvc.service.checkup import Check


@click.command()
@click.option("--compile", "compile_", is_flag=True,
              help="First compile the codecs for this machine; otherwise their first use does.")
@click.pass_obj
def command(session: Session, compile_: bool) -> int:
    """Look whether everything needed is there. Exit 1 when something is missing."""
    if compile_:
        from mediasvc.work.turns.children import compile_kernels

        session.say("Compiling, once for this machine and user …")
        compile_kernels()
    failed = optional = 0
    for check in _checks(session):
        session.emit("check", **asdict(check))
        mark = "ok" if check.ok else "MISSING" if check.needed else "-"
        session.say(f"{mark:<8}{check.name:<28} {check.text}")
        failed += check.needed and not check.ok
        optional += not check.needed and not check.ok
    _show_codecs(session)
    session.say(f"\n{failed} needed things are wrong, {optional} optional ones are not there.")
    session.summary(ok=not failed, failed=failed, optional=optional)
    return 1 if failed else 0


def _show_codecs(session: Session) -> None:
    """What we can encode and decode, and why not (the table of the README)."""
    from mediasvc.cli.table import table
    from mediasvc.codecs.capability import HEAD, capabilities, never, record, words

    rows = capabilities()
    for row in rows:
        session.emit("codec", **record(row))
    session.say("\n" + table(HEAD, [words(row) for row in rows]))
    session.say(f"\nRefused in every transfer syntax: {'; '.join(never())}.")


def _checks(session: Session) -> Iterator[Check]:
    from mediasvc.service.checkup import Check, checkup
    from mediasvc.settings import Settings

    try:
        settings = session.settings
        yield Check("configuration", True, f"{session.config_path} can be used"
                    if session.config_path.exists() else "no file, the defaults")
    except SettingsError as error:
        settings = Settings()
        yield Check("configuration", False, error.text)
    yield from checkup(session.home, settings)
