"""Data sets without file meta information: ACR-NEMA files and raw exports (FAULTS P10).

Nothing at the start of such a file proves what it is, so it is taken only when a first element
that data sets begin with is followed by others up to the last byte, and a SOP Class is among them.
"""

from __future__ import annotations

from dataclasses import dataclass

from mediasvc.dicom import walk_codes as codes
from mediasvc.dicom.encoding_seen import look
from mediasvc.dicom.file_meta import TRANSFER_SYNTAX_UID, read_meta
from mediasvc.dicom.walk import Walk, walk
from mediasvc.standard.encodings import (
    DataSetEncoding,
    encoding_of,
)
from mediasvc.standard.value_representations import ALL_VRS

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018

#: The last tag that a bare data set was ever seen to begin with: Image Type, dates, SOP UIDs.
_LAST_FIRST_TAG = 0x00080018
_BEGINNING = 64


@dataclass(frozen=True, slots=True)
class Bare:
    """A data set without preamble: ``has_meta`` when group 0002 stands at byte 0."""

    has_meta: bool
    encoding: DataSetEncoding


def sniff_bare(view: memoryview) -> Bare | None:
    """The encoding of a bare data set that fills the file, else None."""
    start = _start(view)
    if start is None:
        return None
    candidate, at = start
    result = _walk(view, at, candidate.encoding)
    if result.verdict != codes.OK or not _names_a_class(result):
        return None
    return candidate


def looks_bare(view: memoryview) -> bool:
    """Whether the file begins like a bare data set that names a standard SOP Class, wherever it
    goes wrong later: such a file is damaged, not foreign."""
    start = _start(view)
    if start is None:
        return False
    candidate, at = start
    result = _walk(view, at, candidate.encoding)
    for row in result.elements[:_BEGINNING]:
        if row["tag"] == SOP_CLASS_UID:
            value = bytes(view[int(row["value"]):int(row["value"]) + 14])
            return value.startswith(b"1.2.840.10008.")
    return False


def _start(view: memoryview) -> tuple[Bare, int] | None:
    """The candidate and where its data set starts, by the first eight bytes."""
    if len(view) < 16:
        return None
    little = int.from_bytes(view[0:2], "little") << 16 | int.from_bytes(view[2:4], "little")
    big = int.from_bytes(view[0:4], "big")
    if little >> 16 == 2 and bytes(view[4:6]).decode("latin-1") in ALL_VRS:
        meta = read_meta(view, 0)
        if not meta.complete:
            return None
        declared = encoding_of(meta.uid(view, TRANSFER_SYNTAX_UID))
        if declared.deflated:
            return None
        return Bare(True, look(view, meta.end, declared)), meta.end
    first = little if 0x00080000 <= little <= _LAST_FIRST_TAG else big
    if not 0x00080000 <= first <= _LAST_FIRST_TAG:
        return None
    explicit = bytes(view[4:6]).decode("latin-1") in ALL_VRS
    is_big = first != little
    if is_big and not explicit:
        return None
    return Bare(False, DataSetEncoding(implicit=not explicit, big_endian=is_big)), 0


def _walk(view: memoryview, start: int, encoding: DataSetEncoding) -> Walk:
    return walk(view, start, len(view), implicit=encoding.implicit, big_endian=encoding.big_endian)


def _names_a_class(result: Walk) -> bool:
    tags = set(result.elements["tag"].tolist())
    return SOP_CLASS_UID in tags or SOP_INSTANCE_UID in tags
