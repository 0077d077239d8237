"""What somebody wants on a disc, and where it should go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mediasvc.errors import SettingsError
from mediasvc.model import PatientKey
from mediasvc.standard.profiles import CAPACITY, Disc, Profile

if TYPE_CHECKING:
    from mediasvc.work.deidentify_order import Privacy

Container = Literal["iso", "zip", "folder"]
CONTAINERS: dict[str, Container] = {".iso": "iso", ".zip": "zip"}


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """``patient`` or ``studies``; ``disc`` empty: what the profile is made for.

    ``several_patients``: studies of more than one patient may share a disc. ``incomplete``: what
    cannot be read in the archive is left out instead of stopping the export (FAULTS E05).
    """

    to: Path
    container: Container
    profile: Profile
    capacity: int | None
    patient: PatientKey | None = None
    studies: tuple[str, ...] = ()
    several_patients: bool = False
    incomplete: bool = False
    replace: bool = False
    recipient: str = ""
    """Who gets the disc: printed on it and in its certificate."""
    by: str = ""
    privacy: Privacy | None = None
    """How instances are de-identified before they go; None: they name their patient."""

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
        raise SettingsError(f"--to {path.name}: end it with .iso, .zip or / (a folder).")
    return container


def capacity_of(profile: Profile, disc: str, container: Container) -> int | None:
    """Bytes that one disc holds. Raises SettingsError where profile and medium do not agree."""
    if profile.medium.kind == "zip" and container != "zip":
        raise SettingsError(f"{profile.name} is a ZIP file.", "End --to with .zip.")
    if not disc:
        return CAPACITY[profile.medium.discs[0]]
    wanted: Disc | None = next((name for name in CAPACITY if name == disc), None)
    if wanted is None:
        raise SettingsError(f"--disc {disc} is unknown.", f"One of {', '.join(CAPACITY)}.")
    return CAPACITY[wanted]
