"""How a data set is written, judged by its first element, because file meta may be wrong or absent."""

from __future__ import annotations

from mediasvc.standard.encodings import DataSetEncoding
from mediasvc.standard.value_representations import ALL_VRS

_HIGHEST_FIRST_GROUP = 0x00FF


def encoding_seen(view: memoryview, start: int, declared: DataSetEncoding) -> DataSetEncoding:
    """``declared`` unless the bytes at ``start`` clearly contradict it.

    A first tag far above the groups that data sets begin with means the other byte order; a VR
    where the length should be (or none where a VR should be) means the other VR form.
    """
    if len(view) - start < 8:
        return declared
    big = declared.big_endian
    ours, other = _group(view, start, big), _group(view, start, not big)
    if ours > _HIGHEST_FIRST_GROUP and 0 < other <= _HIGHEST_FIRST_GROUP:
        big = not big
    explicit = bytes(view[start + 4:start + 6]).decode("latin-1") in ALL_VRS
    if explicit == declared.implicit and not _fits(view, start, big, declared.implicit):
        return DataSetEncoding(implicit=not explicit, big_endian=big)
    return DataSetEncoding(implicit=declared.implicit, big_endian=big, deflated=declared.deflated)


def _group(view: memoryview, at: int, big: bool) -> int:
    return int.from_bytes(view[at:at + 2], "big" if big else "little")


def _fits(view: memoryview, start: int, big: bool, implicit: bool) -> bool:
    """Whether the declared form could still be true: an implicit length that stays inside."""
    if not implicit:
        return False
    return int.from_bytes(view[start + 4:start + 8], "big" if big else "little") <= len(view) - start - 8
