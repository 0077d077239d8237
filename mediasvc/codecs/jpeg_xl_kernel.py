"""Decoding what effort 1 writes, compiled for speed (ISO/IEC 18181-1 annexes F and H). Import it
only through `jpeg_xl_decode`.

Every read lies inside: of the data, because positions are compared with the ends of their sections
once a row and a row takes less than `SLACK` bytes; of tables and planes, because indices are masked
or bounded by their loops.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS
from mediasvc.codecs.jpeg_xl_channels import read_two
from mediasvc.codecs.jpeg_xl_codes import bits_at, read_code
from mediasvc.codecs.jpeg_xl_fields import (
    CODES,
    DAMAGED,
    FEW_COLOURS,
    GLOBAL,
    GROUP,
    LF_GROUP,
    MORE_COLOURS,
    OTHER_FIELD,
    OTHER_SECTIONS,
    OTHER_TRANSFORMS,
    PALETTE,
    PALETTE_FIELDS,
    PLAIN,
    SECTIONS,
    SUB_BITSTREAM,
    YCOCG,
    YCOCG_FIELDS,
    as_rows,
)
from mediasvc.codecs.machine import bare, bare_kernels, bare_part

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Planes = NDArray[np.int64]
Samples = NDArray[np.unsignedinteger]

_GLOBAL, _SUB_BITSTREAM, _SECTIONS = as_rows(GLOBAL), as_rows(SUB_BITSTREAM), np.array(SECTIONS)
_LIST = len(_GLOBAL)
_SUB_BITS = len(SUB_BITSTREAM)
_PLANES = types.Array(types.int64, 3, "C")
_FIVE = cast("Any", types).UniTuple(types.int64, 5)
_TABLES, _ROWS = types.Array(types.int64, 2, "C"), types.Array(types.uint8, 2, "C")


@bare
def _up(number: int, by: int) -> int:
    return (number + by - 1) // by


@bare
def _section(data: Bytes, pos: int) -> tuple[int, int]:
    """(bytes of the next section, position behind its entry)."""
    choice = bits_at(data, pos, 2)
    offset, bits = _SECTIONS[choice, 0], _SECTIONS[choice, 1]
    return offset + bits_at(data, pos + 2, bits), pos + 2 + bits


@bare_part
def _sections_end(data: Bytes, length: int, pos: int, count: int) -> int:
    """The first byte behind the table of contents, or `DAMAGED` where the sections are longer than
    the data."""
    total = 0
    for _ in range(count):
        if pos > 8 * length:
            return DAMAGED
        taken, pos = _section(data, pos)
        total += taken
    if bits_at(data, pos, -pos & 7) or (pos + 7 >> 3) + total > length:
        return DAMAGED
    return pos + 7 >> 3


@bare
def _group_head(data: Bytes, start: int, end: int) -> int:
    """The first bit of a group's samples, or `DAMAGED` where its head is another (H.2)."""
    if start == end or bits_at(data, 8 * start, _SUB_BITS + 2) != (1 << _SUB_BITS) - 1:
        return DAMAGED
    return 8 * start + _SUB_BITS + 2


@bare_part
def _transform(data: Bytes, pos: int, samples: int) -> tuple[int, int, int]:
    """(transform, colours of its palette, position behind it), or a reason below 0 first."""
    count = bits_at(data, pos, 2)
    if count == 0:
        return (PLAIN if samples == 1 else OTHER_TRANSFORMS), 0, pos + 2
    kind = bits_at(data, pos + 2, 2)
    pos += 4
    if count == 1 and kind == 0:
        same = samples == 3 and bits_at(data, pos, YCOCG_FIELDS) == 0
        return (YCOCG if same else OTHER_TRANSFORMS), 0, pos + YCOCG_FIELDS
    if count != 1 or kind != 1 or bits_at(data, pos, PALETTE_FIELDS + 2) != (
            samples >> 1) << PALETTE_FIELDS:
        return OTHER_TRANSFORMS, 0, pos
    pos += PALETTE_FIELDS + 2
    choice = bits_at(data, pos, 2)
    offset, bits = FEW_COLOURS if choice == 0 else MORE_COLOURS
    colours = offset + bits_at(data, pos + 2, bits)
    pos += 2 + bits
    if choice > 1 or colours == 0 or bits_at(data, pos, 6):  # no deltas, predictor 0
        return OTHER_TRANSFORMS, 0, pos
    return PALETTE, colours, pos + 6


