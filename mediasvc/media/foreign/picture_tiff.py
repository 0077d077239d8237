"""TIFF scans, one page or many: the samples are kept exactly (TIFF 6.0).

Every page becomes a frame, so all must have the same size and kind. Reduced pictures of a page
(NewSubfileType 1) are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from mediasvc.media.foreign import tiff_strips as strips
from mediasvc.media.foreign.picture_exif import EXIF_POINTER, Exif, exif_of
from mediasvc.media.foreign.picture_jpeg import METHOD, MOST_SAMPLES, icc_text
from mediasvc.media.foreign.picture_turn import upright
from mediasvc.media.foreign.tiff_directory import (
    Values,
    directories,
    integer,
    integers,
    read_directory,
)
from mediasvc.media.foreign.wrap_facts import PictureFacts
from mediasvc.standard.transfer_syntaxes import EXPLICIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediasvc.media.window import Window

SUBFILE, ROWS, COLUMNS, BITS, PHOTOMETRIC = 254, 257, 256, 258, 262
SAMPLES, ICC, COLOUR_MAP, FORMAT = 277, 34675, 320, 339
#: Photometric Interpretation of TIFF 6.0 that we take.
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6
MOST_PAGES = 10_000
#: With those beyond colour, which are left out.
MOST_SAMPLES_OF_PIXEL = 8


@dataclass(frozen=True, slots=True)
class Tiff:
    """``pages`` decodes page by page, each (rows, columns[, 3]) uint8 or uint16."""

    facts: PictureFacts
    pages: Iterator[NDArray[Any]]


def probe_tiff(window: Window) -> Tiff:
    """Raises DamagedError, UnsupportedError, BudgetError, also while ``pages`` are drawn."""
    pages: list[strips.Page] = []
    exif = Exif()
    for layout, values in directories(window.read):
        if integer(values, SUBFILE, 0) & 1:
            continue
        if not pages:
            pointer = integer(values, EXIF_POINTER, 0)
            inner = read_directory(window.read, layout, pointer)[0] if pointer else {}
            exif = exif_of(values, inner)
        pages.append(strips.Page(window, layout, values))
        if len(pages) > MOST_PAGES:
            raise BudgetError("the TIFF has more pages than the limits allow")
    if not pages:
        raise DamagedError("the TIFF has no page")
    facts = _facts(pages, exif)
    return Tiff(facts, (_picture(page, exif.orientation) for page in pages))


def _facts(pages: list[strips.Page], exif: Exif) -> PictureFacts:
    kinds = {_kind(page.values) for page in pages}
    if len(kinds) > 1:
        raise UnsupportedError("its pages have different sizes or colours",
                               "Save each page as a file of its own first.")
    rows, columns, samples, bits = kinds.pop()
    if rows * columns * samples > MOST_SAMPLES:
        raise BudgetError("a page is larger than the limits allow")
    swapped = exif.orientation >= 5
    lossy = any(page.compression == strips.JPEG for page in pages)
    icc = pages[0].values.get(ICC, b"")
    notes = ("the place where the photo was taken was left out",) if exif.has_place else ()
    return PictureFacts(
        "tiff", columns if swapped else rows, rows if swapped else columns, len(pages), samples,
        bits, bits, "RGB" if samples == 3 else "MONOCHROME2", EXPLICIT,
        lossy_method=METHOD if lossy else "",
        encoded_bytes=sum(page.encoded_bytes for page in pages) if lossy else 0,
        icc=icc_text(icc if isinstance(icc, bytes) else bytes(icc)), taken=exif.taken, notes=notes)


def _kind(values: dict[int, Values]) -> tuple[int, int, int, int]:
    """(rows, columns, samples, bits) of the frame that the page becomes."""
    rows, columns = integer(values, ROWS, 0), integer(values, COLUMNS, 0)
    if not 0 < rows < 1 << 16 or not 0 < columns < 1 << 16:
        raise UnsupportedError("a page is empty, or has more rows or columns than DICOM can say")
    bits = set(integers(values, BITS, (1,)))
    if set(integers(values, FORMAT, (1,))) != {1} or len(bits) != 1 or not bits <= {1, 8, 16}:
        raise UnsupportedError("its samples are no whole numbers of 1, 8 or 16 bits", strips.AS_PNG)
    photometric = integer(values, PHOTOMETRIC, -1)
    if photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR):
        raise UnsupportedError("its colours are neither grey nor RGB nor a palette", strips.AS_PNG)
    samples = 3 if photometric in (RGB, YCBCR) else 1
    if not samples <= integer(values, SAMPLES, 1) <= MOST_SAMPLES_OF_PIXEL:
        raise UnsupportedError("its pixels have too few or too many samples", strips.AS_PNG)
    if photometric == PALETTE:
        return rows, columns, 3, 8
    return rows, columns, samples, max(8, *bits)


def _picture(page: strips.Page, orientation: int) -> NDArray[Any]:
    import numpy as np

    samples, photometric = page.decode(), integer(page.values, PHOTOMETRIC, -1)
    if photometric == PALETTE:
        return upright(_coloured(samples[..., 0], page.values), orientation)
    if page.bits == 1:
        samples = samples * np.uint8(255)
    if photometric == WHITE_IS_ZERO:
        samples = ~samples
    colour = photometric in (RGB, YCBCR)
    return upright(samples[..., :3] if colour else samples[..., 0], orientation)


def _coloured(numbers: NDArray[Any], values: dict[int, Values]) -> NDArray[Any]:
    """Through the colour map: 16-bit reds, then greens, then blues."""
    import numpy as np

    table = np.array(integers(values, COLOUR_MAP), np.uint16)
    if table.size % 3 or table.size // 3 <= int(numbers.max(initial=0)):
        raise DamagedError("the colour map of the TIFF does not fit its page")
    coloured: NDArray[Any] = (table.reshape(3, -1).T >> 8).astype(np.uint8)[numbers]
    return coloured
