"""Folders of the inbox whose names say whose the files in them are (setting ``[wrap] naming``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import Formatter

from mediasvc.work.wrapping.wrap_identity import WORDS


class Naming:
    """A rule such as ``{patient_id}@{issuer}/{modality}``: one pattern for each folder level.

    A field holds no character of the literal that follows it, so that a name is read in one way
    only.
    """

    def __init__(self, rule: str) -> None:
        self._levels = [_level(part) for part in rule.split("/")]

    def begins(self, name: str) -> bool:
        """Whether a folder of the inbox is named as the rule begins."""
        return self._levels[0].fullmatch(name) is not None

    def read(self, folders: Sequence[str]) -> dict[str, str] | None:
        """Attributes by keyword of the files that lie in ``folders``; None where they do not fit.
        """
        if len(folders) != len(self._levels):
            return None
        said: dict[str, str] = {}
        for pattern, name in zip(self._levels, folders, strict=True):
            found = pattern.fullmatch(name)
            if found is None:
                return None
            said |= found.groupdict()
        return {WORDS.get(field, field): value for field, value in said.items()}


def _level(part: str) -> re.Pattern[str]:
    pieces = list(Formatter().parse(part))
    out = ""
    for number, (literal, field, _, _) in enumerate(pieces):
        out += re.escape(literal)
        if field is not None:
            following = pieces[number + 1][0][:1] if number + 1 < len(pieces) else ""
            out += f"(?P<{field}>[^/{re.escape(following)}]+)"
    return re.compile(out)
