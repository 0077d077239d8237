"""What `mediasvc render` is told to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from mediasvc.errors import SettingsError, StateError
from mediasvc.model import PatientKey

if TYPE_CHECKING:
    from mediasvc.work.deidentifying.deidentify_order import Privacy

Form = Literal["auto", "png", "jpeg", "tiff", "mp4", "json", "html", "text"]
FORMS: tuple[Form, ...] = ("auto", "png", "jpeg", "tiff", "mp4", "json", "html", "text")
#: What can hold more than eight bits.
DEEP = frozenset({"auto", "png", "tiff"})


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """``frame``: 0 all, -1 the middle one, else its number from 1. ``window``: centre and width.
    ``rate``: frames in a second, 0 as the instance says. ``inline``: bytes of a binary value that
    JSON still has."""

    form: Form = "auto"
    depth: int = 8
    values: Literal["stored", "modality"] = "stored"
    frame: int = 0
    overlays: bool = False
    window: tuple[float, float] | None = None
    rate: float = 0.0
    quality: int = 90
    inline: int = 1024
    film: bool = True
    """Whether ffmpeg can make videos here."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        window = row.get("window")
        return cls(**{**row, "window": tuple(window) if window else None})


@dataclass(frozen=True, slots=True)
class RenderOrder:
    """Either ``paths``, or studies of the archive."""

    to: Path
    options: RenderOptions
    paths: tuple[Path, ...] = ()
    studies: tuple[str, ...] = ()
    patient: PatientKey | None = None
    force: bool = False
    password: str | None = None
    privacy: Privacy | None = None
    """How it is de-identified, if at all."""


def check_render(order: RenderOrder) -> RenderOrder:
    """Raises SettingsError for what cannot be done, StateError when something is there already."""
    options, sources = order.options, (order.paths, order.studies, order.patient)
    if sum(map(bool, sources)) != 1:
        raise SettingsError("Say what: files or folders, or --study, or --patient.")
    if options.depth == 16 and options.form not in DEEP:
        raise SettingsError(f"--depth 16 does not fit into {options.form}.", "Take png or tiff.")
    if options.values == "modality" and options.depth != 16:
        raise SettingsError("--values modality is for --depth 16; eight bits are as displayed.")
    if options.depth == 16 and (options.window or options.overlays):
        raise SettingsError("--window and --overlays are for pictures as displayed (--depth 8).")
    if options.window and options.window[1] < 1:
        raise SettingsError("The width of a window is 1 or more.")
    if order.to.exists() and not order.to.is_dir():
        raise SettingsError("--to names a file; it must be a folder.")
    if order.to.is_dir() and any(order.to.iterdir()) and not order.force:
        raise StateError("The folder of --to is not empty.",
                         "Name another one, or say --force to replace files of the same name.")
    return order
