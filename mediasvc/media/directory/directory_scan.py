"""The wanted values of a plainly written DICOM file, in one pass over its first bytes.

Plain is: File Meta Information, Explicit or Implicit VR Little Endian, tags ascending, no unknown
VR. That is nearly every file of an archive.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from mediasvc.dicom.compose import Encoding
from mediasvc.media.directory.element_walk import (
    LONG,
    SHORT,
    UNDEFINED,
    UnreadableError,
    element_end,
)
from mediasvc.media.directory.sequence_bytes import EXPLICIT, IMPLICIT, explicit_items
from mediasvc.standard.directory_records import KEY_VRS, SOURCES
from mediasvc.standard.encodings import encoding_of

MEDIA_STORAGE_SOP_CLASS_UID = 0x00020002
TRANSFER_SYNTAX_UID = 0x00020010
SOP_CLASS_UID = 0x00080016
META = frozenset({MEDIA_STORAGE_SOP_CLASS_UID, TRANSFER_SYNTAX_UID})
META_END = 0x0002FFFF

_EXPLICIT_HEADER = struct.Struct("<HH2sH").unpack_from
_IMPLICIT_HEADER = struct.Struct("<HHI").unpack_from
_LENGTH = struct.Struct("<I").unpack_from

SEQUENCES = frozenset(
    {tag for tag, vr in KEY_VRS.items() if vr == "SQ"} | SOURCES)
Wanted = Callable[[str, str], tuple[frozenset[int], int]]


class NotPlainError(Exception):
    """The file needs the full reader."""


class Scan(NamedTuple):
    """``values``: tag → raw value, sequences as explicit little endian items."""

    values: dict[int, bytes]
    transfer_syntax_uid: str


def scan_values(data: bytes, whole: bool, key_set: str, wanted: Wanted) -> Scan:
    """Look for what ``wanted(sop_class_uid, key_set)`` names.

    ``whole``: nothing follows after ``data``. Raises struct.error when more bytes are needed,
    NotPlainError when the file is not as described above, and what ``wanted`` raises.
    """
    if data[128:132] != b"DICM":
        raise NotPlainError
    try:
        meta, start = _explicit(data, 132, META, META_END, whole)
        transfer_syntax = uid_text(meta.get(TRANSFER_SYNTAX_UID, b""))
        encoding = encoding_of(transfer_syntax)
        if not transfer_syntax or encoding.deflated or encoding.big_endian:
            raise NotPlainError
        sop_class = meta.get(MEDIA_STORAGE_SOP_CLASS_UID, b"").rstrip(b"\0 ")
        tags, last = wanted(uid_text(sop_class), key_set)
        walk = _implicit if encoding.implicit else _explicit
        values, _ = walk(data, start, tags, last, whole)
    except UnreadableError:
        raise NotPlainError from None
    if values.get(SOP_CLASS_UID, b"").rstrip(b"\0 ") != sop_class:
        raise NotPlainError
    return Scan(values, transfer_syntax)


def _explicit(
    data: bytes, at: int, wanted: frozenset[int], last: int, whole: bool
) -> tuple[dict[int, bytes], int]:
    values: dict[int, bytes] = {}
    before = -1
    end = len(data)
    while at < end or not whole:
        group, element, vr, length = _EXPLICIT_HEADER(data, at)
        tag = group << 16 | element
        if not before < tag <= last:
            if tag > last:
                break
            raise UnreadableError
        before = tag
        if vr in SHORT:
            at += 8 + length
            if tag in wanted:
                values[tag] = data[at - length:at]
        elif vr in LONG:
            at = _long(data, at, at + 12, _LENGTH(data, at + 8)[0], EXPLICIT, values, tag in wanted)
        else:
            raise UnreadableError
    _check(at, end, whole)
    return values, at


def _implicit(
    data: bytes, at: int, wanted: frozenset[int], last: int, whole: bool
) -> tuple[dict[int, bytes], int]:
    values: dict[int, bytes] = {}
    before = -1
    end = len(data)
    while at < end or not whole:
        group, element, length = _IMPLICIT_HEADER(data, at)
        tag = group << 16 | element
        if not before < tag <= last:
            if tag > last:
                break
            raise UnreadableError
        before = tag
        if length == UNDEFINED or tag in SEQUENCES:
            at = _long(data, at, at + 8, length, IMPLICIT, values, tag in wanted)
            continue
        value = at + 8
        at = value + length
        if tag in wanted:
            values[tag] = data[value:at]
    _check(at, end, whole)
    return values, at


def _long(
    data: bytes, at: int, value: int, length: int, encoding: Encoding, values: dict[int, bytes],
    wanted: bool,
) -> int:
    """Take over or skip what may be a sequence; the first byte after it."""
    undefined = length == UNDEFINED
    try:
        after = element_end(memoryview(data), at, encoding) if undefined else value + length
    except UnreadableError:
        # Cut by the window, or damaged: a larger window tells.
        raise struct.error from None
    if wanted:
        if after > len(data):
            raise struct.error
        group, element, _ = _IMPLICIT_HEADER(data, at)
        tag = group << 16 | element
        raw = data[value:after]
        if tag in SEQUENCES:
            unknown = not encoding.implicit and data[at + 4:at + 6] != b"SQ"
            raw = explicit_items(raw, IMPLICIT if unknown else encoding, undefined)
        values[tag] = raw
    return after


def _check(at: int, end: int, whole: bool) -> None:
    """A last value that was cut by the window, or by the end of the file."""
    if at > end:
        if whole:
            raise UnreadableError
        raise struct.error


def uid_text(raw: bytes) -> str:
    """A UID without padding; what is no ASCII shows."""
    return raw.rstrip(b" \0").decode("ascii", "replace")
