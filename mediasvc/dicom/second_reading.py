"""Does pydicom see the same data set as the walker? (FAULTS 0.7, P14)

A data set in which every element names a known VR (or is implicit throughout), ascends, has its
length inside its container and is followed by nothing can be read in one way only, so asking twice
costs 2 ms and says nothing. `needed` therefore picks what leaves room for two readings, and one in
`SHARE` of the rest as a guard against what nobody thought of. pydicom never gets bytes in which the
walker found a fault.
"""

from __future__ import annotations

import io
import warnings
import zlib
from typing import Any

from mediasvc.dicom.framing import Framing
from mediasvc.model import Finding
from mediasvc.standard.header_attributes import HEADER_ATTRIBUTES

SHARE = 64
#: pydicom needs 20 µs for each element and item that it cannot skip.
ELEMENT_LIMIT = 200_000
_WHOLE_LIMIT = 8 << 20


def needed(framing: Framing, sop_instance_uid: str) -> bool:
    """Whether a second reading of this file is worth its time."""
    return framing.odd or framing.kind == "bare" or (
        zlib.crc32(sop_instance_uid.encode()) % SHARE == 0 and framing.count <= ELEMENT_LIMIT)


def compare(view: memoryview, framing: Framing) -> list[Finding]:
    """An error finding when pydicom reads other elements or other identity values."""
    if framing.count > ELEMENT_LIMIT:
        return [Finding("error", "too-odd-to-check", "", "The file is unusual and too large to be "
                        "read a second time", "P05, P14")]
    try:
        theirs = _read(view, framing)
    except RecursionError:
        theirs = None
    except MemoryError:
        raise
    except Exception:  # whatever a foreign parser stumbles over means the same: it disagrees
        theirs = None
    if theirs is None:
        return [_disagreement("another DICOM reader cannot read it")]
    ours, limit = _tags(framing), _limit(view)
    if {tag for tag in ours if tag < limit} != {int(tag) for tag in theirs if int(tag) < limit}:
        return [_disagreement("another DICOM reader sees other elements in it")]
    if any(_value(theirs, tag) not in (None, framing.value(tag)) for tag in _COMPARED):
        return [_disagreement("another DICOM reader sees another identity in it")]
    return []


_COMPARED = tuple(attribute.tag for attribute in HEADER_ATTRIBUTES)


def _limit(view: memoryview) -> int:
    """Large pixel data are not read again: tags from here on are not compared."""
    return 0x1_0000_0000 if len(view) <= _WHOLE_LIMIT else 0x7FE00008


def _tags(framing: Framing) -> set[int]:
    """Top-level tags of the data set; pydicom keeps group 0002 apart wherever it stands."""
    return {tag for tag in framing.index if tag >> 16 != 2}


def _read(view: memoryview, framing: Framing) -> dict[Any, Any]:
    from pydicom import dcmread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        end = framing.end if not framing.deflated else len(view)
        data = dcmread(io.BytesIO(view[:end]), force=framing.kind == "bare",
                       stop_before_pixels=len(view) > _WHOLE_LIMIT)
        return {tag: element for tag, element in data._dict.items() if tag.group != 2}


def _value(theirs: dict[Any, Any], tag: int) -> bytes | None:
    """pydicom's raw bytes of an element, None where it has none or has already converted them."""
    value = getattr(theirs.get(tag), "value", None)
    return value if isinstance(value, bytes) else None


def _disagreement(why: str) -> Finding:
    return Finding("error", "readers-disagree", "", f"The file is ambiguous: {why}", "P14")
