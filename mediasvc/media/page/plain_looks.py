"""What decides how the frames of an instance look, straight from its framing.

pydicom needs a millisecond to read a header, of which drawing asks a dozen values.
"""

from __future__ import annotations

from functools import cache, lru_cache

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mediasvc.dicom.framing import Framing
from mediasvc.media.page.display import IN_TABLES, SINGLE_VALUES

#: Bytes of all values together, of which a few are kept.
SHORT = 1024


def plain_looks(framing: Framing) -> Dataset | None:
    """The elements of the header that `display` asks, only to be read; None where only pydicom
    should read them, because there are tables or functional groups, or anything is odd."""
    if framing.odd or framing.verdict or framing.big_endian:
        return None
    if any(framing.find(tag) is not None for tag in _tags(IN_TABLES)):
        return None
    tags = _tags(SINGLE_VALUES)
    values = tuple((tag, framing.vr(tag), value)
                   for tag, value in zip(tags, framing.values(tags), strict=True)
                   if value is not None)
    short = sum(len(value) for _, _, value in values) <= SHORT
    return (_kept if short else _read)(values, framing.implicit)


def _read(values: tuple[tuple[int, str, bytes], ...], implicit: bool) -> Dataset:
    looks = Dataset()
    for tag, vr, value in values:
        looks[tag] = RawDataElement(Tag(tag), vr or None, len(value), value, 0, implicit, True)
    return looks


#: The instances of a series mostly look alike; what pydicom made of a value it keeps itself.
_kept = lru_cache(maxsize=16)(_read)


@cache
def _tags(keywords: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(tag for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None)
