"""How the images of a disc are cut into chunks for its viewer, and how much room these take."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.media.disc.disc_layout import DiscInstance, Layout, Series
from mediasvc.media.page.page_content import frames_of, numbered
from mediasvc.media.viewer.viewer_chunk import BYTES, most_bytes
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES

VIEWER_FOLDER = "VIEWER"
START_PAGE = "VIEWER.HTM"
#: Rows and columns may be reduced by so much where the medium has no room for all samples.
FACTORS = (1, 2, 3, 4, 6, 8)


@dataclass(frozen=True, slots=True)
class Part:
    """The frames ``first`` … of the instance at ``position`` of its series."""

    position: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """``series`` and ``number`` count from 1; ``start``: its first frame in the series, from 0."""

    series: int
    number: int
    start: int
    numbers: array[int]
    """Three for each of `parts`."""
    native: int
    """Bytes of the decoded samples."""

    @property
    def parts(self) -> Iterator[Part]:
        source = iter(self.numbers)
        return (Part(*three) for three in zip(source, source, source, strict=True))

    @property
    def frames(self) -> int:
        return sum(self.numbers[2::3])

    @property
    def most_bytes(self) -> int:
        return most_bytes(self.native, self.frames)

    @property
    def name(self) -> str:
        return chunk_name(self.series, self.number)


def chunk_name(series: int, number: int) -> str:
    """Below VIEWER/."""
    return f"{folder_name(series)}/D{number:06d}.HTM"


def folder_name(series: int) -> str:
    return f"SE{series:06d}"


def plan_chunks(layout: Layout) -> Iterator[ChunkPlan]:
    """All frames of all series, in reading order."""
    for number, series in numbered(layout):
        yield from _chunks(number, series)


def _chunks(number: int, series: Series) -> Iterator[ChunkPlan]:
    parts = array("I")
    made = start = begun = size = 0
    for position, first, count, native in _runs(series):
        if parts and size + native > BYTES:
            made += 1
            yield ChunkPlan(number, made, begun, parts, size)
            parts, size, begun = array("I"), 0, start
        parts.extend((position, first, count))
        start, size = start + count, size + native
    if parts:
        yield ChunkPlan(number, made + 1, begun, parts, size)


def _runs(series: Series) -> Iterator[tuple[int, int, int, int]]:
    """(position, first frame, frames, native bytes), none larger than a chunk but single frames."""
    for position, instance in enumerate(series.instances):
        frames, size = shown_frames(instance), frame_bytes(instance)
        step = max(1, BYTES // max(1, size))
        for first in range(0, frames, step):
            count = min(step, frames - first)
            yield position, first, count, count * size


def shown_frames(instance: DiscInstance) -> int:
    """Frames that the viewer shows: none of a video stream, which is a file of its own."""
    row = TRANSFER_SYNTAXES.get(instance.header.transfer_syntax_uid)
    return 0 if row is not None and row.form == "video" else frames_of(instance)


def frame_bytes(instance: DiscInstance) -> int:
    """Of one frame as the viewer gets it: cells of 8 or 16 bits, palettes as colour."""
    header = instance.header
    colours = 3 if (header.samples_per_pixel == 3
                    or header.photometric_interpretation == "PALETTE COLOR") else 1
    cell = 1 if colours == 3 or header.bits_allocated <= 8 else 2
    return header.rows * header.columns * colours * cell
