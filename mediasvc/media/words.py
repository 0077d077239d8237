"""Values of DICOM attributes as people write them. Plain text; whoever prints it escapes it."""

from __future__ import annotations

import re

SEX = {"M": "male", "F": "female", "O": "other"}


def person_name(raw: str) -> str:
    """``Müßter^Jörg^^Dr.`` → ``Müßter, Jörg, Dr.``; further representations in brackets."""
    groups = [group for group in (_group(part) for part in raw.split("=")) if group]
    if not groups:
        return "not named"
    return groups[0] + "".join(f" ({group})" for group in groups[1:] if group != groups[0])


def _group(raw: str) -> str:
    family, *rest = [" ".join(part.split()) for part in raw.split("^")]
    return ", ".join(part for part in (family, " ".join(rest[:2]).strip(), *rest[2:]) if part)


def date(raw: str) -> str:
    """``20240131`` (or the older ``2024.01.31``) → ``2024-01-31``; anything else as it is."""
    found = re.fullmatch(r"(\d{4})\.?(\d{2})\.?(\d{2})", raw.strip())
    return "-".join(found.groups()) if found else raw


def time(raw: str) -> str:
    """``101500.123`` → ``10:15``."""
    found = re.match(r"(\d{2}):?(\d{2})", raw.strip())
    return ":".join(found.groups()) if found else ""


def count(number: int, singular: str, plural: str = "") -> str:
    """``1 image``, ``12 images``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
