"""A data set as DICOM JSON (PS3.18 annex F). Large binary values are left out.

An attribute whose value is left out keeps its tag and VR; `Written.left_out` counts them. What
cannot be read as its VR says is left out too, never guessed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

#: Binary values of at most so many bytes are written inline unless somebody says another number.
INLINE = 1 << 10
#: Sequences in sequences.
DEPTH = 64
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_SWAPPED = frozenset({"OD", "OF", "OL", "OV", "OW"})
_NUMBERS = frozenset({"FL", "FD", "SL", "SS", "UL", "US", "IS", "DS"})
#: File meta and lengths of groups are no part of the model (F.2.1).
META = 0x0002
CHARACTER_SET = 0x00080005
PIXEL_DATA = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


@dataclass(slots=True)
class _State:
    inline: int
    big_endian: bool
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """``data``: one object in an array, UTF-8, as a DICOMweb server gives the metadata."""

    data: bytes
    left_out: int


def dicom_json(dataset: Dataset, inline: int = INLINE, *, big_endian: bool = False) -> Written:
    """``inline``: bytes of a binary value that is still written, in base64."""
    state = _State(inline, big_endian)
    model = _object(dataset, state, 0)
    text = json.dumps([model], ensure_ascii=False, allow_nan=False, indent=1)
    return Written(text.encode("utf-8", "replace") + b"\n", state.left_out)


def _object(dataset: Dataset, state: _State, depth: int) -> dict[str, Any]:
    model: dict[str, Any] = {}
    for tag in sorted(dataset.keys()):
        if tag.group != META and tag.element:
            model[f"{int(tag):08X}"] = _attribute(dataset, int(tag), state, depth)
    return model


def _attribute(dataset: Dataset, tag: int, state: _State, depth: int) -> dict[str, Any]:
    try:
        element = dataset[tag]
        vr, value = element.VR, element.value
    except Exception:  # pydicom raises whatever its converters raise
        state.left_out += 1
        raw = getattr(dataset.get_item(tag), "VR", None)
        return {"vr": raw if isinstance(raw, str) and len(raw) == 2 else "UN"}
    if " or " in vr:  # unresolved: US or SS, OB or OW
        vr = vr.split(" or ")[0]
    if tag == CHARACTER_SET:  # JSON is UTF-8 (F.2.2)
        return {"vr": "CS", "Value": ["ISO_IR 192"]}
    if vr == "SQ" and isinstance(value, Sequence):
        return _sequence(value, state, depth)
    try:
        found = _value(vr, value, tag, state)
        json.dumps(found, allow_nan=False)
    except (ValueError, TypeError, AttributeError):
        state.left_out += 1
        return {"vr": vr}
    return {"vr": vr, **found}


def _sequence(items: Iterable[Dataset], state: _State, depth: int) -> dict[str, Any]:
    if depth >= DEPTH:
        state.left_out += 1
        return {"vr": "SQ"}
    found = [_object(item, state, depth + 1) for item in items]
    return {"vr": "SQ", "Value": found} if found else {"vr": "SQ"}


def _value(vr: str, value: Any, tag: int, state: _State) -> dict[str, Any]:
    if vr in _BINARY:
        return _binary(vr, value, tag, state)
    values = _many(value)
    if not any(one not in (None, "") for one in values):
        return {}
    if vr == "PN":
        return {"Value": [_name(one) for one in values]}
    if vr == "AT":
        return {"Value": [f"{int(one):08X}" for one in values]}
    if vr in _NUMBERS:
        return {"Value": [_number(vr, one) for one in values]}
    if vr in ("SV", "UV"):
        return {"Value": [int(one) for one in values]}
    return {"Value": [None if one in (None, "") else str(one) for one in values]}


def _binary(vr: str, value: Any, tag: int, state: _State) -> dict[str, Any]:
    import base64

    if not value:
        return {}
    data = bytes(value)
    swapped = state.big_endian and vr in _SWAPPED  # InlineBinary is little endian (F.2.7)
    if len(data) > state.inline or tag in PIXEL_DATA or swapped:
        state.left_out += 1
        return {}
    return {"InlineBinary": base64.b64encode(data).decode("ascii")}


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (MultiValue, list)) else [value]


def _name(value: Any) -> dict[str, str] | None:
    """Component groups of a person's name (F.2.2)."""
    groups = str(value).split("=") if value else []
    keys = ("Alphabetic", "Ideographic", "Phonetic")
    found = {key: text for key, text in zip(keys, groups, strict=False) if text}
    return found or None


def _number(vr: str, value: Any) -> int | float | None:
    if value in (None, ""):
        return None
    if vr in ("IS", "SL", "SS", "UL", "US"):
        return int(value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(vr)
    return number
