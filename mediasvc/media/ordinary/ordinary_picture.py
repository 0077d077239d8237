"""Frames as a person sees them: eight bits, one window for all, square pixels, overlays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mediasvc.media.ordinary.ordinary_window import Stack, steady_window
from mediasvc.media.page.display import Picture, Window, pixel_aspect, to_picture

#: Sixteen overlay groups may stand in a data set (PS3.3 C.9.2).
OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
WHITE = 255


@dataclass(frozen=True, slots=True)
class Look:
    """How all frames of an instance are shown. ``window`` is None where each frame says its own."""

    window: Window | None = None
    overlays: bool = False
    square: bool = True


def look_at(stack: Stack, header: Dataset, *, given: tuple[float, float] | None = None,
            overlays: bool = False, square: bool = True) -> Look:
    """``stack``: some frames; ``given``: centre and width that a person asked for."""
    if given is not None:
        return Look(Window(*given), overlays, square)
    grey = all(samples.ndim == 2 for _, samples in stack)
    palette = str(header.get("PhotometricInterpretation")) == "PALETTE COLOR"
    window = steady_window(stack, header) if stack and grey and not palette else None
    return Look(window, overlays, square)


def picture(samples: NDArray[Any], header: Dataset, frame: int, look: Look) -> Picture:
    """uint8 (rows, columns) or (rows, columns, 3). Raises ValueError as `to_picture` does."""
    shown = to_picture(samples, header, frame, look.window)
    if look.overlays:
        shown = _with_overlays(shown, header, frame)
    return squared(shown, pixel_aspect(header, frame)) if look.square else shown


def squared(shown: Picture, aspect: float) -> Picture:
    """With square pixels: the shorter side of an oblong one is stretched, nothing is left out."""
    if abs(aspect - 1) < 0.005:
        return shown
    axis, factor = (0, aspect) if aspect > 1 else (1, 1 / aspect)
    length = shown.shape[axis]
    wanted = max(1, round(length * factor))
    places = np.clip((np.arange(wanted) + 0.5) / factor - 0.5, 0, length - 1)
    low = places.astype(np.intp)
    high = np.minimum(low + 1, length - 1)
    shape = [1] * shown.ndim
    shape[axis] = -1
    part = (places - low).astype(np.float32).reshape(shape)
    mixed = (np.take(shown, low, axis) * (1 - part) + np.take(shown, high, axis) * part)
    return np.asarray(np.rint(mixed), np.uint8)


def overlay_trouble(header: Dataset) -> str:
    """What is said of overlays that are not drawn; empty when all can be."""
    for group in OVERLAY_GROUPS:
        if (group, 0x0010) in header and (group, 0x3000) not in header:
            return "an overlay in the unused bits of the pixels is not drawn"
    return ""


def _with_overlays(shown: Picture, header: Dataset, frame: int) -> Picture:
    """Graphics in white; an overlay of its own frames counts them from Image Frame Origin."""
    drawn = shown
    for group in OVERLAY_GROUPS:
        if (group, 0x3000) not in header:
            continue
        plane = np.asarray(header.overlay_array(group))
        if plane.ndim == 3:
            first = int(_value(header, group, 0x0051, 1)) - 1
            if not 0 <= frame - first < len(plane):
                continue
            plane = plane[frame - first]
        drawn = _laid(drawn, plane, _origin(header, group))
    return drawn


def _laid(shown: Picture, plane: NDArray[Any], origin: tuple[int, int]) -> Picture:
    """``origin`` counts from 0 and may lie outside of the image (C.9.2.1.1)."""
    rows, columns = shown.shape[:2]
    top, left = origin
    inside = plane[max(0, -top):max(0, rows - top), max(0, -left):max(0, columns - left)]
    top, left = max(0, top), max(0, left)
    laid = shown.copy()
    area = laid[top:top + inside.shape[0], left:left + inside.shape[1]]
    area[inside[:area.shape[0], :area.shape[1]] != 0] = WHITE
    return laid


def _origin(header: Dataset, group: int) -> tuple[int, int]:
    pair = _value(header, group, 0x0050, [1, 1])
    try:
        row, column = (int(one) - 1 for one in pair)
    except (TypeError, ValueError):
        return 0, 0
    return row, column


def _value(header: Dataset, group: int, element: int, default: Any) -> Any:
    found = header.get((group, element))
    return default if found is None or found.value is None else found.value
