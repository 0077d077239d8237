"""The options of export that decide who can read a disc, and whom it names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mediasvc.cli.password import read_password
from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError

if TYPE_CHECKING:
    from mediasvc.work.deidentifying.deidentify_order import Privacy
    from mediasvc.work.planning.export_order import ExportOrder

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
RETAIN_HELP = ("What may stay, with commas: uids, dates, shifted-dates, device, institution, "
               "patient-characteristics, safe-private.")
CLEAN_HELP = "What is cleaned instead of removed: descriptors, graphics, structured, pixel."


@dataclass(frozen=True, slots=True)
class Wishes:
    """As said on the command line."""

    deidentify: bool
    retain: str
    clean: str
    project: str
    mapping: bool
    password_file: Path | None
    recipient_certificate: tuple[Path, ...]

    def applied(self, session: Session, order: ExportOrder) -> ExportOrder:
        """The order with what was said. Raises SettingsError where it does not fit together."""
        from mediasvc.work.building.seal import seal_for

        password = read_password(self.password_file) if self.password_file else ""
        seal = seal_for(order.profile, order.container, password or "",
                        (path.read_bytes() for path in self.recipient_certificate),
                        session.settings.export.mail_identity.get_secret_value())
        return replace(order, privacy=self._privacy(session), seal=seal)

    def _privacy(self, session: Session) -> Privacy | None:
        if not self.deidentify:
            if self.retain or self.clean or self.project or self.mapping:
                raise SettingsError("--retain, --clean, --project and --keep-mapping belong to "
                                    "--deidentify.")
            return None
        from mediasvc.work.deidentifying.deidentify_order import privacy

        return privacy(session.home, words(self.retain), words(self.clean), project=self.project,
                       mapping=self.mapping, site=session.home.profiles)


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def private_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command gets them together as ``private``."""

    @functools.wraps(command)
    def wrapper(*args: Any, deidentify: bool, retain: str, clean: str, project: str, mapping: bool,
                password_file: Path | None, recipient_certificate: tuple[Path, ...],
                **others: Any) -> Any:
        wishes = Wishes(deidentify, retain, clean, project, mapping, password_file,
                        recipient_certificate)
        return command(*args, private=wishes, **others)

    options = (
        click.option("--deidentify", is_flag=True,
                     help="Nobody is named (PS3.15 Basic Profile); see --retain and --clean."),
        click.option("--retain", default="", metavar="WORDS", help=RETAIN_HELP),
        click.option("--clean", default="", metavar="WORDS", help=CLEAN_HELP),
        click.option("--project", default="", metavar="NAME",
                     help="De-identified: the same patient is the same in every export of NAME."),
        click.option("--keep-mapping", "mapping", is_flag=True,
                     help="De-identified: write into the home, not on the disc, who became who."),
        click.option("--password-file", type=_FILE, metavar="FILE",
                     help="Encrypt: a .zip with AES-256, or a -SEC- profile."),
        click.option("--recipient-certificate", type=_FILE, multiple=True, metavar="FILE",
                     help="Encrypt a -SEC- profile for the holder of this X.509 certificate."),
    )
    for option in reversed(options):
        wrapper = option(wrapper)
    return wrapper
