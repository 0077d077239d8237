"""A data set that was written anew, value by value as another library reads it (FAULTS X10)."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mediasvc.dicom.framing import Framing
from mediasvc.dicom.nested import LENGTH_TO_END
from mediasvc.errors import ProofError
from mediasvc.work.turns.mapped import in_steps

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement, RawDataElement

#: Values that have a byte order, as numbers of numpy.
_NUMBERS = {"OW": "u2", "US": "u2", "SS": "u2", "AT": "u2", "OF": "u4", "OL": "u4", "FL": "u4",
            "SL": "u4", "UL": "u4", "OD": "u8", "OV": "u8", "FD": "u8", "SV": "u8", "UV": "u8"}
_CHUNK = 1 << 16


def same_values(received: memoryview, written: memoryview, old: Framing, new: Framing,
                allowed: frozenset[int]) -> None:
    """Raise ProofError when any value on any level changed, except those ``allowed`` at top level.

    Pixel data that must stay are compared as bytes, or as words of either byte order; the other
    library never gets them.
    """
    if old.pixel and old.pixel.tag not in allowed:
        _same_pixels(old, new)
    try:
        _compare(_data_set(received, old), _data_set(written, new), allowed)
    except ProofError:
        raise
    except Exception as error:  # whatever the other library stumbles over: then nothing is proven
        raise ProofError("another reader cannot compare the data sets") from error


def _same_pixels(old: Framing, new: Framing) -> None:
    one, two = old.pixel, new.pixel
    if one is None or two is None or one.tag != two.tag or (
            one.end - one.value != two.end - two.value):
        raise ProofError("the pixel data changed")
    number = _NUMBERS.get(old.vr(one.tag), "u1") if old.big_endian != new.big_endian else "u1"
    if (one.end - one.value) % int(number[1:]):
        raise ProofError("the pixel data are no whole words")
    before, after = old.body[one.value:one.end], new.body[two.value:two.end]
    for a, b in zip(in_steps([before]), in_steps([after]), strict=True):
        if any(not np.array_equal(np.frombuffer(a[at:at + _CHUNK], f">{number}"),
                                  np.frombuffer(b[at:at + _CHUNK], f"<{number}"))
               for at in range(0, len(a), _CHUNK)):
            raise ProofError("the pixel data changed")


def _data_set(view: memoryview, framing: Framing) -> Dataset:
    """The file without its pixel data; deflated ones, which are never large, as a whole."""
    from pydicom import dcmread

    place = framing.pixel
    data = bytes(view) if place is None or framing.deflated else b"".join(
        (view[:place.start], view[place.end:]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dcmread(io.BytesIO(data), force=True)
    if place is not None and framing.deflated:
        found.pop(place.tag, None)
    return found


def _compare(old: Dataset, new: Dataset, allowed: frozenset[int] = frozenset()) -> None:
    def tags(dataset: Dataset) -> list[int]:
        return sorted(int(tag) for tag in dataset.keys()  # noqa: SIM118 - iterates elements
                      if tag.element and tag.group != 0xFFFC and int(tag) not in allowed
                      and int(tag) != LENGTH_TO_END)

    if tags(old) != tags(new):
        raise ProofError("an element was lost or added")
    for tag in tags(old):
        one, two = old.get_item(tag), new.get_item(tag)
        if not _same(one, two, old, new, tag):
            raise ProofError(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) changed")


def _same(one: DataElement | RawDataElement | None, two: DataElement | RawDataElement | None,
          old: Dataset, new: Dataset, tag: int) -> bool:
    raw, other = _value(one), _value(two)
    if isinstance(raw, bytes) and isinstance(other, bytes):
        if raw == other:
            return True
        number = _NUMBERS.get(one.VR or "" if one is not None else "")
        if number and not old.original_encoding[1]:
            return bool(np.frombuffer(raw, f">{number}").astype(f"<{number}").tobytes() == other)
    left, right = old[tag], new[tag]
    if left.VR == "SQ" and right.VR == "SQ":
        if len(left.value) != len(right.value):
            return False
        for before, after in zip(left.value, right.value, strict=True):
            _compare(before, after)
        return True
    return bool(left.value == right.value)


def _value(element: Any) -> Any:
    value = element.value if element is not None else None
    return b"" if value is None or value == "" else value
