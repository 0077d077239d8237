"""The attributes of each image for the viewer's table: all of the first, then what differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom.datadict import dictionary_description
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from mediasvc.dicom.text import display
from mediasvc.media.page.words import count, date

#: Characters of a value that are shown.
TEXT = 240
BULK = frozenset({"OB", "OW", "OD", "OF", "OL", "OV", "UN"})
_ABSENT = object()

Row = list[str]


class HeaderRows:
    """Call ``rows`` for one header after another of a series."""

    def __init__(self) -> None:
        self._last: dict[int, Any] = {}
        self.names: dict[str, list[str]] = {}
        """Tag → [name, VR], of every tag so far."""

    def rows(self, header: Dataset) -> dict[str, str | None]:
        """Tag (``00280010``) → text; None for what the header before had and this one has not."""
        seen = {int(tag): _raw(header, tag) for tag in header.keys()}  # noqa: SIM118  # lazy
        found: dict[str, str | None] = {
            f"{tag:08X}": None for tag in self._last.keys() - seen.keys()}
        for tag, raw in sorted(seen.items()):
            if self._last.get(tag, _ABSENT) != raw:
                found[f"{tag:08X}"] = self._text(header, tag)
        self._last = seen
        return found

    def _text(self, header: Dataset, tag: int) -> str:
        try:
            element = header[tag]
            vr, text = str(element.VR), "\\".join(_values(element))
        except Exception:  # foreign values fail in many ways; the image is shown all the same
            vr, text = "", "(cannot be read)"
        self.names.setdefault(f"{tag:08X}", [_name(tag), vr])
        return display(text, TEXT)


def _raw(header: Dataset, tag: BaseTag) -> Any:
    """What equals only if the element is the same; its text costs more than this."""
    element: Any = header.get_item(tag)
    if isinstance(element, RawDataElement):
        return element.value
    if element.VR == "SQ":
        return len(element.value)
    return str(element.value)[:TEXT]


def _values(element: DataElement) -> Iterator[str]:
    value = element.value
    if element.VR == "SQ":
        yield f"({count(len(value), 'item')})"
    elif element.VR in BULK or isinstance(value, bytes):
        yield f"({count(len(value or b''), 'byte')})"
    elif value is None:
        yield ""
    elif isinstance(value, str) or not hasattr(value, "__iter__"):
        yield date(str(value)) if element.VR == "DA" else str(value)
    else:
        yield from (str(one) for one in list(value)[:TEXT])


def _name(tag: int) -> str:
    try:
        return dictionary_description(tag)
    except KeyError:
        return "Private" if tag >> 16 & 1 else "Unknown"
