"""What the index needs of an instance: from a framing, or fast from the first bytes of a file."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mediasvc.dicom import walk_codes as codes
from mediasvc.dicom.file_meta import uid_text
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.header_kernel import any_serious, gather, transfer_syntax
from mediasvc.dicom.header_values import RAW_LIMIT, RawValue, compose_header
from mediasvc.dicom.walk import DEFAULT_LIMITS
from mediasvc.dicom.walk_kernel import walk as kernel
from mediasvc.errors import DamagedError
from mediasvc.model import Finding, InstanceHeader
from mediasvc.span import Span
from mediasvc.standard.encodings import DataSetEncoding, encoding_of
from mediasvc.standard.header_attributes import HEADER_ATTRIBUTES, LAST_HEADER_TAG, NUMBERS

#: Bytes read at first, and again where elements that are wanted lie further on.
_READS = (16 << 10, 256 << 10, 4 << 20)
#: So much of a file is enough for most headers.
BEGINNING = _READS[0]

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
    if not framing.odd:
        array = np.frombuffer(framing.body, np.uint8)
        rows = framing.elements.view(codes.KERNEL_ROW)
        header = _plain_header(array, int(framing.big_endian), rows, len(rows),
                               framing.transfer_syntax_uid)
        if header is not None:
            return header, []
    values = {attribute.field: RawValue(raw, framing.vr(attribute.tag))
              for attribute in HEADER_ATTRIBUTES
              if (raw := framing.value(attribute.tag, RAW_LIMIT + 1)) is not None}
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
        os.posix_fadvise(fd, offset, length, os.POSIX_FADV_RANDOM)  # nothing behind it is wanted
        for size in _READS:
            data = os.pread(fd, min(size, length), offset)
            answer = _first_look(data, length)
            if isinstance(answer, InstanceHeader):
                return answer
            if answer == "odd":
                break
    finally:
        os.close(fd)
    return _whole(Span(str(path), offset, length))


def scan_beginning(data: bytes, length: int) -> InstanceHeader | None:
    """The header that `scan` finds in a file of ``length`` bytes that begins with ``data``; None
    where it takes more than `BEGINNING` bytes, or the full walk, to know it."""
    answer = _first_look(data, length)
    return answer if isinstance(answer, InstanceHeader) else None


def _source(source: Path | str | Span) -> tuple[Path | str, int, int]:
    if isinstance(source, Span):
        return source.path, source.offset, source.length
    return source, 0, -1


def _first_look(data: bytes, length: int) -> InstanceHeader | Literal["more", "odd"]:
    """The header; or ``more`` when a longer beginning would give it, ``odd`` for the full walk."""
    scratch = _SCRATCH
    array = np.frombuffer(data, np.uint8)
    if not transfer_syntax(array, scratch.place):
        return "odd"
    start, end, data_set = scratch.place.tolist()
    syntax = uid_text(data[start:end])
    encoding = encoding_of(syntax)
    if encoding.deflated or data[data_set + 4:data_set + 6].isalpha() == encoding.implicit:
        return "odd"
    verdict, found = _walk_beginning(array, data_set, length, encoding)
    if verdict == codes.MORE and len(data) < length:
        return "more"
    if (verdict != codes.OK or found > len(scratch.rows)
            or any_serious(scratch.problems, _SERIOUS)):
        return "odd"
    header = (_plain_header(array, int(encoding.big_endian), scratch.rows, found, syntax)
              or _decoded(data, syntax, encoding.big_endian))
    if header is None:
        return "more"
    return header if _names_itself(header) else "odd"


def _walk_beginning(array: NDArray[np.uint8], data_set: int, length: int,
                    encoding: DataSetEncoding) -> tuple[int, int]:
    """(verdict, elements found) of a walk along the top level that leaves them in the scratch
    buffers."""
    scratch = _SCRATCH
    scratch.problems.fill(0)
    scratch.state.fill(0)
    scratch.limits[codes.END] = length
    scratch.limits[codes.HOW] = codes.BEGINNING if len(array) < length else codes.SHALLOW
    kernel(array, data_set, int(encoding.implicit), int(encoding.big_endian), scratch.limits,
           scratch.rows, scratch.problems, scratch.state)
    verdict, _, found, *_ = scratch.state.tolist()
    return verdict, found


def _names_itself(header: InstanceHeader) -> bool:
    """Where UIDs are missing, elements may stand out of order beyond what was read."""
    return bool(header.sop_instance_uid and header.study_instance_uid
                and header.series_instance_uid)


def _plain_header(array: NDArray[np.uint8], big_endian: int, rows: NDArray[np.void], count: int,
                  syntax: str) -> InstanceHeader | None:
    """The header where all values are plain ASCII; the places of its elements are left behind in
    the scratch buffers."""
    scratch = _SCRATCH
    used = gather(array, big_endian, rows, count, _TAGS, _SLOTS, len(_TEXTS), scratch.places,
                  scratch.text, scratch.numbers)
    if used < 0:
        return None
    texts: list[Any] = scratch.text[:used - 1].tobytes().decode("ascii").split("\0")
    texts.insert(_SYNTAX_PLACE, syntax)
    return InstanceHeader(*texts, *scratch.numbers.tolist())


def _vr_as_said(data: bytes, at: int, implicit: bool) -> bool:
    """Whether the first element has its VR where the transfer syntax puts it."""
    return data[at + 4:at + 6].isalpha() != implicit


def _decoded(data: bytes, syntax: str, big_endian: bool) -> InstanceHeader | None:
    """The header from values that need decoding; None when one of them was not read yet."""
    values: dict[str, RawValue] = {}
    places = _SCRATCH.places.tolist()
    for attribute, (start, length, vr) in zip(HEADER_ATTRIBUTES, places, strict=True):
        if start < 0:
            continue
        if start + length > len(data):
            return None
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
