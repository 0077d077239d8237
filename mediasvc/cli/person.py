"""Who decides: a decision always names somebody."""

from __future__ import annotations

import getpass

import click

#: ``--by``: as given, else from the environment, else the operating system's name of who runs this.
by_option = click.option("--by", default=getpass.getuser, envvar="MEDIASVC_BY",
                         help="Who decides (or env MEDIASVC_BY; otherwise your login).")
