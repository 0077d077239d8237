"""The plain twin of `jpeg_xl_kernel`, bit by bit: for tests and `scripts/fuzz_codecs`
(ISO/IEC 18181-1 annexes C, F, G and H)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.codec import Frame
from mediasvc.codecs.jpeg_xl_decode import codestream, other, read_head
from mediasvc.codecs.jpeg_xl_fields import (
    CODES,
    FEW_COLOURS,
    GLOBAL,
    GROUP,
    LEAST_RUN,
    LF_GROUP,
    MORE_COLOURS,
    PALETTE,
    PALETTE_FIELDS,
    PLAIN,
    RUNS,
    SAMPLES,
    SECTIONS,
    SHORT_RUNS,
    SPLIT,
    SUB_BITSTREAM,
    SYMBOLS,
    YCOCG,
    YCOCG_FIELDS,
    Field,
)
from mediasvc.codecs.jpeg_xl_stream import HEAD, read_jxl_header
from mediasvc.errors import DamagedError

Plane = NDArray[np.int64]
Code = dict[tuple[int, int], int]
"""(length, bits from the first one on) → symbol."""

_DAMAGED = "the JPEG XL stream is damaged"
#: As far as YCoCg takes samples of 16 bits.
_LIMIT = 1 << 17
_ORDER = (1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#: The code of the lengths of the codes of lengths (C.2.4).
_LENGTHS: Code = {(2, 0b00): 0, (2, 0b10): 4, (2, 0b01): 3, (3, 0b110): 2, (4, 0b1110): 1,
                  (4, 0b1111): 5}
_AGAIN, _ZEROS, _LONGEST = 16, 17, 15


class _Section:
    """Bits of ``data`` from byte ``start`` on, none behind byte ``end``."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        if end > len(data):
            raise DamagedError(_DAMAGED)
        self._data, self._pos, self.end = data, 8 * start, end

    def take(self, count: int) -> int:
        value = 0
        for k in range(count):
            if self._pos >= 8 * self.end:
                raise DamagedError(_DAMAGED)
            value |= (self._data[self._pos >> 3] >> (self._pos & 7) & 1) << k
            self._pos += 1
        return value

    def symbol(self, code: Code) -> int:
        bits = 0
        for size in range(1, _LONGEST + 1):
            bits = bits << 1 | self.take(1)
            if (size, bits) in code:
                return code[size, bits]
        raise DamagedError(_DAMAGED)

    def expect(self, fields: tuple[Field, ...], what: str = "") -> None:
        for field in fields:
            if self.take(field.bits) != field.value:
                raise other(what or field.name)

    def next_byte(self) -> int:
        if self.take(-self._pos % 8):
            raise DamagedError(_DAMAGED)
        return self._pos // 8

    def close(self, *, padded: bool) -> None:
        left = 8 * self.end - self._pos
        if (left > 7 and not padded) or self.take(left):
            raise DamagedError(_DAMAGED)


