"""Referenced File ID: the way from the DICOMDIR to a file (PS3.10 8.2, R10-3; fault M01)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from sys import intern

CONFORMING = re.compile(r"[A-Z0-9_]{1,8}")
COMPONENTS = 8
#: A whole value of (0004,1500) as it should be, at most one byte of padding included.
CONFORMING_PATH = re.compile(rb"[A-Z0-9_]{1,8}(\\[A-Z0-9_]{1,8}){0,7}[ \0]?")
#: Beyond these no file system that we read could hold the file.
DEPTH_LIMIT = 32
LENGTH_LIMIT = 255

#: Kinds of names that are odd but usable, in a clerk's words.
ODDITIES = {
    "lower-case": "with lower case letters",
    "extension": "with an extension",
    "long": "with a part of more than 8 characters",
    "deep": "in more than 8 levels",
    "slash": "with slashes instead of separate parts",
    "characters": "with characters other than A-Z, 0-9 and _",
}


@dataclass(frozen=True, slots=True)
class FileId:
    """The parts of a path; ``outside`` when following it could leave the medium."""

    parts: tuple[str, ...]
    oddities: tuple[str, ...] = ()
    outside: bool = False


def parse_file_id(raw: bytes) -> FileId:
    """The value of (0004,1500) as parts, with what is wrong with it. Never raises."""
    if CONFORMING_PATH.fullmatch(raw):
        # Folders are shared by many, and names by the series of a disc.
        return FileId(tuple(map(intern, raw.decode("ascii").rstrip(" \0").split("\\"))))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    # Padding differs by writer: a space, a NUL, sometimes in every value.
    slashed = "/" in text
    parts = [part.strip(" \0") for part in text.strip(" \0").replace("/", "\\").split("\\")]
    while parts and parts[-1] in ("", "."):
        parts.pop()
    outside = _outside(parts)
    kept = tuple(part for part in parts if part != "." and (part or outside))
    return FileId(kept, _oddities(kept, slashed) if not outside else (), outside)


def _outside(parts: list[str]) -> bool:
    """Climbing, absolute, with a drive, or not a name at all."""
    return (
        ".." in parts
        or len(parts) > DEPTH_LIMIT
        or any(part == "" or part[1:2] == ":" for part in parts[:1])
        or any(len(part) > LENGTH_LIMIT or not part.isprintable() for part in parts)
    )


def _oddities(parts: tuple[str, ...], slashed: bool) -> tuple[str, ...]:
    if not slashed and len(parts) <= COMPONENTS and all(map(CONFORMING.fullmatch, parts)):
        return ()
    stem, dot, _ = parts[-1].rpartition(".") if parts else ("", "", "")
    plain = "".join(parts[:-1]) + (stem if dot else "".join(parts[-1:]))
    found = {
        "lower-case": any(part != part.upper() for part in parts),
        "extension": bool(dot),
        "long": any(len(part) > 8 for part in (*parts[:-1], stem or "".join(parts[-1:]))),
        "deep": len(parts) > COMPONENTS,
        "slash": slashed,
        "characters": bool(re.search(r"[^A-Za-z0-9_]", plain)),
    }
    return tuple(kind for kind, present in found.items() if present)
