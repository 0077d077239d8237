"""What the other side can open: a recipient's row in the settings narrows a profile (FIELD N8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mediasvc.errors import SettingsError
from mediasvc.model import Finding
from mediasvc.settings import Recipient
from mediasvc.standard.profiles import EXPLICIT_VR_LITTLE_ENDIAN, Profile
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES, transfer_syntax


def recipient_of(recipients: Sequence[Recipient], name: str) -> Recipient | None:
    """The row of that name, whatever its case; None for somebody who has none."""
    wanted = name.casefold().strip()
    return next((one for one in recipients if wanted and one.name.casefold() == wanted), None)


def narrowed(profile: Profile, recipient: Recipient) -> Profile:
    """``profile`` without the syntaxes that the recipient cannot open. Raises SettingsError when
    none is left, or a syntax in the settings is unknown."""
    if not recipient.opens:
        return profile
    opens = {transfer_syntax(word).uid for word in recipient.opens}
    left = tuple(uid for uid in profile.transfer_syntaxes if uid in opens)
    if not left:
        raise SettingsError(f"{recipient.name} opens nothing that {profile.name} allows.",
                            "Choose another --profile, or change `opens` in the settings.")
    preferred = tuple(uid for uid in profile.preferred if uid in opens)
    if not preferred and EXPLICIT_VR_LITTLE_ENDIAN in left:
        preferred = (EXPLICIT_VR_LITTLE_ENDIAN,)
    return replace(profile, transfer_syntaxes=left, preferred=preferred)


def warnings(profile: Profile, recipient: Recipient, disc: str) -> list[Finding]:
    """What whoever makes the disc should know beforehand."""
    found = []
    lost = [uid for uid in profile.transfer_syntaxes
            if uid not in narrowed(profile, recipient).transfer_syntaxes]
    if lost:
        names = ", ".join(TRANSFER_SYNTAXES[uid].label for uid in lost)
        found.append(Finding(
            "info", "recipient-syntaxes", recipient.name,
            f"{profile.name} allows {names} too; images in it are rewritten for this recipient",
            "R11-2"))
    if recipient.disc and disc != recipient.disc:
        found.append(Finding("warning", "recipient-disc", recipient.name,
                             f"this recipient's drives take {recipient.disc}, this is for {disc}",
                             "R12-8"))
    if recipient.note:
        found.append(Finding("info", "recipient-note", recipient.name, recipient.note))
    return found
