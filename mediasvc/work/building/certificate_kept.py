"""Certificates of discs: signed with the desk's key, and one copy of each kept in the outbox."""

from __future__ import annotations

from pathlib import Path

from mediasvc.store import durable
from mediasvc.work.building.sign import Signer, signer_of
from mediasvc.work.desk import Desk
from mediasvc.work.planning.export_order import ExportOrder

FOLDER = "certificates"


def desk_signer(desk: Desk) -> Signer | None:
    """With the key of the settings; None where there is none. Raises SettingsError."""
    return signer_of(desk.settings.export.signing_key.get_secret_value())


def disc_signer(desk: Desk, order: ExportOrder) -> Signer | None:
    """For what stands on the disc itself: a disc that may not name the institution has none."""
    if order.privacy is not None and not order.privacy.policy.has("institution"):
        return None
    return desk_signer(desk)


def private_note(order: ExportOrder) -> dict[str, str]:
    """What the ledger keeps of how a disc was encrypted or de-identified."""
    note: dict[str, str] = {}
    if order.seal:
        note["encrypted"] = order.seal.kind
    if order.privacy:
        note |= {"deidentified": " ".join(sorted(order.privacy.policy.options)) or "basic",
                 "project": order.privacy.project}
    return note


def keep_certificate(desk: Desk, name: str, data: bytes | memoryview, signer: Signer | None,
                     ) -> Path:
    """HOME/outbox/certificates/NAME.json, with its signature beside it. Raises StorageError."""
    folder = desk.home.outbox / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"{name}.json"
    durable.write_file(target, data)
    if signer is not None:
        for other, signed in signer.files(target.name, data).items():
            durable.write_file(folder / other, signed)
    return target