def decode(frame: Frame) -> NDArray[np.int64]:
    """The samples of a frame, (rows, columns) or (rows, columns, 3).

    Raises DamagedError, and UnsupportedError with what is not of the family.
    """
    header = read_jxl_header(frame)
    data = bytes(codestream(frame, header))
    across, down = -(-header.columns // GROUP), -(-header.rows // GROUP)
    empty = 1 + -(-header.columns // LF_GROUP) * -(-header.rows // LF_GROUP)
    one = across * down == 1
    first, *sections = _sections(data, read_head(data[:HEAD], header),
                                 1 if one else 1 + empty + across * down)
    codes, kind, colours = _global(first, header.colours)
    palette = _channel(first, codes[0], header.colours, colours) if kind == PALETTE else None
    if any(section.end != first.end for section in sections[:empty]):
        raise other("low-frequency groups")
    out = np.empty((header.rows, header.columns, header.colours), np.int64)
    for number, (y, x) in enumerate((y, x) for y in range(0, header.rows, GROUP)
                                    for x in range(0, header.columns, GROUP)):
        place = out[y:y + GROUP, x:x + GROUP]
        section = first if one else sections[empty + number]
        if not one:
            section.expect((*SUB_BITSTREAM, Field("transforms", 2, 0)), "transforms")
        used = codes[1:] if one and kind == PALETTE else codes
        planes = [_channel(section, used[channel], *place.shape[:2])
                  for channel in range(3 if kind == YCOCG else 1)]
        section.close(padded=False)
        place[...] = _back(planes, kind, palette)
    if not one:
        first.close(padded=True)
    if out.min() < 0 or out.max() >> header.precision:
        raise DamagedError(_DAMAGED)
    return out if header.colours > 1 else out[..., 0]


def _sections(data: bytes, at: int, count: int) -> list[_Section]:
    """What the table of contents, from byte ``at`` on, tells of (F.3)."""
    table = _Section(data, at, len(data))
    sizes = []
    for _ in range(count):
        offset, bits = SECTIONS[table.take(2)]
        sizes.append(offset + table.take(bits))
    ends = accumulate(sizes, initial=table.next_byte())
    return [_Section(data, *pair) for pair in pairwise(ends)]


def _global(section: _Section, samples: int) -> tuple[list[Code], int, int]:
    """Prefix codes, kind of transform, colours of its palette (annex G, H.2)."""
    section.expect(GLOBAL)
    codes = [_code(section) for _ in range(CODES)]
    section.expect(SUB_BITSTREAM, "transforms")
    count = section.take(2)
    if count == 0 and samples == 1:
        return codes, PLAIN, 0
    kind = section.take(2) if count == 1 else -1
    if kind == 0 and samples == 3 and section.take(YCOCG_FIELDS) == 0:
        return codes, YCOCG, 0
    if kind != 1 or section.take(PALETTE_FIELDS) or section.take(2) != samples >> 1:
        raise other("transforms")
    choice = section.take(2)
    if choice > 1:
        raise other("transforms")
    offset, bits = (FEW_COLOURS, MORE_COLOURS)[choice]
    colours = offset + section.take(bits)
    if colours == 0 or section.take(6):
        raise other("transforms")
    return codes, PALETTE, colours


def _code(section: _Section) -> Code:
    """A prefix code with its lengths in full (C.2.4)."""
    if section.take(2):
        raise other("prefix codes")
    lengths, space = [0] * len(_ORDER), 32
    for k in _ORDER:
        if space > 0:
            lengths[k] = section.symbol(_LENGTHS)
            space -= 32 >> lengths[k] if lengths[k] else 0
    found = list(_expanded(section, _canonical(lengths)))
    if len(found) > SYMBOLS:
        raise DamagedError(_DAMAGED)
    if any(found[SAMPLES:RUNS]):
        raise other("prefix codes")
    return _canonical(found)


def _expanded(section: _Section, code: Code) -> Iterator[int]:
    """Lengths of codes until they leave no bits without a meaning; runs of 0 in a row are digits
    of one number (RFC 7932 3.5)."""
    count, space, zeros = 0, 1 << _LONGEST, 0
    while space > 0 and count < SYMBOLS:
        length, more = section.symbol(code), 1
        if length == _AGAIN:
            raise other("prefix codes")
        if length == _ZEROS:
            before, zeros = zeros, (8 * (zeros - 2) if zeros else 0) + 3 + section.take(3)
            more = zeros - before
        else:
            zeros = 0
            space -= 1 << (_LONGEST - length) if length else 0
        count += more
        yield from [0 if length == _ZEROS else length] * more


def _canonical(lengths: list[int]) -> Code:
    """Codes in the order of length and symbol, which use up all bits."""
    code, found = 0, {}
    for size in range(1, _LONGEST + 1):
        code <<= 1
        for symbol, length in enumerate(lengths):
            if length == size:
                found[size, code] = symbol
                code += 1
    if code != 1 << _LONGEST:
        raise DamagedError(_DAMAGED)
    return found


def _channel(section: _Section, code: Code, rows: int, columns: int) -> Plane:
    """Differences from the gradient predictor (H.5)."""
    plane, differences = np.zeros((rows, columns), np.int64), _differences(section, code)
    run, last = 0, 0
    for y in range(rows):
        for x in range(columns):
            if not run:
                run, last = next(differences)
            run -= 1
            left = plane[y, x - 1] if x else plane[y - 1, 0] if y else 0
            top = plane[y - 1, x] if y else left
            corner = plane[y - 1, x - 1] if x and y else left
            guess = sorted((left, top, left + top - corner))[1]
            plane[y, x] = guess + last
            if not -_LIMIT <= plane[y, x] < _LIMIT:
                raise DamagedError(_DAMAGED)
    if run:
        raise DamagedError(_DAMAGED)
    return plane


def _differences(section: _Section, code: Code) -> Iterator[tuple[int, int]]:
    """(how often, difference) (C.3.3)."""
    last = None
    while True:
        symbol = section.symbol(code)
        if symbol < RUNS:
            number = symbol if symbol < 2 else 1 << (symbol - 1) | section.take(symbol - 1)
            last = number >> 1 ^ -(number & 1)
            yield 1, last
            continue
        if last is None:
            raise DamagedError(_DAMAGED)
        run = symbol - RUNS
        if run >= SHORT_RUNS:
            more = run - SHORT_RUNS + SPLIT
            run = 1 << more | section.take(more)
        yield run + LEAST_RUN, last


def _back(planes: list[Plane], kind: int, palette: Plane | None) -> NDArray[np.int64]:
    """Transformed back, by pixel (H.6.3, H.6.4)."""
    if kind == PLAIN:
        return planes[0][..., None]
    if palette is not None:
        if planes[0].min() < 0 or planes[0].max() >= palette.shape[1]:
            raise DamagedError(_DAMAGED)
        return palette[:, planes[0]].transpose(1, 2, 0)
    y, co, cg = planes
    base = y - (cg >> 1)
    blue = base - (co >> 1)
    return np.stack([blue + co, base + cg, blue], -1)
