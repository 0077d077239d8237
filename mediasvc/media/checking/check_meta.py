"""File Meta Information, byte by byte (PS3.10 7.1, R10-8)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from mediasvc.model import Finding
from mediasvc.standard.encodings import encoding_of

#: Group, element, VR and a short VR's length (PS3.5 7.1.2).
HEADER = struct.Struct("<HH2sH")
LONG = frozenset({b"OB", b"OW", b"UN", b"UT", b"SQ"})
START = 132
NOTHING = (b"", 0)
#: (0002,0000), (0002,0001), (0002,0002), (0002,0003), (0002,0010), (0002,0012)
REQUIRED = {0x0000: "its length", 0x0001: "its version", 0x0002: "the SOP class",
            0x0003: "the SOP instance", 0x0010: "the transfer syntax",
            0x0012: "the implementation"}


def check_meta(view: memoryview) -> Iterator[Finding]:
    """What is wrong with the meta information of a Part 10 file, whatever it is."""
    for text in meta_trouble(meta_elements(view)):
        yield Finding("error", "rule-r10-8", "", text, "R10-8")


def meta_trouble(found: Mapping[int, tuple[bytes, int]]) -> list[str]:
    """What is wrong with `meta_elements`, in words."""
    trouble = [f"the file meta information does not say {words}"
               for element, words in REQUIRED.items() if not found.get(element, NOTHING)[0]]
    if len(found.get(0x0000, NOTHING)[0]) == 4:
        stated = int.from_bytes(found[0x0000][0], "little")
        if START + 12 + stated != max(end for _, end in found.values()):
            trouble.append("the length of the file meta information is wrong")
    if found.get(0x0001, (b"\0\1", 0))[0] != b"\0\1":
        trouble.append("the version of the file meta information is not 00 01")
    return trouble


def encoded_as_said(view: memoryview, transfer_syntax_uid: str) -> bool:
    """Whether the first element of the data set shows its VR exactly when it should (PS3.5 7.1)."""
    encoding = encoding_of(transfer_syntax_uid)
    end = max((end for _, end in meta_elements(view).values()), default=START)
    if encoding.deflated or end + 8 > len(view):
        return True
    vr = bytes(view[end + 4:end + 6])
    return (vr.isalpha() and vr.isupper()) != encoding.implicit


def meta_elements(view: memoryview | bytes) -> dict[int, tuple[bytes, int]]:
    """Element number → (value, end) of group 0002, up to the first that reaches past the end."""
    found: dict[int, tuple[bytes, int]] = {}
    at, size = START, len(view)
    while at + 8 <= size:
        group, element, vr, length = HEADER.unpack_from(view, at)
        if group != 2:
            break
        at += 8
        if vr in LONG:
            length, at = int.from_bytes(view[at:at + 4], "little"), at + 4
        found[element] = bytes(view[at:at + length]), at + length
        at += length
    return found
