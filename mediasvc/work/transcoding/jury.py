"""Which frames are shown to a decoder of another code base (FAULTS X01, X02)."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from mediasvc.dicom.frames import all_words
from mediasvc.dicom.framing import Framing
from mediasvc.model import FrameSpec

#: Of each kind of frames so many at first, and then one of so many.
FIRST, EVERY = 4, 10
#: What names a device: Manufacturer, Manufacturer's Model Name, Device Serial Number, Software
#: Versions. A new version of its software may write pixels in a new way.
_DEVICE = (0x00080070, 0x00081090, 0x00181000, 0x00181020)

Kind = tuple[Any, ...]


def kind_of(framing: Framing, spec: FrameSpec) -> Kind:
    """Device × pixel kind: what codecs go wrong by is the same for all frames of one kind."""
    return (*all_words(framing, _DEVICE), framing.transfer_syntax_uid,
            spec.samples_per_pixel, spec.bits_allocated, spec.bits_stored,
            spec.pixel_representation, spec.photometric_interpretation, spec.planar_configuration)


class Jury:
    """Counts frames by kind. One for each process that transcodes; its threads share it."""

    def __init__(self) -> None:
        self._seen: Counter[Kind] = Counter()
        self._lock = threading.Lock()

    def calls(self, kind: Kind) -> bool:
        """Whether the next frame of that kind is to be judged."""
        with self._lock:
            number = self._seen[kind]
            self._seen[kind] += 1
        return number < FIRST or number % EVERY == 0
