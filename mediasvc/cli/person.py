"""Who decides: a decision always names somebody."""

from __future__ import annotations

import getpass

import click


def _named(_context: click.Context, _option: click.Parameter, by: str) -> str:
    if not by.strip():
        raise click.BadParameter("a decision needs the name of its person")
    return by.strip()


#: ``--by``: as given, else from the environment, else the operating system's name of who runs this.
by_option = click.option("--by", default=getpass.getuser, envvar="MEDIASVC_BY", callback=_named,
                         help="Who decides (or env MEDIASVC_BY; otherwise your login).")
