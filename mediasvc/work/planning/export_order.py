"""What somebody wants on a disc, and where it should go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mediasvc.errors import SettingsError
from mediasvc.model import PatientKey
from mediasvc.settings import ViewerDetail
from mediasvc.standard.profiles import CAPACITY, Disc, Profile
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES

if TYPE_CHECKING:
    from mediasvc.work.building.seal import Seal
    from mediasvc.work.deidentifying.deidentify_order import Privacy
    from mediasvc.work.planning.export_lossy import Lossy

Container = Literal["iso", "zip", "folder", "mail"]
ICON = 64
CONTAINERS: dict[str, Container] = {".iso": "iso", ".zip": "zip", ".eml": "mail"}


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """``patient`` or ``studies``; ``disc`` empty: what the profile is made for.

    ``several_patients``: studies of more than one patient may share a disc. ``incomplete``: what
    cannot be read in the archive is left out instead of stopping the export (FAULTS E05).
    ``without``: SOP Instance UIDs that are left out, each with the reason.
    """

    to: Path
    container: Container
    profile: Profile
    capacity: int | None
    patient: PatientKey | None = None
    studies: tuple[str, ...] = ()
    several_patients: bool = False
    incomplete: bool = False
    without: Mapping[str, str] = field(default_factory=dict)
    replace: bool = False
    recipient: str = ""
    """Who gets the disc: printed on it and in its certificate."""
    splitting: bool = True
    """False: rather no disc than two (PS3.4 S, Allow Media Splitting)."""
    icons: bool = False
    """DICOMDIR has a small picture of every image."""
    lossy: Lossy | None = None
    """Images that have not lost anything yet are compressed with loss."""
    compress: bool | None = None
    """Native images are compressed without loss, where the profile has a syntax for it; None: only
    when they would not fit on one disc otherwise (PS3.4 S.3.2.1.1.6)."""
    viewer: ViewerDetail = "full"
    """The viewer's images: all samples where the medium has room for them, reduced anyway, or no
    viewer at all."""
    videos: bool = True
    """Cine loops also as MP4, with a viewer."""
    site_viewer: Path | None = None
    """A folder whose files go on the disc as they are."""
    by: str = ""
    privacy: Privacy | None = None
    """How instances are de-identified before they go; None: they name their patient."""
    seal: Seal | None = None
    """How the disc is encrypted; None: anybody can read it."""

    def __post_init__(self) -> None:
        """Raises SettingsError for wishes that do not go together."""
        if self.lossy is not None and self.privacy is not None:
            raise SettingsError("Images are not de-identified and compressed with loss at once.",
                                "Both give new UIDs, and references follow only one of them.")
        if (self.seal is not None and self.seal.kind == "smime" and self.privacy is not None
                and not self.privacy.policy.has("institution")):
            raise SettingsError("A secure message is signed (PS3.15 B.8), and what is "
                                "de-identified names no institution.",
                                "Say --retain institution, or choose an encrypted .zip.")

    @property
    def room(self) -> int | None:
        """What the files of one disc may take: messages grow by base64, an encrypted one twice."""
        if self.container == "mail" and self.capacity is not None:
            from mediasvc.media.packed.mail_write import payload_limit

            limit = payload_limit(self.capacity)
            return payload_limit(limit) if self.seal and self.seal.kind == "smime" else limit
        return self.capacity

    @property
    def icon_side(self) -> int:
        """In pixels; 64 unless the profile says it (PS3.3 F.7, PS3.11 E.3.3.3)."""
        return self.profile.icons or (ICON if self.icons else 0)

    @property
    def lossless(self) -> str:
        """The encapsulated syntax that the profile prefers; empty when it has none."""
        return next((uid for uid in self.profile.preferred
                     if TRANSFER_SYNTAXES[uid].encapsulated), "")

    def path(self, number: int, discs: int) -> Path:
        """Where disc ``number`` (from 1) goes: PATH, or with PATH-1of3 before its suffix."""
        if discs == 1:
            return self.to
        stem = self.to.name.removesuffix(self.to.suffix) if self.container != "folder" \
            else self.to.name
        suffix = self.to.suffix if self.container != "folder" else ""
        return self.to.with_name(f"{stem}-{number}of{discs}{suffix}")


def container_of(to: str) -> Container:
    """From the suffix; a folder is written ``DIR/``. Raises SettingsError."""
    path = Path(to)
    if to.endswith("/") or path.is_dir():
        return "folder"
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise SettingsError(f"--to {path.name}: end it with .iso, .zip, .eml or / (a folder).")
    return container


def capacity_of(profile: Profile, disc: str, container: Container, mail_bytes: int = 0,
                ) -> int | None:
    """Bytes that one disc holds, a message with ``mail_bytes`` where they are given. Raises
    SettingsError where profile and medium do not agree."""
    if profile.medium.kind == "zip" and container != "zip":
        raise SettingsError(f"{profile.name} is a ZIP file.", "End --to with .zip.")
    if (profile.medium.kind in ("mail", "mime")) != (container == "mail"):
        raise SettingsError(f"{profile.name} and --to do not agree.",
                            "Messages (.eml) are STD-GEN-ZIP-MAIL, STD-GEN-MIME or, "
                            "encrypted, STD-GEN-SEC-ZIP-MAIL.")
    if profile.reads_only:
        raise SettingsError(f"No disc is made by {profile.name}: {profile.reads_only}.",
                            "check-disc judges such discs.")
    wanted: Disc | None = next((name for name in CAPACITY if name == disc), None) if disc else (
        profile.medium.discs[0])
    if wanted is None:
        raise SettingsError(f"--disc {disc} is unknown.", f"One of {', '.join(CAPACITY)}.")
    return mail_bytes if wanted == "mail" and mail_bytes else CAPACITY[wanted]
