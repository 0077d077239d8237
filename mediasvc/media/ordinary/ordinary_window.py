"""One window for all frames of an instance, so that a cine does not flicker (PS3.3 C.11.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mediasvc.media.page.display import (
    Window,
    frame_header,
    has_table,
    percentiles,
    rescaled,
    sample_of,
    window_of,
)

#: Frames that are looked at where there are many.
SAMPLED = 12
#: Black and white of eight-bit samples as they are: nothing has to be windowed.
IDENTITY = Window(127.5, 255.0, "LINEAR_EXACT")

Stack = Sequence[tuple[int, NDArray[Any]]]
"""(number of a frame from 0, its samples) for some frames."""


def steady_window(stack: Stack, header: Dataset) -> Window | None:
    """The window of a grey instance, from some of its frames; None where each frame says its own,
    or a VOI LUT does.

    It is the header's where that shows anything at all. Without one, eight unsigned bits stay as
    they are, all others are shown from their 1st to their 99th percentile.
    """
    places = [frame_header(header, number) for number, _ in stack]
    if any(map(has_table, places)):
        return None
    windows = {window_of(place) for place in places}
    if len(windows) > 1:
        return None
    window = windows.pop() if windows else None
    if window is None and _plain(places):
        return IDENTITY
    values = np.concatenate([sample_of(rescaled(samples, place)).ravel()
                             for (_, samples), place in zip(stack, places, strict=True)])
    if window is not None and not _shows_nothing(values, window):
        return window
    low, high = percentiles(values, places[0])
    if high <= low:
        high = low + 1
    return Window((low + high) / 2, high - low, "LINEAR_EXACT")


def _shows_nothing(values: NDArray[Any], window: Window) -> bool:
    """Whether everything would be black or white. That much is dark in a PET is as it should be."""
    low, high = window.centre - window.width / 2, window.centre + window.width / 2
    between = np.any((values > low) & (values < high))
    return not between and float(np.ptp(values)) > 1


def _plain(places: Sequence[Dataset]) -> bool:
    """Eight unsigned bits that nothing rescales."""
    return all(
        place.get("BitsStored") == 8 and not place.get("PixelRepresentation")
        and not place.get("ModalityLUTSequence") and place.get("RescaleSlope") in (None, 1)
        and place.get("RescaleIntercept") in (None, 0) for place in places)
