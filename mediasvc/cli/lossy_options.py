"""The options of export that allow loss: nothing is lost unless one of them is said."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError

if TYPE_CHECKING:
    from mediasvc.work.planning.export_order import ExportOrder


@dataclass(frozen=True, slots=True)
class Loss:
    """As said on the command line."""

    syntax: str
    ratio: float | None
    quality: float | None
    max_error: int | None
    policy: str

    def applied(self, session: Session, order: ExportOrder) -> ExportOrder:
        """The order with what was said. Raises SettingsError where it does not fit together."""
        aims = [aim for aim in (self.ratio, self.quality, self.max_error) if aim is not None]
        if not self.syntax:
            if aims or self.policy:
                raise SettingsError("--ratio, --quality, --max-error and --policy belong to "
                                    "--lossy.")
            return order
        if order.privacy:
            raise SettingsError("--lossy and --deidentify do not go together.",
                                "Export twice, or use mediasvc transcode.")
        return replace(order, lossy=self._wanted(session, order))

    def _wanted(self, session: Session, order: ExportOrder) -> Any:
        from mediasvc.codecs.search import Goal
        from mediasvc.standard.lossy_policy import load_lossy_policy
        from mediasvc.standard.transfer_syntaxes import transfer_syntax
        from mediasvc.work.planning.export_lossy import lossy_for
        from mediasvc.work.transcoding.transcode_row import Options

        policy = load_lossy_policy(self.policy, session.site_profiles) if self.policy else None
        return lossy_for(order.profile, transfer_syntax(self.syntax).uid, Options(
            Goal(self.ratio, self.quality, self.max_error), policy=policy))


def lossy_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add them to a command, which is called with ``loss``."""

    @click.option("--lossy", "lossy_syntax", default="", metavar="SYNTAX",
                  help="Compress images with loss, never twice: jpeg, jpeg12 or j2k-lossy.")
    @click.option("--ratio", type=float, metavar="R", help="Lossy: native : encoded at least R.")
    @click.option("--quality", type=float, metavar="Q",
                  help="Lossy: 1 to 100 for JPEG, PSNR in dB for JPEG 2000.")
    @click.option("--max-error", type=int, metavar="N",
                  help="Lossy: no sample further off than N.")
    @click.option("--policy", default="", metavar="NAME",
                  help="Lossy: caps by modality; LOSSY-DRG, LOSSY-CAR or one in HOME/profiles.")
    @functools.wraps(command)
    def wrapped(*arguments: Any, lossy_syntax: str, ratio: float | None, quality: float | None,
                max_error: int | None, policy: str, **named: Any) -> int:
        loss = Loss(lossy_syntax, ratio, quality, max_error, policy)
        return command(*arguments, loss=loss, **named)

    return wrapped
