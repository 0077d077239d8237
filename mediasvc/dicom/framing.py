"""What the bytes of a DICOM file say of themselves: preamble, file meta, elements (PS3.10 7)."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mediasvc.dicom import walk_codes as codes
from mediasvc.dicom.bare import sniff_bare
from mediasvc.dicom.encoding_seen import is_ambiguous, look
from mediasvc.dicom.file_meta import (
    TRANSFER_SYNTAX_UID,
    FileMeta,
    MetaElement,
    has_prefix,
    read_meta,
    read_preamble,
    uid_text,
)
from mediasvc.dicom.findings import error, warning
from mediasvc.dicom.inflate import inflate
from mediasvc.dicom.pixel_place import PIXEL_TAGS, PixelDataPlace
from mediasvc.dicom.walk import DEFAULT_LIMITS, Limits, walk
from mediasvc.dicom.walk_faults import findings_of
from mediasvc.errors import DamagedError
from mediasvc.model import Finding
from mediasvc.standard.encodings import DataSetEncoding, encoding_of, plain_syntax
from mediasvc.standard.preambles import LENGTH, Preamble

Kind = Literal["part10", "bare"]

#: In a row of `walk_codes.ROW`: start, value and length; undefined before them.
_PLACES, _PIXEL = struct.Struct("<qqq"), struct.Struct("<?xqqq")
_ROW_BYTES = codes.ROW.itemsize
_PLACES_AT, _PIXEL_AT = (codes.ROW.fields[name][1]  # type: ignore[index]
                         for name in ("start", "undefined"))
#: Bytes that a deflated data set may grow to.
INFLATE_LIMIT = 512 << 20


class NotDicomError(DamagedError):
    """These bytes are no DICOM file."""


@dataclass(frozen=True)
class Framing:
    """Where everything lies.

    ``elements`` (dtype `walk_codes.ROW`, top level, file order), ``dataset_start``, ``end`` and
    ``pixel`` count in ``body``: the file itself, or the inflated data set of a deflated one.
    ``meta_start``, ``meta_end`` and ``meta`` count in the file as received. ``end`` is where the
    data set ends; trailing zeros or foreign bytes may follow. ``transfer_syntax_uid`` is what the
    file says, or, where it says nothing, what its bytes show; ``implicit``, ``big_endian`` always
    are what the bytes show. Findings have an empty subject.
    """

    kind: Kind
    preamble: Preamble
    transfer_syntax_uid: str
    implicit: bool
    big_endian: bool
    deflated: bool
    body: memoryview
    meta_start: int
    meta_end: int
    dataset_start: int
    end: int
    elements: NDArray[np.void]
    meta: dict[int, MetaElement]
    findings: tuple[Finding, ...]
    verdict: int = codes.OK
    """`walk_codes.OK` when the walk reached the end, else the code of what stopped it."""
    count: int = 0
    """Elements, items and delimiters on all levels."""
    odd: bool = False
    """Whether anything was seen that another parser may read in another way."""
    head: bytes = b""
    """The received bytes before the data set."""
    pixel: PixelDataPlace | None = field(init=False)
    tags: bytes = field(init=False, repr=False, compare=False)
    """Of all elements (u4, little endian): equal for instances of a series, so to cache by."""
    index: dict[int, int] = field(init=False, repr=False, compare=False)
    """tag → row number of its first occurrence at top level; never to be changed."""
    _table: bytes = field(init=False, repr=False, compare=False)
    """The elements as they lie in memory, much faster to pick from."""

    def __post_init__(self) -> None:
        tags = self.elements["tag"].tobytes()
        index, table = _index(tags), self.elements.tobytes()
        vars(self).update(tags=tags, index=index, _table=table,
                          pixel=_pixel(table, index, self.big_endian))

    @property
    def damaged(self) -> bool:
        """Whether an error finding stands against the file."""
        return any(finding.severity == "error" for finding in self.findings)

    def start(self, row: int) -> int:
        """Where the element of that row begins; for the row behind the last, where all end."""
        return self.end if row == len(self.elements) else self._places(row)[0]

    def find(self, tag: int) -> Any | None:
        """The row of the first element with this tag at top level (fields of `walk_codes.ROW`)."""
        row = self.index.get(tag)
        return None if row is None else self.elements[row]

    def value(self, tag: int, most: int = sys.maxsize) -> bytes | None:
        """The value's bytes as they stand, padding included, up to ``most`` of them; group 0002
        from the file meta."""
        if tag >> 16 == 2 and tag in self.meta:
            return self._meta_value(tag)[:most]
        return self._value(tag, most)

    def values(self, tags: Iterable[int], most: int = sys.maxsize) -> list[bytes | None]:
        """`value` of several tags of the data set."""
        return [self._value(tag, most) for tag in tags]

    def view(self, tag: int) -> memoryview | None:
        """The value of the data set without a copy."""
        place = self.index.get(tag)
        if place is None:
            return None
        _, value, length = self._places(place)
        return self.body[value:value + length]

    def element(self, tag: int) -> bytes | None:
        """The first element with this tag at top level as it stands, header and value."""
        place = self.index.get(tag)
        if place is None:
            return None
        start, value, length = self._places(place)
        return bytes(self.body[start:value + length])

    def vr(self, tag: int) -> str:
        """The VR as the data set says it, ``""`` when it does not or has no such element."""
        place = self.index.get(tag)
        return "" if place is None else bytes(self.elements["vr"][place]).decode("latin-1")

    def meta_uid(self, tag: int) -> str:
        """A UID of the file meta without padding, ``""`` when absent."""
        return uid_text(self._meta_value(tag)[:256])

    def _value(self, tag: int, most: int) -> bytes | None:
        place = self.index.get(tag)
        if place is None:
            return None
        _, value, length = self._places(place)
        return bytes(self.body[value:value + (length if length < most else most)])

    def _places(self, row: int) -> tuple[int, int, int]:
        """start, value, length"""
        places: tuple[int, int, int] = _PLACES.unpack_from(
            self._table, row * _ROW_BYTES + _PLACES_AT)
        return places

    def _meta_value(self, tag: int) -> bytes:
        place = self.meta.get(tag)
        return self.head[place.value:place.value + place.length] if place else b""


@lru_cache(maxsize=64)
def _index(tags: bytes) -> dict[int, int]:
    """Of the tags of all elements (u4, little endian); the instances of a series share it."""
    numbers = np.frombuffer(tags, "<u4").tolist()
    return dict(zip(reversed(numbers), range(len(numbers) - 1, -1, -1), strict=True))


def is_dicom(view: memoryview) -> bool:
    """Whether these bytes are a DICOM file: by ``DICM`` at 128, or by a data set without file
    meta that fills the file to its end (P10)."""
    return has_prefix(view) or sniff_bare(view) is not None


def read_framing(view: memoryview, *, inflate_limit: int = INFLATE_LIMIT,
                 limits: Limits = DEFAULT_LIMITS) -> Framing:
    """The framing of any bytes. Raises NotDicomError for what is no DICOM file at all, DamagedError
    when a deflated data set is broken, BudgetError when it grows beyond ``inflate_limit``."""
    if has_prefix(view):
        preamble, findings = read_preamble(view)
        meta = read_meta(view, LENGTH + 4)
        return _data_set(view, meta, inflate_limit, limits, "part10", preamble, findings)
    bare = sniff_bare(view)
    if bare is None:
        raise NotDicomError
    meta = read_meta(view, 0) if bare.has_meta else FileMeta(0, 0, {}, True, ())
    note = warning("no-file-header", "The file has no DICOM header; it was recognised by its "
                   "content", "P10")
    return _data_set(view, meta, inflate_limit, limits, "bare", "none", (note,))


def _data_set(view: memoryview, meta: FileMeta, inflate_limit: int, limits: Limits, kind: Kind,
              preamble: Preamble, noted: tuple[Finding, ...]) -> Framing:
    said = meta.uid(view, TRANSFER_SYNTAX_UID)
    encoding, findings = encoding_of(said), list(meta.findings)
    body, start = view, meta.end
    if encoding.deflated and meta.complete:
        inflated, behind = inflate(view[meta.end:], inflate_limit)
        body, start = memoryview(inflated), 0
        findings += _behind(inflated, behind)
    else:
        encoding, more = _as_written(view, meta, said)
        findings += more
    walked = walk(body, start, len(body), implicit=encoding.implicit,
                  big_endian=encoding.big_endian, limits=limits)
    findings += findings_of(walked)
    return Framing(
        kind=kind, preamble=preamble, transfer_syntax_uid=said or plain_syntax(encoding),
        implicit=encoding.implicit, big_endian=encoding.big_endian, deflated=encoding.deflated,
        body=body, meta_start=meta.start, meta_end=meta.end, dataset_start=start, end=walked.end,
        elements=walked.elements, meta=meta.elements, findings=(*noted, *findings),
        verdict=walked.verdict, count=walked.count,
        odd=bool(walked.problems or findings), head=bytes(view[:meta.end]))


def _behind(inflated: bytes, behind: bytes) -> list[Finding]:
    """What may stand behind a deflated data set: padding, or the checksum and length of gzip."""
    if not behind.strip(b"\0"):
        return []
    if behind == struct.pack("<II", zlib.crc32(inflated), len(inflated)):
        return [warning("deflate-checksum", "A checksum follows after the compressed data set",
                        "PS3.5 A.5")]
    return [error("trailing-data", "Something else follows after the end of the data set", "P11")]


def _as_written(view: memoryview, meta: FileMeta,
                said: str) -> tuple[DataSetEncoding, list[Finding]]:
    """How the first element is written, and what to say when the file meta say otherwise."""
    declared = encoding_of(said)
    seen = look(view, meta.end, declared)
    if not said and meta.elements:
        return seen, [warning("no-transfer-syntax", "The file does not say its transfer syntax; it "
                              "was read as it looks", "R10-8")]
    if said and seen != declared:
        return seen, [warning("encoding-not-as-said", "The data set is written in another way than "
                              "the file header says", "R10-8")]
    if is_ambiguous(view, meta.end, seen):
        return seen, [warning("encoding-ambiguous", "The beginning of the data set can be read in "
                              "two ways", "PS3.5 7.1")]
    return seen, []


def _pixel(table: bytes, index: dict[int, int], big_endian: bool) -> PixelDataPlace | None:
    for tag in PIXEL_TAGS:
        if tag in index:
            undefined, start, value, length = _PIXEL.unpack_from(
                table, index[tag] * _ROW_BYTES + _PIXEL_AT)
            return PixelDataPlace(tag, start, value, value + length, undefined, big_endian)
    return None
