"""Names of files on foreign media, made fit to be shown. A label is never a path (FAULTS M13)."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable, Sequence

#: A label longer than this is cut in the middle; no file system takes such a name.
LABEL_LIMIT = 1024
COMPONENT_LIMIT = 255
_CUT = "…"


def display(text: str) -> str:
    """``text`` with every character that could deceive a reader or a terminal written out.

    Control, format (bidi, zero width), separator and unassigned characters become ``\\xNN``,
    ``\\uNNNN`` or ``\\UNNNNNNNN``; bytes that were no text (surrogateescape) become ``\\xNN``.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character == " " or character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def label(parts: Sequence[str]) -> str:
    """The displayed path of a file: components joined with ``/``, at most `LABEL_LIMIT` long.

    A ``/`` inside one component (Rock Ridge and Joliet can hold it) is written out.
    """
    shown = "/".join(
        display(part).replace("/", "\\x2f") if "/" in part else display(part) for part in parts)
    if len(shown) <= LABEL_LIMIT:
        return shown
    half = (LABEL_LIMIT - 1) // 2
    return shown[:half] + _CUT + shown[-half:]


def hides_something(parts: Iterable[str]) -> bool:
    """Whether `label` had to write out a character."""
    return any(not part.isprintable() for part in parts)


def refusal(parts: Sequence[str], depth: int) -> tuple[str, str] | None:
    """(words, rule) when a file of this name may not enter, else None.

    Refused are names that climb (M10), nest deeper than ``depth`` folders or have a component
    that no file system could hold (M19).
    """
    if ".." in parts:
        return "its name climbs out of the package", "M10"
    if len(parts) - 1 > depth:
        return f"it lies more than {depth} folders deep", "M19"
    if any(len(part) > COMPONENT_LIMIT for part in parts):
        return f"its name is longer than {COMPONENT_LIMIT} characters", "M19"
    return None


def fold(name: str) -> str:
    """What a file system that ignores case and Unicode form would take ``name`` for (M12)."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Ignore:
    """Name patterns of what operating systems leave behind; case does not count."""

    def __init__(self, patterns: Iterable[str]) -> None:
        joined = "|".join(fnmatch.translate(pattern.lower()) for pattern in patterns)
        self._pattern = re.compile(joined) if joined else None

    def __call__(self, parts: Iterable[str]) -> bool:
        """Whether a component of the name is to be passed over."""
        pattern = self._pattern
        return pattern is not None and any(pattern.match(part.lower()) for part in parts)


def collisions(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that a file system without case or Unicode form would take for one."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(fold(name), []).append(name)
    return [sorted(group) for group in groups.values() if len(group) > 1]
