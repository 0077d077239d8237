"""A plain text as headings and paragraphs, and what is needed to give it back byte for byte."""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from mediasvc.media.foreign.text_language import language_of
from mediasvc.media.foreign.wrap_facts import TextFacts
from mediasvc.media.window import Window
from mediasvc.standard.report_headings import heading_of

#: Longer ones are no reports.
TEXT_LIMIT, MOST_PARTS = 4 << 20, 10_000
_BREAK = re.compile(r"(\r\n|\r|\n)")
BLANK = " \t\f"
#: What UT may hold of the control characters (PS3.5 6.1.3).
_ALLOWED = frozenset("\t\r\n\f")
#: Beginnings of texts that are the source of something else.
_MARKUP = re.compile(r"\s*(?:<\?xml|<!doctype|<html|<svg|\{\\rtf)", re.IGNORECASE)
#: How much of a text of 8 bits is letters, figures and blanks of ASCII at least.
_PLAIN = 0.6


def probe_text(window: Window) -> tuple[TextFacts, dict[str, Any]]:
    """(facts, ``{"parts": [[kind, text]], "recipe": …}``), kind ``heading`` or ``text``.

    Lines of a part are divided by CR LF. Raises UnsupportedError, DamagedError, BudgetError.
    """
    if window.length > TEXT_LIMIT:
        raise BudgetError("a text of more than 4 MiB is not taken; save it as PDF")
    data = window.read(0, window.length)
    text, encoding = decoded(data)
    if _MARKUP.match(text):
        raise UnsupportedError("it is the source of a page (HTML, XML or RTF), not a plain text",
                               "Save it as PDF first.")
    mark = text[:1] if encoding.startswith("utf-16") else ""
    parts: list[list[str]] = []
    gaps: list[str] = []
    breaks: list[str] = []
    for kind, gap, part in _parts(text[len(mark):]):
        lines = _BREAK.split(part)
        breaks += lines[1::2]
        parts.append([kind, "\r\n".join(lines[::2])])
        gaps.append(gap)
        if len(parts) > MOST_PARTS:
            raise BudgetError("it has more paragraphs than a report; save it as PDF")
    tail = gaps.pop()
    parts.pop()
    if gaps:
        gaps[0] = mark + gaps[0]
    if not parts:
        raise DamagedError("the text is empty")
    recipe = {"encoding": encoding, "gaps": gaps, "tail": tail, "breaks": _alike(breaks),
              "sha256": hashlib.sha256(data).hexdigest()}
    if rebuilt([one for _, one in parts], recipe) != data:
        raise UnsupportedError("the text cannot be kept so that it comes back as it was")
    notes = () if encoding != "cp1252" else (
        "the text does not say in which character set it is; it was read as Western European",)
    return TextFacts("text", encoding, language_of(text), notes), {"parts": parts,
                                                                   "recipe": recipe}


def decoded(data: bytes) -> tuple[str, str]:
    """(text, codec). Raises UnsupportedError for what is no text in a known character set."""
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16-le"),
                           (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return _read(data, encoding), encoding
    try:
        return _read(data, "utf-8"), "utf-8"
    except UnsupportedError:
        plain = sum(1 for one in data if one in b"\t\r\n\f " or 48 <= one <= 57
                    or 65 <= one <= 90 or 97 <= one <= 122)
        if plain < _PLAIN * len(data):
            raise
        return _read(data, "cp1252"), "cp1252"


def _read(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise UnsupportedError("it is no text in a known character set",
                               "Save it as UTF-8.") from None
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in _ALLOWED for one in set(text)):
        raise UnsupportedError("it is no plain text: it has control characters")
    return text


def _parts(text: str) -> Iterator[tuple[str, str, str]]:
    """(kind, what stands before, text); the last one is empty. Gaps hold blanks and breaks only."""
    gap, part = "", ""
    pieces = _BREAK.split(text)
    for line, end in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        if not line.strip(BLANK):
            if part:
                kept = part.rstrip(BLANK + "\r\n")
                yield "text", gap, kept
                gap, part = part[len(kept):], ""
            gap += line + end
            continue
        if not part:  # viewers drop the blanks before a text
            bare = line.lstrip(BLANK)
            gap, line = gap + line[:len(line) - len(bare)], bare
            if heading_of(line) is not None:
                kept = line.rstrip(BLANK)
                yield "heading", gap, kept
                gap = line[len(kept):] + end
                continue
        part += line + end
    kept = part.rstrip(BLANK + "\r\n")
    if kept:
        yield "text", gap, kept
        gap = part[len(kept):]
    yield "text", gap, ""


def _alike(breaks: list[str]) -> list[str]:
    """One where all are the same."""
    return breaks[:1] if len(set(breaks)) == 1 else breaks


def rebuilt(parts: list[str], recipe: dict[str, Any]) -> bytes:
    """The bytes of the text again. Raises ValueError where parts and recipe do not fit."""
    breaks = list(recipe["breaks"])
    count = sum(part.count("\r\n") for part in parts)
    if len(breaks) == 1:
        breaks *= count
    if len(breaks) != count:
        raise ValueError("line breaks")
    following = iter(breaks)
    out = []
    for gap, part in zip(recipe["gaps"], parts, strict=True):
        out += [gap, re.sub("\r\n", lambda _: next(following), part)]
    return str("".join(out) + recipe["tail"]).encode(recipe["encoding"])