@bare_part
def _ends(data: Bytes, end: int, pos: int, padded: bool) -> bool:
    """Whether nothing but zeros is left of the section, and of those, if not ``padded``, less than
    a byte."""
    if pos > 8 * end or (not padded and 8 * end - pos > 7) or bits_at(data, pos, -pos & 7):
        return False
    used = 0
    for k in range(pos + 7 >> 3, end):
        used |= data[k]
    return used == 0


@bare
def _sample(planes: Planes, channel: int, y: int, x: int, shift: int) -> Any:
    """Of the first group, or, 32 bits higher, of the other one."""
    return np.int32(planes[channel, y, x] >> shift)


@bare
def _put_row(planes: Planes, shift: int, kind: int, y: int, columns: int, palette: Planes,
             colours: int, line: Samples) -> int:
    """One row of a group, transformed back (H.6.3, H.6.4), into ``line``: all bits that its samples
    use, a negative number for what is in no palette."""
    used = np.int32(0)
    if kind == PLAIN:
        for x in range(columns):
            sample = _sample(planes, 0, y, x, shift)
            used |= sample
            line[x] = sample
    elif kind == YCOCG:
        for x in range(columns):
            co, cg = _sample(planes, 1, y, x, shift), _sample(planes, 2, y, x, shift)
            base = _sample(planes, 0, y, x, shift) - (cg >> 1)
            blue = base - (co >> 1)
            used |= (base + cg) | (blue + co) | blue
            line[3 * x], line[3 * x + 1], line[3 * x + 2] = blue + co, base + cg, blue
    else:
        samples = len(line) // columns
        for x in range(columns):
            place = _sample(planes, 0, y, x, shift)
            if not 0 <= place < colours:
                return -1
            for c in range(samples):
                sample = _sample(palette, 0, c, place, 0)
                used |= sample
                line[samples * x + c] = sample
    return int(used)


@bare
def _put(planes: Planes, shift: int, kind: int, rows: int, columns: int, palette: Planes,
         colours: int, maximum: int, size: int, y0: int, first: int, width: int, out: Bytes,
         ) -> bool:
    """A group to its place, ``width`` bytes from byte ``first`` of each row; whether no sample is
    beyond ``maximum``."""
    used = 0
    for y in range(rows):
        line = out[y0 + y, first:first + width]
        if size == 1:
            used |= _put_row(planes, shift, kind, y, columns, palette, colours, line)
        else:
            words = line.view(np.uint16)
            used |= _put_row(planes, shift, kind, y, columns, palette, colours, words)
    return used & ~maximum == 0


@bare_part
def _head(data: Bytes, start: int, end: int, samples: int, tables: Ints, lengths: Ints,
          ) -> tuple[int, int, int]:
    """LfGlobal (annex G) without samples: (transform or a reason, colours, position behind it)."""
    pos = 8 * start
    for k in range(_LIST):
        if bits_at(data, pos, _GLOBAL[k, 0]) != _GLOBAL[k, 1]:
            return OTHER_FIELD - k, 0, pos
        pos += _GLOBAL[k, 0]
    for row in range(CODES):
        pos = read_code(data, pos, lengths, tables, row)
        if pos < 0 or pos > 8 * end:
            return min(pos, DAMAGED), 0, 0
    if bits_at(data, pos, _SUB_BITS) != (1 << _SUB_BITS) - 1:
        return OTHER_TRANSFORMS, 0, pos
    return _transform(data, pos + _SUB_BITS, samples)


