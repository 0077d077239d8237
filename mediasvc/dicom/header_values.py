"""Raw values → `InstanceHeader`, whatever stands in them (FAULTS P13, P16, P17)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from mediasvc.dicom.findings import warning
from mediasvc.dicom.text import decode, has_hidden
from mediasvc.model import Finding, InstanceHeader
from mediasvc.standard.header_attributes import HEADER_ATTRIBUTES, IDENTITY_FIELDS, NUMBERS

#: Characters of one header text that are kept; what is longer is no name.
TEXT_LIMIT = 3000
#: Bytes that are looked at for that many characters (four in UTF-8, escape sequences).
RAW_LIMIT = 4 * TEXT_LIMIT

_INTEGER = re.compile(r"\+?\d{1,10}", re.ASCII)
_BINARY_SIZES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "": 2, "UN": 2}


class RawValue(NamedTuple):
    """``vr`` as the data set says it, empty when it does not."""

    value: bytes
    vr: str


def compose_header(values: Mapping[str, RawValue], transfer_syntax_uid: str, *,
                   big_endian: bool) -> tuple[InstanceHeader, list[Finding]]:
    """The header of the raw ``values`` by field name, and what is odd in them. Never raises."""
    findings: list[Finding] = []
    fields: dict[str, Any] = {"transfer_syntax_uid": transfer_syntax_uid}
    character_set = _character_set(values)
    doubtful: set[str] = set()
    for attribute in HEADER_ATTRIBUTES:
        raw = values.get(attribute.field)
        if raw is None:
            continue
        if attribute.field in NUMBERS:
            number = _number(raw, attribute.vr, big_endian)
            if number is None:
                findings.append(warning("number-unreadable",
                                        f"{_words(attribute.field)} is not a number", "P13"))
            fields[attribute.field] = number or 0
            continue
        text, certain = decode(raw.value[:RAW_LIMIT], character_set, attribute.vr)
        if not certain:
            doubtful.add(attribute.field)
        if len(text) > TEXT_LIMIT or len(raw.value) > RAW_LIMIT:
            findings.append(warning("text-too-long", f"{_words(attribute.field)} is longer than "
                                    f"{TEXT_LIMIT} characters and was cut for display", "P17"))
            text = text[:TEXT_LIMIT]
        fields[attribute.field] = text
    if doubtful:
        findings.append(_charset_finding(character_set, doubtful))
    hidden = {field for field in IDENTITY_FIELDS if has_hidden(fields.get(field, ""))}
    if hidden:
        findings.append(warning("identity-hidden-characters", "The patient's name or ID contains "
                                "characters that cannot be seen", "P17"))
    fields["uncertain_text"] = not IDENTITY_FIELDS.isdisjoint(doubtful | hidden)
    return InstanceHeader(**fields), findings


def _character_set(values: Mapping[str, RawValue]) -> str:
    raw = values.get("specific_character_set")
    return raw.value[:256].decode("ascii", "replace") if raw else ""


def _number(raw: RawValue, vr: str, big_endian: bool) -> int | None:
    """The first number of a value, None when it is none; an empty value is 0."""
    value = raw.value
    if not value.strip(b"\0 ") and vr == "IS":
        return 0
    if vr == "IS" or raw.vr in ("IS", "DS"):
        text = value[:64].decode("ascii", "replace").split("\\")[0].strip(" \0")
        return int(text) if _INTEGER.fullmatch(text) else None
    if not value:
        return 0
    size = _BINARY_SIZES.get(raw.vr)
    if size is None or len(value) < size:
        return None
    order: Any = "big" if big_endian and raw.vr != "UN" else "little"
    return int.from_bytes(value[:size], order)


def _charset_finding(character_set: str, doubtful: set[str]) -> Finding:
    why = "its character set is wrong" if character_set.strip() else "no character set is named"
    if IDENTITY_FIELDS.isdisjoint(doubtful):
        return warning("text-uncertain", f"Some text may be shown wrongly: {why}", "P16")
    return warning("identity-text-uncertain",
                   f"The patient's name or ID may be shown wrongly: {why}", "P16")


def _words(field: str) -> str:
    return field.replace("_", " ").capitalize()
