"""Who can read a transfer syntax: what a site asks before it stores in one.

``programs`` were tried on a 12-bit image that we wrote: DCMTK 3.6.7, GDCM 3.0.21, and pydicom 3.0.2
with its usual plugins. ``reach`` puts that and the open requests at viewers into a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mediasvc.standard import transfer_syntaxes as ts

Reach = Literal["all", "most", "some", "few"]
#: From the widest to the narrowest.
REACHES: tuple[Reach, ...] = ("all", "most", "some", "few")


@dataclass(frozen=True, slots=True)
class Readers:
    reach: Reach
    programs: tuple[str, ...]
    note: str


READERS = {
    ts.EXPLICIT: Readers("all", ("DCMTK", "GDCM", "pydicom"), "what every reader must read"),
    ts.RLE: Readers("all", ("DCMTK", "GDCM", "pydicom"), "old and simple"),
    ts.JPEG_LOSSLESS_SV1: Readers("all", ("DCMTK", "GDCM", "pydicom"),
                                  "what modalities and discs have used for decades"),
    ts.JPEG_LS: Readers("most", ("DCMTK", "GDCM", "pydicom"), "some old viewers lack it"),
    ts.J2K_LOSSLESS: Readers("most", ("GDCM", "pydicom"), "DCMTK needs a module that is bought"),
    ts.HTJ2K_LOSSLESS: Readers("some", ("pydicom",), "new viewers on the web; few on desks"),
    ts.HTJ2K_RPCL: Readers("some", ("pydicom",), "as .201, and can be shown while it loads"),
    ts.JPEG_XL_LOSSLESS: Readers("few", (), "in the standard since 2024; viewers are about to"),
    ts.DEFLATED_FRAME: Readers("few", (), "in the standard since 2024"),
    ts.ENCAPSULATED_UNCOMPRESSED: Readers("few", (), "saves nothing; for video-like access"),
}
