"""Aligned columns for a terminal; foreign text is made harmless on the way."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of text, columns padded to their widest cell; ``head`` may be empty."""
    from mediasvc.dicom.text import display

    lines = [[display(cell) for cell in row] for row in rows]
    if head:
        lines.insert(0, list(head))
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell + " " * (wide - width(cell))
                               for cell, wide in zip(line, widths, strict=True)).rstrip()
                     for line in lines)


def width(text: str) -> int:
    """Columns that the text takes on a terminal: East Asian wide characters take two."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.category(character) == "Mn"
               else 2 if unicodedata.east_asian_width(character) in "WF" else 1
               for character in text)
