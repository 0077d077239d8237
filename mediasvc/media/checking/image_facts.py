"""What the rules of a profile ask of an image, read with pydicom (see `standard.profile_rules`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def image_facts(data: Any, keywords: Iterable[str]) -> dict[str, Any]:
    """``data``: a pydicom Dataset. Keyword → number, text, ``"(items)"``, ``""`` without a value,
    None where it is absent; of ``SEQUENCE/KEYWORD`` the first item that lacks it decides."""
    found: dict[str, Any] = {}
    for keyword in keywords:
        sequence, _, inner = keyword.rpartition("/")
        if not sequence:
            found[keyword] = _value(data, inner)
            continue
        values = [_value(item, inner) for item in data.get(sequence) or ()]
        found[keyword] = None if not values or None in values else values[0]
    return found


def _value(data: Any, keyword: str) -> int | str | None:
    if keyword not in data:
        return None
    value = data[keyword].value
    if data[keyword].VR == "SQ":
        return "(items)" if value else ""
    if value is None:
        return ""
    return int(value) if data[keyword].VR in ("US", "IS", "UL") else str(value)
