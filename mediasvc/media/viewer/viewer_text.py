"""How much text bytes become in the viewer's data (`viewer_samples.in_text`)."""

from __future__ import annotations

#: Of each code unit.
UNIT_BITS = 15


def text_bytes(length: int) -> int:
    """What ``length`` bytes take on the disc."""
    return 2 * -(-length * 8 // UNIT_BITS)
