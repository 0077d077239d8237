"""Base64 as messages have it: lines of 76 characters (RFC 2045 6.8), piece by piece."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable, Iterator

#: Octets in a line, and what the line takes with its end.
LINE, WRITTEN = 57, 78
_CHARACTERS = 76


def in_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """No line end stands behind the last line."""
    rest, end = b"", b""
    for chunk in chunks:
        data = rest + chunk
        whole = len(data) // LINE * LINE
        rest = data[whole:]
        if whole:
            text = b2a_base64(data[:whole], newline=False)
            yield end + b"\r\n".join(text[at:at + _CHARACTERS]
                                     for at in range(0, len(text), _CHARACTERS))
            end = b"\r\n"
    if rest:
        yield end + b2a_base64(rest, newline=False)


def length_in_lines(length: int) -> int:
    """Of what `in_lines` makes of so many bytes."""
    lines = -(-length // LINE)
    return -(-length // 3) * 4 + 2 * max(0, lines - 1)
