"""Rewritten instances go straight into the image: the disc is on the disk once, not twice.

Their lengths are known only when they are there, so the image grows around them (`GrowingImage`).
That needs one disc, known before: where the order might take several, where instances get other
identities, or are encrypted, copies wait in the workspace until all sizes are known; each goes when
the image has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mediasvc.errors import BudgetError
from mediasvc.media.disc.disc_layout import DiscInstance, Layout, disc_instances, lay_out
from mediasvc.media.disc.disc_plan import PAGE, plan_discs
from mediasvc.media.iso.iso_grow import GrowingImage
from mediasvc.media.iso.iso_tables import SECTOR, sectors
from mediasvc.media.iso.iso_write import IsoImage
from mediasvc.media.page.page_content import PICTURES, numbered, picture_name
from mediasvc.media.viewer.viewer_plan import VIEWER_FOLDER, plan_chunks
from mediasvc.model import InstanceHeader
from mediasvc.span import Span
from mediasvc.work.handing_out import release
from mediasvc.work.planning.export_order import ExportOrder

#: What a changed header, or a codec that gains nothing, may add to an instance.
MORE, GROWTH = 64 << 10, 1.15
#: Kept for the small files: DICOMDIR, lists and pages for each instance, pictures for each pixel,
#: everything else. Less than `disc_plan` counts; what does not fit stands behind the instances.
INSTANCE, PIXEL, REST = 1700, 0.3, 128 << 10
PICTURE_SIDE = 1024
#: Names in the root and beside the pages that no count tells.
OTHERS = 24


class OnePass:
    """Knows whether an order goes in one pass, and has its image then (`image`). A rehearsal
    writes none, and knows only where its instances would begin (`first`, a sector)."""

    def __init__(self, order: ExportOrder, scratch: Path, rehearsal: bool = False) -> None:
        self._order, self._scratch, self._rehearsal = order, scratch, rehearsal
        self.image: GrowingImage | None = None
        self.first = 0

    def begin(self, unchanged: Iterable[DiscInstance],
              rewritten: Iterable[tuple[InstanceHeader, int]]) -> bool:
        """Start the image of an order with instances that are ``unchanged`` and others that are
        ``rewritten``, of which headers and lengths are given. False when there is none."""
        order = self._order
        if order.container != "iso" or order.lossy or order.privacy or order.seal:
            return False
        expected = disc_instances(self._scratch)
        expected.extend(unchanged)
        expected.extend(DiscInstance(header, Span("", 0, largest(header, length)), "")
                        for header, length in rewritten)
        udf = order.profile.medium.udf
        try:
            plans = plan_discs(expected, order.room, with_udf=udf)
        except BudgetError:
            return False
        if len(plans) != 1:
            return False
        self.first = first_sector(lay_out(plans[0].instances), udf, order.viewer != "none")
        if order.room is not None and self.first * SECTOR + plans[0].bytes > order.room:
            self.first = 0  # what is kept free would make the image larger than the disc
            return False
        if self._rehearsal:
            return False
        release.require_room(order.to, plans[0].bytes)
        path = order.to.with_name(f".{order.to.name}.{os.getpid()}.growing")
        release.note_growing(self._scratch, path)
        self.image = GrowingImage(path, self.first)
        return True

    def published(self, target: Path) -> None:
        """The image is whole, and has another name now."""
        assert self.image
        self.image.path.rename(target)


@contextmanager
def one_pass(order: ExportOrder, scratch: Path) -> Iterator[OnePass]:
    """What did not become a disc is removed at the end."""
    found = OnePass(order, scratch)
    try:
        yield found
    finally:
        if found.image is not None:
            found.image.close()


def largest(header: InstanceHeader, length: int) -> int:
    """More bytes than an instance has when it was rewritten without loss."""
    samples = header.rows * header.columns * max(1, header.number_of_frames)
    native = samples * max(1, header.samples_per_pixel) * -(-max(8, header.bits_allocated) // 8)
    return int(max(length, native) * GROWTH) + MORE


def first_sector(layout: Layout, udf: int, viewer: bool) -> int:
    """Where the instances may begin: behind the tables and, as far as can be told, the small
    files."""
    names = [file_id for file_id, _ in layout.placed()]
    size = REST + INSTANCE * len(names)
    for number, series in numbered(layout):
        names += [("IHE_PDI", *picture_name(number, index).split("/"))
                  for index in range(1, PICTURES + 1)]
        pixels = max(min(PICTURE_SIDE, one.header.rows) * min(PICTURE_SIDE, one.header.columns)
                     for one in series.instances)
        count = min(PICTURES, sum(max(1, one.header.number_of_frames) for one in series.instances))
        size += PAGE + int(count * (pixels * PIXEL + SECTOR))
    names += [("IHE_PDI", f"X{number:07d}.HTM") for number in range(OTHERS + len(names) // 8)]
    names += [(f"X{number:07d}.TXT",) for number in range(OTHERS)]
    for folder in ("REPORTS", "VIDEO"):
        names += [(folder, f"X{number:07d}.PDF") for number in range(OTHERS)]
    if viewer:
        names += [(VIEWER_FOLDER, *chunk.name.split("/")) for chunk in plan_chunks(layout)]
        names += [(VIEWER_FOLDER, f"X{number:07d}.JS") for number in range(OTHERS)]
    return IsoImage(names, udf).first + sectors(size)
