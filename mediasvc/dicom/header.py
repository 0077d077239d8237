"""What the index needs of an instance: from a framing, or fast from the first bytes of a file."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from mediasvc.dicom import walk_codes as codes
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.header_kernel import any_serious, gather, transfer_syntax
from mediasvc.dicom.header_values import RawValue, compose_header
from mediasvc.dicom.walk import DEFAULT_LIMITS
from mediasvc.dicom.walk_kernel import walk as kernel
from mediasvc.errors import DamagedError
from mediasvc.model import Finding, InstanceHeader
from mediasvc.span import Span
from mediasvc.standard.encodings import encoding_of
from mediasvc.standard.header_attributes import HEADER_ATTRIBUTES, LAST_HEADER_TAG, NUMBERS

#: Bytes read at first, and again where elements that are wanted lie further on.
_READS = (16 << 10, 256 << 10, 4 << 20)

_BY_FIELD = {attribute.field: place for place, attribute in enumerate(HEADER_ATTRIBUTES)}
_TAGS = np.array([attribute.tag for attribute in HEADER_ATTRIBUTES], np.int64)
#: Field order of `InstanceHeader`: texts, of which one is the transfer syntax, then numbers.
_FIELDS = [field.name for field in fields(InstanceHeader) if field.name in _BY_FIELD]
_TEXTS = [name for name in _FIELDS if name not in NUMBERS]
_NUMBERS = [name for name in _FIELDS if name in NUMBERS]
_SLOTS = np.array([_BY_FIELD[name] for name in _TEXTS + _NUMBERS], np.int64)
_SYNTAX_PLACE = [field.name for field in fields(InstanceHeader)].index("transfer_syntax_uid")
#: Oddities that the scan reads over; anything else it leaves to the full walk.
_SERIOUS = np.array([code for code in range(codes.CODES) if code not in (
    codes.ODD_LENGTH, codes.NESTED_DISORDER, codes.DELIMITER_LENGTH, codes.NEEDLESS_DELIMITER,
    codes.UNKNOWN_SEQUENCE)], np.int64)
for _array in (_TAGS, _SLOTS, _SERIOUS):
    _array.flags.writeable = False


def read_header(framing: Framing) -> InstanceHeader:
    """The header of a walked file; absent and unreadable values are empty or 0."""
    return examine_header(framing)[0]


def examine_header(framing: Framing) -> tuple[InstanceHeader, list[Finding]]:
    """The header and what is odd in its values."""
    values: dict[str, RawValue] = {}
    for attribute in HEADER_ATTRIBUTES:
        row = framing.find(attribute.tag)
        if row is not None:
            start = int(row["value"])
            raw = bytes(framing.body[start:start + int(row["length"])])
            values[attribute.field] = RawValue(raw, row["vr"].decode("latin-1"))
    return compose_header(values, framing.transfer_syntax_uid, big_endian=framing.big_endian)


class _Scratch(threading.local):
    """Buffers of one thread's scans, so that a scan allocates nothing."""

    def __init__(self) -> None:
        self.limits = np.array((DEFAULT_LIMITS.depth, DEFAULT_LIMITS.total, DEFAULT_LIMITS.few,
                                LAST_HEADER_TAG, 0, 0), np.int64)
        self.place = np.zeros(3, np.int64)
        self.rows = np.zeros(512, codes.KERNEL_ROW)
        self.problems = np.zeros((codes.CODES, 3), np.int64)
        self.state = np.zeros(codes.STATES, np.int64)
        self.places = np.zeros((len(_TAGS), 3), np.int64)
        self.text = np.zeros(8192, np.uint8)
        self.numbers = np.zeros(len(_NUMBERS), np.int64)


_SCRATCH = _Scratch()


def scan(source: Path | str | Span) -> InstanceHeader | None:
    """The header of a file or span, reading only its beginning where that is enough.

    None for what is not DICOM. It trusts the file more than `mediasvc.dicom.screening` does:
    it is for what was screened before, or for a first look. Raises OSError, and DamagedError for
    what is not a regular file.
    """
    path, offset, length = _source(source)
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise DamagedError("not a regular file")
        if length < 0:
            length = status.st_size
        for size in _READS:
            data = os.pread(fd, min(size, length), offset)
            answer = _first_look(data, length)
            if isinstance(answer, InstanceHeader):
                return answer
            if not answer:
                break
    finally:
        os.close(fd)
    return _whole(Span(str(path), offset, length))


def _source(source: Path | str | Span) -> tuple[Path | str, int, int]:
    if isinstance(source, Span):
        return source.path, source.offset, source.length
    return source, 0, -1


def _first_look(data: bytes, length: int) -> InstanceHeader | bool:
    """The header, True when more bytes would give it, False when the file is not plain enough."""
    scratch = _SCRATCH
    array = np.frombuffer(data, np.uint8)
    if not transfer_syntax(array, scratch.place):
        return False
    start, end, data_set = scratch.place.tolist()
    syntax = data[start:end].rstrip(b" \0").decode("latin-1")
    encoding = encoding_of(syntax)
    if encoding.deflated or not _vr_as_said(data, data_set, encoding.implicit):
        return False
    implicit, big_endian = int(encoding.implicit), int(encoding.big_endian)
    problems, state = scratch.problems, scratch.state
    problems.fill(0)
    state.fill(0)
    scratch.limits[codes.END] = length
    scratch.limits[codes.HOW] = codes.BEGINNING if len(data) < length else codes.SHALLOW
    kernel(array, data_set, implicit, big_endian, scratch.limits, scratch.rows, problems, state)
    verdict, _, found, _, _, _ = state.tolist()
    if verdict == codes.MORE:
        return len(data) < length
    if verdict != codes.OK or found > len(scratch.rows) or any_serious(problems, _SERIOUS):
        return False
    used = gather(array, big_endian, scratch.rows, found, _TAGS, _SLOTS, len(_TEXTS),
                  scratch.places, scratch.text, scratch.numbers)
    if used < 0:
        return _decoded(data, syntax, encoding.big_endian)
    texts: list[Any] = scratch.text[:used - 1].tobytes().decode("ascii").split("\0")
    texts.insert(_SYNTAX_PLACE, syntax)
    return InstanceHeader(*texts, *scratch.numbers.tolist())


def _vr_as_said(data: bytes, at: int, implicit: bool) -> bool:
    """Whether the first element has its VR where the transfer syntax puts it."""
    return data[at + 4:at + 6].isalpha() != implicit


def _decoded(data: bytes, syntax: str, big_endian: bool) -> InstanceHeader | bool:
    """The header from values that need decoding; True when one of them was not read yet."""
    values: dict[str, RawValue] = {}
    places = _SCRATCH.places.tolist()
    for attribute, (start, length, vr) in zip(HEADER_ATTRIBUTES, places, strict=True):
        if start < 0:
            continue
        if start + length > len(data):
            return True
        words = vr.to_bytes(2, "little").rstrip(b"\0").decode("latin-1")
        values[attribute.field] = RawValue(data[start:start + length], words)
    return compose_header(values, syntax, big_endian=big_endian)[0]


def _whole(span: Span) -> InstanceHeader | None:
    """The slow way for odd files: all bytes, walked in full."""
    with span.view() as view:
        try:
            framing = read_framing(view)
        except DamagedError:
            return None
        return read_header(framing)
