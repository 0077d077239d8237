"""To be loaded by who forks the children of an export: pydicom as they need it, and what the first
picture would make each of them load by itself; 0.15 s of both processors.
"""

from __future__ import annotations

import imagecodecs
import numpy as np

from mediasvc.dicom.load_pydicom import load_pydicom

#: Rare pixels are drawn with what pydicom has beside these.
_DECODERS = ("PIL", "gdcm")


def _draw_something() -> None:
    from pydicom.dataset import Dataset

    from mediasvc.media.page.display import to_picture

    imagecodecs.jpeg8_encode(to_picture(np.zeros((8, 8), np.int16), Dataset()), level=85)


load_pydicom(_DECODERS)
_draw_something()