@bare_kernels(_FIVE(BYTES, *[INT] * 5, _PLANES, _TABLES, INTS))
def read_global(data: Bytes, length: int, pos: int, rows: int, columns: int, samples: int,
                palette: Planes, tables: Ints, lengths: Ints) -> tuple[int, int, int, int, int]:
    """From the table of contents, at bit ``pos``, to the samples: (the bit of it that tells of the
    first group, the byte where LfGlobal ends, the bit behind what was read of that, transform,
    colours of its palette); a reason below 0 comes first.

    ``data`` has ``length`` bytes and `SLACK` more. ``lengths`` is space.
    """
    groups = _up(columns, GROUP) * _up(rows, GROUP)
    empty = _up(columns, LF_GROUP) * _up(rows, LF_GROUP) + 1  # and HfGlobal
    start = _sections_end(data, length, pos, 1 if groups == 1 else 1 + empty + groups)
    if start < 0:
        return start, 0, 0, 0, 0
    taken, pos = _section(data, pos)
    end = start + taken
    kind, colours, place = _head(data, start, end, samples, tables, lengths)
    if kind < 0:
        return kind, 0, 0, 0, 0
    if kind == PALETTE:
        place, _ = read_two(data, end, end, tables, 0, palette, 0, samples, colours, place, place)
    if place < 0 or place > 8 * end:
        return DAMAGED, 0, 0, 0, 0
    if groups > 1:
        for _ in range(empty):
            taken, pos = _section(data, pos)
            if taken:
                return OTHER_SECTIONS, 0, 0, 0, 0
        if not _ends(data, end, place, True):
            return DAMAGED, 0, 0, 0, 0
    return pos, end, place, kind, colours


@bare_kernels(types.int64(BYTES, *[INT] * 10, _PLANES, _PLANES, _TABLES, _ROWS))
def read_groups(data: Bytes, pos: int, end: int, place: int, kind: int, colours: int, rows: int,
                columns: int, samples: int, maximum: int, size: int, planes: Planes,
                palette: Planes, tables: Ints, out: Bytes) -> int:
    """All samples, behind `read_global`, which gave what comes after ``data`` and filled the tables
    and the palette; the first byte behind the frame, or a reason below 0.

    ``out`` has a row of bytes for each of ``rows``: ``columns`` pixels of ``samples`` samples of
    ``size`` bytes, 1 or 2, none beyond ``maximum``. ``planes`` is space, a word for each sample of
    a group.
    """
    across, count = _up(columns, GROUP), _up(columns, GROUP) * _up(rows, GROUP)
    one = count == 1
    channels, cell = samples if kind == YCOCG else 1, samples * size
    code = 1 if one and kind == PALETTE else 0
    group = 0
    while group < count:
        x0, y0 = group % across * GROUP, group // across * GROUP
        wide, high = min(GROUP, columns - x0), min(GROUP, rows - y0)
        if not one:
            start = end
            taken, pos = _section(data, pos)
            end = start + taken
            place = _group_head(data, start, end)
        two = x0 + 2 * GROUP <= columns
        other_end, other_place = end, place
        if two:
            taken, pos = _section(data, pos)
            other_end = end + taken
            other_place = _group_head(data, end, other_end)
        if place < 0 or other_place < 0:
            return OTHER_TRANSFORMS
        for c in range(channels):
            place, other_place = read_two(data, end, other_end, tables, code + c, planes, c, high,
                                          wide, place, other_place)
            if place < 0:
                return DAMAGED
        for k in range(1 + two):
            if not (_ends(data, other_end if k else end, other_place if k else place, False)
                    and _put(planes, 32 * k, kind, high, wide, palette, colours, maximum,
                             size, y0, (x0 + k * GROUP) * cell, wide * cell, out)):
                return DAMAGED
        end = other_end
        group += 1 + two
    return end
