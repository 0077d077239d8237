"""File Meta Information, byte by byte (PS3.10 7.1, R10-8)."""

from __future__ import annotations

from collections.abc import Iterator

from mediasvc.model import Finding
from mediasvc.standard.encodings import encoding_of

LONG = frozenset({b"OB", b"OW", b"UN", b"UT", b"SQ"})
START = 132
#: (0002,0000), (0002,0001), (0002,0002), (0002,0003), (0002,0010), (0002,0012)
REQUIRED = {0x0000: "its length", 0x0001: "its version", 0x0002: "the SOP class",
            0x0003: "the SOP instance", 0x0010: "the transfer syntax",
            0x0012: "the implementation"}


def check_meta(view: memoryview) -> Iterator[Finding]:
    """What is wrong with the meta information of a Part 10 file, whatever it is."""
    found = dict(_elements(view))
    for element, words in REQUIRED.items():
        if element not in found or not found[element][0]:
            yield _finding(f"the file meta information does not say {words}")
    if 0x0000 in found and len(found[0x0000][0]) == 4:
        stated = int.from_bytes(found[0x0000][0], "little")
        end = max(end for _, end in found.values())
        if START + 12 + stated != end:
            yield _finding("the length of the file meta information is wrong")
    if found.get(0x0001, (b"\0\1", 0))[0] != b"\0\1":
        yield _finding("the version of the file meta information is not 00 01")


def encoded_as_said(view: memoryview, transfer_syntax_uid: str) -> bool:
    """Whether the first element of the data set shows its VR exactly when it should (PS3.5 7.1)."""
    encoding = encoding_of(transfer_syntax_uid)
    end = max((end for _, (_, end) in _elements(view)), default=START)
    if encoding.deflated or end + 8 > len(view):
        return True
    vr = bytes(view[end + 4:end + 6])
    return (vr.isalpha() and vr.isupper()) != encoding.implicit


def _finding(text: str) -> Finding:
    return Finding("error", "rule-r10-8", "", text, "R10-8")


def _elements(view: memoryview) -> Iterator[tuple[int, tuple[bytes, int]]]:
    """Element number → (value without padding zeros of UIDs, end) of group 0002."""
    at = START
    while at + 8 <= len(view) and bytes(view[at:at + 2]) == b"\2\0":
        element = int.from_bytes(view[at + 2:at + 4], "little")
        head = 12 if bytes(view[at + 4:at + 6]) in LONG else 8
        length = int.from_bytes(view[at + 8:at + 12] if head == 12 else view[at + 6:at + 8],
                                "little")
        value = bytes(view[at + head:at + head + length])
        at += head + length
        yield element, (value, at)
        if at > len(view):
            return
