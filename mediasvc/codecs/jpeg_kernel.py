"""The decoding procedure of sequential DCT scans, compiled (T.81 annexes A.3.3, F.2).

Import it only through its container half. The bit reader is that of `jpeg_lossless_kernel`: a
kernel is compiled from one file, so that a change in it is never overlooked.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, PLANES, TABLE, kernel, part
from mediasvc.codecs.jpeg_tables import ZIGZAG

Ints = NDArray[np.int64]

BITS, COUNT, AT, OVER = range(4)
DAMAGED = -1
#: No code fits, or more coefficients than a block has.
WRONG = 1 << 20
#: A.3.3: sample x of basis function u.
BASIS = np.array([[math.cos((2 * x + 1) * u * math.pi / 16) / 2 * (math.sqrt(0.5) if u == 0 else 1)
                   for u in range(8)] for x in range(8)])


@part
def _fill(data: NDArray[np.uint8], state: Ints) -> None:
    """At least 25 waiting bits; zeros behind a marker or the end (F.2.2.5)."""
    while state[COUNT] <= 24:
        at = state[AT]
        byte = np.int64(0)
        if at >= len(data) or (data[at] == 0xFF and (at + 1 >= len(data) or data[at + 1] != 0)):
            state[OVER] += 8
        else:
            byte = np.int64(data[at])
            state[AT] = at + (2 if byte == 0xFF else 1)
        state[BITS] = (state[BITS] << 8 | byte) & 0xFFFFFFFF
        state[COUNT] += 8


@part
def _code(data: NDArray[np.uint8], state: Ints, lookup: Ints) -> int:
    """The value of the next code, or `WRONG`."""
    _fill(data, state)
    entry = lookup[(state[BITS] >> (state[COUNT] - 16)) & 0xFFFF]
    if entry == 0:
        return WRONG
    state[COUNT] -= entry >> 8
    return int(entry & 0xFF)


@part
def _extended(data: NDArray[np.uint8], state: Ints, size: int) -> int:
    """RECEIVE and EXTEND (F.2.2.1)."""
    if size == 0:
        return 0
    _fill(data, state)
    state[COUNT] -= size
    value = int((state[BITS] >> state[COUNT]) & ((1 << size) - 1))
    return value if value >= 1 << (size - 1) else value - (1 << size) + 1


@part
def _block(data: NDArray[np.uint8], state: Ints, dc: Ints, ac: Ints, quantizer: Ints, before: int,
           block: NDArray[np.float64]) -> int:
    """The dequantized coefficients of one block in ``block``; its DC value, or `WRONG`."""
    block[:] = 0
    size = _code(data, state, dc)
    if size > 16:
        return WRONG
    before += _extended(data, state, size)
    block[0] = before * quantizer[0]
    k = 1
    while k < 64:
        code = _code(data, state, ac)
        if code == WRONG:
            return WRONG
        run, size = code >> 4, code & 15
        if size == 0:
            if run != 15:
                break  # end of block
            k += 16
            continue
        k += run
        if k > 63:
            return WRONG
        place = ZIGZAG[k]
        block[place] = _extended(data, state, size) * quantizer[place]
        k += 1
    return before if k <= 64 else WRONG


@part
def _inverse(block: NDArray[np.float64], half: NDArray[np.float64], level: int, top: int,
             plane: NDArray[np.uint16], y: int, x: int) -> None:
    """The inverse DCT by its definition, row by column, shifted and cut (A.3.1, A.3.3)."""
    for v in range(8):
        for c in range(8):
            total = 0.0
            for u in range(8):
                total += block[8 * v + u] * BASIS[c, u]
            half[8 * v + c] = total
    for r in range(8):
        for c in range(8):
            total = 0.0
            for v in range(8):
                total += half[8 * v + c] * BASIS[r, v]
            plane[y + r, x + c] = min(max(int(np.floor(total + 0.5)) + level, 0), top)


@part
def _restart(data: NDArray[np.uint8], state: Ints) -> bool:
    """Skip to behind the next RST marker; False when another thing stands there (E.2.4)."""
    at = state[AT]
    while at + 1 < len(data) and data[at] == 0xFF and data[at + 1] == 0xFF:
        at += 1
    if state[OVER] > state[COUNT] or at + 1 >= len(data) or data[at] != 0xFF or not (
            0xD0 <= data[at + 1] <= 0xD7):
        return False
    state[BITS], state[COUNT], state[AT], state[OVER] = 0, 0, at + 2, 0
    return True


@part
def _at_end(data: NDArray[np.uint8], state: Ints) -> bool:
    """Whether nothing but padding of the last byte stands before the next marker (F.1.2.3)."""
    at = state[AT]
    if at + 1 >= len(data) or state[COUNT] - state[OVER] >= 8:
        return False
    return bool(data[at] == 0xFF and data[at + 1] != 0)


@kernel(BYTES, INT, TABLE, TABLE, TABLE, INTS, PLANES)
def decode_scan(data: NDArray[np.uint8], start: int, lookups: Ints, quantizers: Ints, layout: Ints,
                shape: Ints, planes: NDArray[np.uint16]) -> int:
    """Decode one scan from byte ``start`` into ``planes``; the position behind it, or `DAMAGED`.

    ``lookups``: DC and AC table of each component in turn. ``layout``: its blocks across and down
    in an MCU. ``shape``: MCUs down, MCUs across, restart interval in MCUs, precision.
    """
    state, block, half = np.zeros(4, np.int64), np.zeros(64), np.zeros(64)
    state[AT] = start
    before = np.zeros(len(layout), np.int64)
    level, top = 1 << (shape[3] - 1), (1 << shape[3]) - 1
    for mcu in range(shape[0] * shape[1]):
        if shape[2] and mcu and mcu % shape[2] == 0:
            if not _restart(data, state):
                return DAMAGED
            before[:] = 0
        for c in range(len(layout)):
            for number in range(layout[c, 0] * layout[c, 1]):
                value = _block(data, state, lookups[2 * c], lookups[2 * c + 1], quantizers[c],
                               before[c], block)
                if value == WRONG or state[OVER] > state[COUNT]:
                    return DAMAGED
                before[c] = value
                y = (mcu // shape[1] * layout[c, 1] + number // layout[c, 0]) * 8
                x = (mcu % shape[1] * layout[c, 0] + number % layout[c, 0]) * 8
                _inverse(block, half, level, top, planes[c], y, x)
    return int(state[AT]) if _at_end(data, state) else DAMAGED
