"""Frames of DER: what stands around a value that is too long to be held (ITU-T X.690 8.1, 10.1)."""

from __future__ import annotations

from dataclasses import dataclass

from mediasvc.errors import DamagedError

SEQUENCE, SET, OCTETS, INTEGER, OBJECT = 0x30, 0x31, 0x04, 0x02, 0x06
#: [0] around a value, and in the place of its own tag.
EXPLICIT, IMPLICIT = 0xA0, 0x80
#: An indefinite length.
_UNKNOWN = 0x80


def head(tag: int, length: int) -> bytes:
    """Tag and length."""
    if length < 0x80:
        return bytes((tag, length))
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big")


def around(tags: tuple[int, ...], before: bytes, length: int) -> bytes:
    """All that stands before a value of ``length`` bytes which ends the values of all ``tags``, the
    outermost first; ``before`` stands between the last of them and the value."""
    made = before
    for tag in reversed(tags):
        made = head(tag, len(made) + length) + made
    return made


@dataclass(frozen=True, slots=True)
class Frame:
    """A value from ``start`` to ``end``; ``end`` is -1 where its length is indefinite."""

    tag: int
    start: int
    end: int


def frame(data: bytes, at: int) -> Frame:
    """The one that begins at ``at``; the value itself need not be in ``data``. Raises DamagedError
    for what is none."""
    if at + 2 > len(data):
        raise DamagedError("the envelope is damaged")
    tag, first = data[at], data[at + 1]
    if first == _UNKNOWN:
        return Frame(tag, at + 2, -1)
    size = first & 0x7F if first & 0x80 else 0
    if size > 8 or at + 2 + size > len(data):
        raise DamagedError("the envelope is damaged")
    start = at + 2 + size
    return Frame(tag, start, start + (int.from_bytes(data[at + 2:start], "big") if size else first))
