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


def born(raw: str) -> str:
    """``born 1960-01-31``; that nothing is known is said in words."""
    return f"born {date(raw)}" if raw else "birth date not known"


def sex(raw: str) -> str:
    """``female``; another code as it is."""
    return SEX.get(raw, raw) or "sex not known"


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


class Many(int):
    """A number that agrees with its words: ``f"{Many(2):file is|files are} gone"`` gives ``2 files
    are gone``; with ``=`` before them the words stand alone (``{n:=it|they}``)."""

    def __format__(self, forms: str) -> str:
        if "|" not in forms:
            return super().__format__(forms)
        alone = forms.startswith("=")
        one, more = forms.removeprefix("=").split("|")
        chosen = one if self == 1 else more
        return chosen if alone else f"{int(self):,} {chosen}"


def issuer(raw: str) -> str:
    """Who gave out a Patient ID; what nobody stated is made up (`mediasvc.work.intake.sources`)."""
    kind, _, name = raw.partition(":")
    if name and kind == "source":
        return f"{name} (the sender)"
    if name and kind == "package":
        return f"an unnamed sender (package {name})"
    return raw
