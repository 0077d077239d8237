"""Findings about one file; the caller fills in the subject."""

from __future__ import annotations

from mediasvc.model import Finding


def error(code: str, text: str, rule: str) -> Finding:
    """Something that keeps the file out."""
    return Finding("error", code, "", text, rule)


def warning(code: str, text: str, rule: str) -> Finding:
    """Something odd with which the file may enter."""
    return Finding("warning", code, "", text, rule)


def tag_words(tag: int) -> str:
    """A tag as the standard writes it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
