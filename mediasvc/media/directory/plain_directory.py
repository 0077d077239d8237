"""The records of a DICOMDIR one by one, so that only one is in memory.

Plain ones are read byte by byte; pydicom reads all others, the first of every shape and a share of
the rest. Where it sees another record in the same bytes, or the sequence is odd as a whole, the
whole DICOMDIR is for pydicom.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Hashable, Iterator
from typing import Any

from pydicom import dcmread
from pydicom.filereader import read_sequence_item

from mediasvc.dicom.framing import Framing
from mediasvc.media.checking.checked_record import Noted, noted
from mediasvc.media.directory.plain_record import item_place, plain_record

RECORDS = 0x00041220
#: pydicom is shown one of so many records.
SHARE = 10
#: No record of undefined length, with an icon, is longer.
LONGEST = 1 << 20
ENCODING = "iso8859"


class NotPlainError(Exception):
    """This DICOMDIR is for pydicom alone."""


def plain_records(view: memoryview, framing: Framing) -> Iterator[Noted]:
    """The records in file order. Raises NotPlainError, perhaps after many of them."""
    at, end = _sequence(framing)
    shown: set[Hashable] = set()
    number = 0
    while at < end:
        try:
            start, stop, last = item_place(view, at, end)
        except (struct.error, ValueError):
            raise NotPlainError from None
        if not start:
            break
        record = plain_record(bytes(view[start:stop]), at) if last else None
        if record is None or number % SHARE == 0 or record.shape not in shown:
            theirs, last = _shown(view[at:last or at + LONGEST], at)
            if record not in (None, theirs):
                raise NotPlainError
            if record is not None:
                shown.add(record.shape)
            record = theirs
        yield record
        at, number = last, number + 1


def plain_head(view: memoryview, framing: Framing) -> Any:
    """What stands before the records, a pydicom Dataset."""
    return dcmread(io.BytesIO(view[:int(framing.elements[-1]["start"])]))


def every_record(data: Any) -> Iterator[Noted]:
    """The records of a pydicom Dataset. Raises whatever pydicom does."""
    element = data.get_item(RECORDS)
    if element is None:
        return
    if not isinstance(element.value, bytes):
        yield from map(noted, element.value)
        return
    stream = io.BytesIO(element.value)
    implicit, little = data.original_encoding
    while stream.tell() < len(element.value):
        item = read_sequence_item(stream, bool(implicit), bool(little), ENCODING,
                                  offset=element.value_tell)
        if item is None:
            return
        yield noted(item)


def _sequence(framing: Framing) -> tuple[int, int]:
    """Where the records begin and end in a DICOMDIR about which nothing is odd."""
    if (framing.odd or framing.verdict or framing.kind != "part10" or framing.implicit
            or framing.big_endian or framing.deflated or not len(framing.elements)):
        raise NotPlainError
    last = framing.elements[-1]
    if int(last["tag"]) != RECORDS or last["vr"] != b"SQ" or not last["length"]:
        raise NotPlainError
    return int(last["value"]), int(last["value"]) + int(last["length"])


def _shown(item: memoryview, offset: int) -> tuple[Noted, int]:
    """The record that pydicom sees in the bytes from ``offset`` on, and where it ends."""
    stream = io.BytesIO(item)
    try:
        record = read_sequence_item(stream, False, True, ENCODING, offset=offset)
        if record is not None:
            return noted(record), offset + stream.tell()
    except Exception as error:  # it cannot read what we could
        raise NotPlainError from error
    raise NotPlainError
