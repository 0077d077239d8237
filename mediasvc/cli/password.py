"""The password of a zip: from a file or the environment, never from the command line itself."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mediasvc.errors import SettingsError

password_option = click.option(
    "--password-file", type=click.Path(path_type=Path),
    help="File with the password of an encrypted zip or medium, or with the private key for it "
         "(or env MEDIASVC_PASSWORD).")


def read_password(path: Path | None) -> str | None:
    """The first line of the file, or all of a private key in PEM; else MEDIASVC_PASSWORD, else
    None."""
    if path is None:
        return os.environ.get("MEDIASVC_PASSWORD") or None
    try:
        text = path.read_text(encoding="utf-8")
        return text if text.startswith("-----BEGIN ") else text.split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("The password file cannot be read.") from error
