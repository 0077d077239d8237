"""What libjxl's effort 1 writes in each of its JPEG XL streams, field by field (ISO/IEC 18181-1).

It encodes with one tree, one kind of prefix code and one predictor, so most of a stream's head
never changes. Where one of these fields is another, the stream is not of this family.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class Field(NamedTuple):
    """``bits`` bits, the least significant one first, that always hold ``value``."""

    name: str
    bits: int
    value: int


#: Behind the colour encoding: ImageMetadata, CustomTransformData (annex D), to the next byte.
METADATA = (
    Field("extensions", 2, 0),
    Field("default upsampling", 1, 1),
)

#: FrameHeader and the first bit of the table of contents (annex F), to the next byte.
FRAME = (
    Field("all default", 1, 0),
    Field("regular frame", 2, 0),
    Field("modular encoding", 1, 1),
    Field("flags", 2, 0),
    Field("YCbCr", 1, 0),
    Field("upsampling", 2, 0),
    Field("groups of 256", 2, 1),
    Field("one pass", 2, 0),
    Field("crop", 1, 0),
    Field("blending", 2, 0),
    Field("last frame", 1, 1),
    Field("frame name", 2, 0),
    Field("default loop filter", 1, 0),
    Field("Gaborish", 1, 0),
    Field("edge-preserving filter", 2, 0),
    Field("loop filter extensions", 2, 0),
    Field("frame extensions", 2, 0),
    Field("permuted sections", 1, 0),
)

#: Splits of the tree on the channel's number: greater than 1, than 2, than 0; each is the property
#: 0 plus 1 and the limit, mapped as signed numbers are. Then a leaf for each of four channels: no
#: property, predictor 5 (gradient), offset 0, factor 1 (H.4.2).
_SPLIT, _GRADIENT = 1, 5
TREE = (_SPLIT, 2, _SPLIT, 4, _SPLIT, 0, *(0, _GRADIENT, 0, 0, 0) * 4)


def _tree_code(value: int) -> tuple[int, int]:
    """(bits, code) of a number of the tree: tokens 0 to 3 of two bits, the first one highest, and
    what a token leaves open (C.2.3, C.3.3)."""
    more = max(0, value.bit_length() - 1)
    token = value.bit_length()
    return 2 + more, (value - (1 << more) if value else 0) << 2 | token >> 1 | (token & 1) << 1


def _global() -> Iterator[Field]:
    """LfGlobal up to the prefix codes (annexes C, G and H)."""
    yield Field("default dequantization", 1, 1)
    yield Field("global tree", 1, 1)
    yield Field("LZ77 of the tree", 1, 0)
    yield Field("context map of the tree", 3, 0b001)
    yield Field("prefix code of the tree", 1, 1)
    yield Field("integers of the tree", 4, 0)
    yield Field("alphabet of the tree", 6, 0b100011)
    yield Field("code of the tree", 4, 0b1101)
    yield Field("symbols of the tree", 8, 0b11100100)
    yield Field("lengths of the tree's code", 1, 0)
    for number in TREE:
        yield Field("tree", *_tree_code(number))
    yield Field("LZ77", 1, 1)
    yield Field("first symbol of LZ77", 2, 0)  # RUNS
    yield Field("least length of LZ77", 4, 0b1010)  # LEAST_RUN
    yield Field("integers of LZ77", 10, 4)
    yield Field("context map", 3, 0b111)
    for cluster in (4, 3, 2, 1, 0):  # leaves of channels 3 to 0, distances
        yield Field("clusters", 3, cluster)
    yield Field("prefix codes", 1, 1)
    for _ in range(1 + CODES):
        yield Field("integers", 4, 0)
    yield Field("alphabet of distances", 5, 0b00001)
    for _ in range(CODES):
        yield Field("alphabet", 13, 8 << 1 | 1)  # SYMBOLS
    yield Field("distances", 5, 0b10001)  # one symbol: the sample before


#: Prefix codes: one for each of four channels, however many there are.
CODES = 4
#: Symbols of a code: 0 to 18 are samples, from 224 on runs of 7 and more of the sample before.
SYMBOLS, SAMPLES, RUNS, LEAST_RUN = 257, 19, 224, 7
#: Symbols of runs up to here are the run itself (C.3.3).
SPLIT = 4
SHORT_RUNS = 1 << SPLIT
GLOBAL = tuple(_global())

#: Transforms (H.6): none, YCoCg of the first three channels, a palette of them. Each begins a
#: modular sub-bitstream that takes tree and weighted predictor from outside.
SUB_BITSTREAM = (Field("global tree and codes", 1, 1), Field("default weighted predictor", 1, 1))
PLAIN, YCOCG, PALETTE = range(3)
#: What follows the kind of transform: where it begins, and for YCoCg its type.
YCOCG_FIELDS, PALETTE_FIELDS = 7, 5
#: Colours of a palette: two choices of (offset, bits).
FEW_COLOURS, MORE_COLOURS = (0, 8), (256, 10)
MOST_COLOURS = MORE_COLOURS[0] + (1 << MORE_COLOURS[1])

#: Sections of the table of contents: four choices of (offset, bits) (F.3.3).
SECTIONS = ((0, 10), (1024, 14), (17408, 22), (4211712, 30))
#: Width and height of a group, and of a low-frequency group, which here is empty.
GROUP, LF_GROUP = 256, 2048


#: What a kernel answers instead of a position; from the last one down, another field of `GLOBAL`.
DAMAGED, OTHER_CODES, OTHER_TRANSFORMS, OTHER_SECTIONS, OTHER_FIELD = -1, -2, -3, -4, -100


def as_rows(fields: tuple[Field, ...]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(bits, value) of each field, for kernels."""
    return np.array([(field.bits, field.value) for field in fields], np.int64)
