"""Names in UDF: OSTA compressed Unicode (UDF 2.1.1) and dstrings (ECMA-167 1/7.2.12)."""

from __future__ import annotations

#: The first byte says how many bits each character has.
EIGHT, SIXTEEN = 8, 16


def decode_name(raw: bytes) -> str | None:
    """The characters of ``raw``; None when it is no OSTA compressed Unicode.

    16-bit names are UTF-16 in practice; a lone surrogate passes through, to be written out later.
    """
    if not raw:
        return ""
    if raw[0] == EIGHT:
        return raw[1:].decode("latin-1")
    if raw[0] == SIXTEEN and len(raw) % 2:
        return raw[1:].decode("utf-16-be", "surrogatepass")
    return None


def decode_dstring(raw: bytes) -> str:
    """A field of fixed length whose last byte is the length in use; empty if it makes no sense."""
    used = raw[-1]
    return (decode_name(raw[:used]) or "") if used < len(raw) else ""
