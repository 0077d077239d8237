"""The decoding procedure of T.81 annex H, compiled. Import it only through its container half.

Names: `ra` `rb` `rc` are the neighbours left, above, above left of figure H.1; a category is SSSS
of table H.2. A bit reader is ``state[BITS]`` (up to 32 waiting bits), ``state[COUNT]`` (how many),
``state[AT]`` (the next byte), ``state[OVER]`` (bits that were asked for behind the end).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, PLANES, TABLE, kernel, part

BITS, COUNT, AT, OVER = range(4)
DAMAGED = -1


@part
def _fill(data: NDArray[np.uint8], state: NDArray[np.int64]) -> None:
    """At least 25 waiting bits; zeros behind a marker or the end (T.81 F.2.2.5)."""
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
def _take(state: NDArray[np.int64], count: int) -> int:
    state[COUNT] -= count
    return int((state[BITS] >> state[COUNT]) & ((1 << count) - 1))


@part
def _difference(data: NDArray[np.uint8], state: NDArray[np.int64],
                lookup: NDArray[np.int64]) -> int:
    """The next difference, or 1 << 20 where no code fits (H.2.2, tables H.2 and F.2.2.1 EXTEND)."""
    _fill(data, state)
    entry = lookup[(state[BITS] >> (state[COUNT] - 16)) & 0xFFFF]
    if entry == 0:
        return 1 << 20
    state[COUNT] -= entry >> 8
    category = entry & 0xFF
    if category == 0:
        return 0
    if category >= 16:
        return 32768 if category == 16 else 1 << 20
    _fill(data, state)
    value = _take(state, category)
    if value < 1 << (category - 1):
        value -= (1 << category) - 1
    return value


@part
def _prediction(selection: int, ra: np.int64, rb: np.int64, rc: np.int64) -> np.int64:
    """Table H.1."""
    if selection == 1:
        return ra
    if selection == 2:
        return rb
    if selection == 3:
        return rc
    if selection == 4:
        return ra + rb - rc
    if selection == 5:
        return ra + ((rb - rc) >> 1)
    if selection == 6:
        return rb + ((ra - rc) >> 1)
    return (ra + rb) >> 1


@part
def _restart(data: NDArray[np.uint8], state: NDArray[np.int64]) -> bool:
    """Skip to behind the next RST marker; False when another thing stands there (H.2.3, E.2.4)."""
    at = state[AT]
    while at + 1 < len(data) and data[at] == 0xFF and data[at + 1] == 0xFF:
        at += 1
    if state[OVER] > state[COUNT] or at + 1 >= len(data) or data[at] != 0xFF or not (
            0xD0 <= data[at + 1] <= 0xD7):
        return False
    state[BITS], state[COUNT], state[AT], state[OVER] = 0, 0, at + 2, 0
    return True


@part
def _at_end(data: NDArray[np.uint8], state: NDArray[np.int64]) -> bool:
    """Whether nothing but padding of the last byte stands before the next marker (F.1.2.3)."""
    at = state[AT]
    if at + 1 >= len(data) or state[COUNT] - state[OVER] >= 8:
        return False
    return bool(data[at] == 0xFF and data[at + 1] != 0)


@kernel(BYTES, INT, TABLE, INTS, PLANES, INT, INT, INT)
def decode_scan(data: NDArray[np.uint8], start: int, lookups: NDArray[np.int64],
                numbers: NDArray[np.int64], planes: NDArray[np.uint16], selection: int, bits: int,
                restart: int) -> int:
    """Decode one scan from byte ``start`` into ``planes[numbers]``; the position behind it, or
    `DAMAGED`. ``bits`` is the precision less the point transform, ``restart`` in samples."""
    _, rows, columns = planes.shape
    state = np.zeros(4, np.int64)
    state[AT] = start
    for row in range(rows):
        fresh = row == 0
        if restart and row and row * columns % restart == 0:
            if not _restart(data, state):
                return DAMAGED
            fresh = True
        for column in range(columns):
            for k in range(len(numbers)):
                plane = planes[numbers[k]]
                left = np.int64(plane[row, column - 1]) if column else np.int64(0)
                if fresh:
                    predicted = left if column else np.int64(1 << (bits - 1))
                elif column == 0:
                    predicted = np.int64(plane[row - 1, 0])
                else:
                    predicted = _prediction(selection, left, np.int64(plane[row - 1, column]),
                                            np.int64(plane[row - 1, column - 1]))
                difference = _difference(data, state, lookups[k])
                if difference == 1 << 20:
                    return DAMAGED
                plane[row, column] = (predicted + difference) & 0xFFFF  # modulo 2^16 (H.1.2.1)
        if state[OVER] > state[COUNT]:
            return DAMAGED
    return int(state[AT]) if _at_end(data, state) else DAMAGED
