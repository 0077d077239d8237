"""What a child or the sandbox tells of something that it read, as a sentence."""

from __future__ import annotations

#: First words of answers that tell what the file itself did; others only say why it failed.
_VERBS = frozenset({"became", "cannot", "changed", "could", "ended", "is", "needs", "took"})


def said_of(what: str, text: str) -> str:
    """``what`` is a subject such as "This file"."""
    if text.partition(" ")[0] in _VERBS:
        return f"{what} {text}."
    return f"{what} cannot be read: {text}."
