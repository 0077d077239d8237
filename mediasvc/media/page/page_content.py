"""What the pages of a disc tell: which frames are drawn, and the facts around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mediasvc.media.disc.disc_layout import DiscInstance, Layout, Series

#: Pictures of one series. Longer ones are shown by an evenly spaced selection, and say so.
PICTURES = 24

NOT_FOR_DIAGNOSIS = (
    "The pictures on these pages are reduced copies for orientation. They are not for diagnosis: "
    "use the DICOM files of this disc with a DICOM viewer.")
CONFIDENTIAL = (
    "The disc holds confidential medical data. If you are not meant to have it, return it to the "
    "institution named here.")


@dataclass(frozen=True, slots=True)
class DiscFacts:
    """What README.TXT and INDEX.HTM say of the whole disc (PDI-8)."""

    institution: str
    contact: str
    creator: str
    """Name and version of the creating application."""
    file_set_id: str
    profile: str
    created: datetime
    recipient: str = ""
    """For whom the disc was made."""
    part: str = ""
    """``"1 of 3"`` when an order needed several discs."""
    remarks: tuple[str, ...] = ()
    """What the reader must know: instances that are not on the disc."""
    excluded: tuple[str, ...] = ()
    """Their SOP Instance UIDs."""
    viewer: str = ""
    """Path of the viewer's page; empty when the disc has none."""
    viewer_factor: int = 1
    """By how much its copies of the images are reduced in rows and columns."""
    folders: tuple[str, ...] = ()
    """Folders with reports and videos as ordinary files."""
    site_viewer: str = ""
    """What the site put on the disc: its start page, or its folder with ``/``."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One frame to be drawn: ``position`` counts the instances of its series from 0."""

    position: int
    frame: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG below IHE_PDI/. ``width`` and ``height`` in square pixels, as it should be shown."""

    name: str
    width: int
    height: int
    caption: str


@dataclass(frozen=True, slots=True)
class Document:
    """An ordinary file beside the DICOM files: ``path`` from the root of the disc, ``kind`` report,
    document or video, ``title`` as a person reads it."""

    path: str
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class SeriesContent:
    """``number`` counts all series of the disc from 1 and names the page."""

    number: int
    series: Series
    pictures: tuple[Picture, ...]
    failed: int = 0
    """Frames that were chosen and could not be drawn."""
    documents: tuple[Document, ...] = ()

    @property
    def page(self) -> str:
        return f"SE{self.number:06d}.HTM"

    @property
    def frames(self) -> int:
        return sum(frames_of(instance) for instance in self.series.instances)


def numbered(layout: Layout) -> Iterator[tuple[int, Series]]:
    """The series of a disc with the numbers of their pages."""
    return enumerate(layout.series(), 1)


def picture_name(number: int, index: int) -> str:
    """Of picture ``index`` (from 1) of series ``number``."""
    return f"SE{number:06d}/IM{index:06d}.JPG"


def frames_of(instance: DiscInstance) -> int:
    """How many pictures an instance holds; 0 for reports and other objects without pixels."""
    header = instance.header
    if not (header.rows and header.columns and header.photometric_interpretation):
        return 0
    return max(1, header.number_of_frames)


def choose(series: Series, most: int = PICTURES) -> list[Wish]:
    """All frames of a short series, otherwise an even selection, of every instance at least one.

    With more instances than ``most`` an even selection of these, by their middle frames.
    """
    images = [(position, frames_of(instance))
              for position, instance in enumerate(series.instances) if frames_of(instance)]
    if sum(frames for _, frames in images) <= most:
        return [Wish(position, frame) for position, frames in images for frame in range(frames)]
    if len(images) >= most:
        kept = [images[index] for index in spread(len(images), most)]
        return [Wish(position, frames // 2) for position, frames in kept]
    share = most // len(images)
    return [Wish(position, frame) for position, frames in images
            for frame in spread(frames, min(share, frames))]


def spread(count: int, wanted: int) -> list[int]:
    """``wanted`` of ``count`` places, evenly, with both ends; a single one from the middle."""
    if wanted >= count:
        return list(range(count))
    if wanted == 1:
        return [count // 2]
    return [round(index * (count - 1) / (wanted - 1)) for index in range(wanted)]
