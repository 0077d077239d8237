"""``mediasvc config init|validate|show``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError
from mediasvc.media.page.words import Many

if TYPE_CHECKING:
    from mediasvc.configuration import Loaded


@click.group()
def command() -> None:
    """Write, check or show the configuration."""


@command.command()
@click.option("--stdout", is_flag=True, help="Print the template instead of writing the file.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.pass_obj
def init(session: Session, stdout: bool, force: bool) -> int:
    """Write a commented file with every setting and its default."""
    from mediasvc.configuration_text import template

    if stdout:
        session.say(template().rstrip("\n"))
        session.emit("template", text=template())
        session.summary(path=None)
        return 0
    if not session.config_is_required:
        session.home.create()
    _write(session, template(), force)
    session.say(f"Written: {session.config_path}")
    session.summary(path=str(session.config_path))
    return 0


def _write(session: Session, text: str, force: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with os.fdopen(os.open(session.config_path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SettingsError(f"{session.config_path} is there already.",
                            "Use --force to replace it, or --stdout to look.") from None
    except OSError as error:
        raise SettingsError(
            f"{session.config_path} cannot be written ({error.strerror}).") from None


@command.command()
@click.pass_obj
def validate(session: Session) -> int:
    """Check file and environment; every problem is named. Exit 3 when there is one."""
    from mediasvc.configuration import ConfigurationError
    from mediasvc.configuration_text import effective

    try:
        loaded = _load(session)
    except ConfigurationError as error:
        for problem in error.problems:
            session.emit("problem", key=problem.key, text=problem.text, origin=problem.origin)
        session.summary(valid=False, problems=len(error.problems))
        raise
    changed = sum(origin != "default" for _, _, origin in effective(loaded))
    where = session.config_path if session.config_path.exists() else "no file"
    session.say(f"The configuration can be used ({where}; "
                f"{Many(changed):setting is|settings are} not the default).")
    session.summary(valid=True, problems=0, changed=changed)
    return 0


@command.command()
@click.pass_obj
def show(session: Session) -> int:
    """What is in force and where each value comes from; secrets are masked."""
    from mediasvc.configuration_text import effective, toml

    section, count = "", 0
    for key, value, origin in effective(_load(session)):
        table, _, name = key.rpartition(".")
        if table != section:
            section = table
            session.say(f"\n[{table}]" if table else "")
        session.say(f"{name} = {toml(value)}" + ("" if origin == "default" else f"  # {origin}"))
        session.emit("setting", key=key, value=value, origin=origin)
        count += 1
    session.summary(settings=count)
    return 0


def _load(session: Session) -> Loaded:
    from mediasvc.configuration import read_configuration

    return read_configuration(session.config_path, required=session.config_is_required)
