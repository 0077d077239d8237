"""Does pydicom see the same data set as the walker? (FAULTS 0.7, P14)

A data set in which every element names a known VR (or is implicit throughout), ascends, has its
length inside its container and is followed by nothing can be read in one way only, so asking twice
costs 2 ms and says nothing. `needed` picks what leaves room for two readings, and one in `SHARE` of
the rest as a guard against what nobody thought of. pydicom never gets bytes in which the walker
found a fault.
"""

from __future__ import annotations

import io
import warnings
import zlib
from typing import Any

from mediasvc.dicom.findings import error
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.pixel_place import FLOAT_PIXEL_DATA
from mediasvc.model import Finding
from mediasvc.standard.header_attributes import HEADER_ATTRIBUTES

SHARE = 64
#: pydicom needs 20 µs for each element and item that it cannot skip.
ELEMENT_LIMIT = 200_000
#: Of larger files pydicom gets only what stands before the pixel data.
_WHOLE_LIMIT = 8 << 20

_IDENTITY = tuple(attribute.tag for attribute in HEADER_ATTRIBUTES)


def needed(framing: Framing, sop_instance_uid: str) -> bool:
    """Whether a second reading of this file is worth its time."""
    if framing.odd or framing.kind == "bare":
        return True
    chosen = zlib.crc32(sop_instance_uid.encode()) % SHARE == 0
    return chosen and framing.count <= ELEMENT_LIMIT


def compare(view: memoryview, framing: Framing) -> list[Finding]:
    """An error finding when pydicom reads other elements or other identity values."""
    if framing.count > ELEMENT_LIMIT:
        return [error("too-odd-to-check", "The file is unusual and too large to be read a second "
                      "time", "P05, P14")]
    end = _end(framing)
    source = framing.body if framing.deflated else view
    theirs = _read(source[:end], force=framing.kind == "bare" or framing.deflated)
    if theirs is None:
        return [_disagreement("another DICOM reader cannot read it")]
    whole = end == framing.end
    ours = {tag for tag in framing.index if tag >> 16 != 2 and (whole or tag < FLOAT_PIXEL_DATA)}
    if ours != set(theirs):
        return [_disagreement("another DICOM reader sees other elements in it")]
    if any(theirs[tag] != framing.value(tag) for tag in _IDENTITY if theirs.get(tag) is not None):
        return [_disagreement("another DICOM reader sees another identity in it")]
    return []


def _end(framing: Framing) -> int:
    """How much of the file pydicom gets: nothing behind the data set, no large pixel data."""
    if framing.pixel is not None and framing.end > _WHOLE_LIMIT:
        return framing.pixel.start
    return framing.end


def _read(view: memoryview, *, force: bool) -> dict[int, bytes | None] | None:
    """pydicom's tags at top level with their raw bytes (None where it has converted them already);
    None when it cannot read the file. It keeps group 0002 apart wherever that stands."""
    from pydicom import dcmread

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(io.BytesIO(view), force=force)
    except MemoryError:
        raise
    except Exception:  # whatever a foreign parser stumbles over means the same: it disagrees
        return None
    return {int(tag): _raw(element) for tag, element in dataset._dict.items() if tag.group != 2}


def _raw(element: Any) -> bytes | None:
    value = element.value
    return value if isinstance(value, bytes) else None


def _disagreement(why: str) -> Finding:
    return error("readers-disagree", f"The file is ambiguous: {why}", "P14")
