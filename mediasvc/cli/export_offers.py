"""The table of `export --dry-run`: what the order would take on other media."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediasvc.cli.session import Session

if TYPE_CHECKING:
    from mediasvc.settings import Recipient
    from mediasvc.work.desk import Desk
    from mediasvc.work.planning.export_order import ExportOrder

HEAD = ("medium", "profile", "discs", "about", "without loss saves", "")


def show_offers(session: Session, desk: Desk, order: ExportOrder, recipient: Recipient | None,
                ) -> None:
    """One row for each medium, as JSON lines of type ``offer`` or as a table."""
    from mediasvc.cli.table import table
    from mediasvc.standard.profiles import load_profile
    from mediasvc.work.planning.plan_options import archived, offers

    rows = offers(desk, archived(desk, order, load_profile("ZIP")), recipient)
    for row in rows:
        session.emit("offer", medium=row.medium, profile=row.profile, disc=row.disc,
                     discs=row.discs, bytes=row.bytes, plain_bytes=row.plain_bytes,
                     gain=round(row.gain, 3), lossy=False, exact=False, note=row.note)
    session.say("Elsewhere (sizes are estimates; nothing is compressed with loss):")
    session.say(table(HEAD, [
        (row.medium, row.profile, str(row.discs or "-"),
         f"{row.bytes / 1e6:,.1f} MB" if row.discs else "", f"{row.gain:.0%}" if row.discs else "",
         row.note) for row in rows]))
