"""How a data set is written, judged by its first element: file meta may be wrong or absent."""

from __future__ import annotations

from mediasvc.standard.encodings import DataSetEncoding
from mediasvc.standard.value_representations import ALL_VRS

#: Data sets begin with group 0008, at most with another low one.
_HIGHEST_FIRST_GROUP = 0x00FF


def look(view: memoryview, start: int, declared: DataSetEncoding) -> DataSetEncoding:
    """``declared`` unless the bytes at ``start`` clearly contradict it.

    A first tag far above the groups that data sets begin with means the other byte order; a VR
    where the length should be (or none where a VR should be) means the other VR form.
    """
    if len(view) - start < 8:
        return declared
    big = declared.big_endian
    ours, other = _number(view, start, 2, big), _number(view, start, 2, not big)
    if ours > _HIGHEST_FIRST_GROUP and 0 < other <= _HIGHEST_FIRST_GROUP:
        big = not big
    explicit = _names_vr(view, start)
    if declared.implicit and explicit and not _fits(view, start, big):
        return DataSetEncoding(implicit=False, big_endian=big)
    if not declared.implicit and not explicit:
        return DataSetEncoding(implicit=True, big_endian=big)
    if big == declared.big_endian:
        return declared
    return DataSetEncoding(declared.implicit, big, declared.deflated)


def is_ambiguous(view: memoryview, start: int, encoding: DataSetEncoding) -> bool:
    """Whether an implicit data set begins with a length that is also a VR."""
    return encoding.implicit and len(view) - start >= 8 and _names_vr(view, start)


def _names_vr(view: memoryview, start: int) -> bool:
    return bytes(view[start + 4:start + 6]).decode("latin-1") in ALL_VRS


def _fits(view: memoryview, start: int, big: bool) -> bool:
    """Whether the length of an implicit first element lies inside the file."""
    return _number(view, start + 4, 4, big) <= len(view) - start - 8


def _number(view: memoryview, at: int, size: int, big: bool) -> int:
    return int.from_bytes(view[at:at + size], "big" if big else "little")
