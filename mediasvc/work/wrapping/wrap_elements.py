"""Values of JSON as elements of a data set (PS3.5 6.2)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from mediasvc.errors import SettingsError

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement

#: Items in items that a side file may have.
DEPTH = 8


def element(keyword: str, value: Any, depth: int = 0) -> DataElement:
    """One element; a sequence is a list of objects with keywords. Raises SettingsError."""
    from pydicom import config
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.dataelem import DataElement

    tag = tag_for_keyword(keyword)
    if tag is None or depth > DEPTH:
        raise SettingsError(f"{keyword!r} is no attribute of DICOM")
    vr = dictionary_VR(tag).split(" or ")[0]
    if vr == "SQ":
        return DataElement(tag, vr, _items(keyword, value, depth))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return DataElement(tag, vr, _plain(vr, value), validation_mode=config.RAISE)
    except (ValueError, TypeError, OverflowError, Warning) as error:
        raise SettingsError(f"the value of {keyword} does not fit its type {vr}") from error


def dataset_of(values: dict[str, Any], depth: int = 0) -> Dataset:
    from pydicom import Dataset

    made = Dataset()
    for keyword, value in values.items():
        made.add(element(keyword, value, depth))
    return made


def _items(keyword: str, value: Any, depth: int) -> list[Dataset]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SettingsError(f"{keyword} is a sequence: a list of objects")
    return [dataset_of(item, depth + 1) for item in value]


def _plain(vr: str, value: Any) -> Any:
    """Text, number, or a list of them; bytes only from ourselves."""
    if value is None or value == "":
        return None
    many = value if isinstance(value, list) else [value]
    if vr in ("OB", "OW", "UN") and isinstance(value, bytes):
        return value
    if not all(isinstance(one, (str, int, float)) and not isinstance(one, bool) for one in many):
        raise ValueError(vr)
    if vr in ("IS", "DS", "US", "UL", "UV", "SS", "SL", "FD", "FL", "AT"):
        return value
    return [str(one) for one in many] if isinstance(value, list) else str(value)
