"""What decides how the frames of an instance look, straight from its framing.

pydicom needs a millisecond to read a header, of which drawing asks a dozen values.
"""

from __future__ import annotations

from functools import cache

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mediasvc.dicom.framing import Framing
from mediasvc.media.display import IN_TABLES, SINGLE_VALUES


def plain_looks(framing: Framing) -> Dataset | None:
    """The elements of the header that `display` asks; None where only pydicom should read them,
    because there are tables or functional groups, or anything is odd."""
    if framing.odd or framing.verdict or framing.big_endian:
        return None
    if any(framing.find(tag) is not None for tag in _tags(IN_TABLES)):
        return None
    looks = Dataset()
    for tag in _tags(SINGLE_VALUES):
        value = framing.value(tag)
        if value is not None:
            looks[tag] = RawDataElement(Tag(tag), framing.vr(tag) or None, len(value), value, 0,
                                        framing.implicit, True)
    return looks


@cache
def _tags(keywords: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(tag for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None)
