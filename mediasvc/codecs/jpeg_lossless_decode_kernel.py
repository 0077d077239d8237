"""Decoding JPEG Lossless, compiled for speed (T.81 annex H). Import it only through its container
half; the tables of a Huffman code are made in `jpeg_lossless_tables`.

A scan goes through three steps: zeros behind FF are left out, once for each restart interval; then
row by row differences are read and predictions are added. Where differences are small, one look
finds up to three whole ones; where they are large, four are read without asking, and read again
with care in the rare case that they needed more bits than a word has.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, TABLE
from mediasvc.codecs.jpeg_lossless_tables import (
    INDEX,
    LIMITS,
    PLACES,
    PRESENT,
    TRIPLES,
    VALUES,
    single,
)
from mediasvc.codecs.machine import (
    big_endian,
    copy_block,
    inline,
    kernels,
    load,
    shift_right,
    store,
    trailing_zeros,
)

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint16]
Samples = NDArray[np.unsignedinteger]

DAMAGED = -1
BLOCK = 32
PIECE = 1 << 14
_ROWS = types.Array(types.uint8, 2, "C")


@inline
def _unstuff(data: Bytes, at: int, bits: Bytes, done: int, slack: int) -> tuple[int, int, bool]:
    """Copy about `PIECE` bytes behind the ``done`` ones in ``bits``, without the zero behind each
    FF: (next position, bytes in ``bits``, whether a marker or the end stands there). Then
    ``slack`` zeros follow."""
    enough = done + PIECE
    while at < len(data):
        if done >= enough:
            return at, done, False
        if at + BLOCK <= len(data):
            found = copy_block(data, at, bits, done)
            plain = min(trailing_zeros(found), BLOCK)
            at += plain
            done += plain
            if found == 0:
                continue
        elif data[at] != 0xFF:
            bits[done] = data[at]
            at += 1
            done += 1
            continue
        if at + 1 >= len(data) or data[at + 1] != 0:
            break
        bits[done] = 0xFF
        at += 2
        done += 1
    bits[done:done + slack] = 0
    return at, done, True


@inline
def _any_code(word: int, table: Ints) -> int:
    """The entry of `SINGLES` for the code at the top of ``word``, whatever its length; 0 when
    there is none."""
    top = shift_right(word, 48)
    for size in range(1, 17):
        if top < table[LIMITS + size]:
            category = table[VALUES + ((top >> (16 - size)) + table[PLACES + size] & 255)]
            return single(size, category, shift_right(word << size, 63))
    return 0


@inline
def _difference(entry: int, word: int) -> int:
    """The one difference at the top of ``word`` by its entry of `SINGLES`."""
    more = (entry >> 8) & 15
    return (entry >> 16) + (shift_right(word, -entry & 63) & ((1 << more) - 1))


@inline
def _read_singles(bits: Bytes, tables: Ints, last: int, keep: int, out: Words, width: int,
                  word: int,
                  have: int, at: int) -> tuple[int, int, int]:
    """Read ``width`` differences into ``out``, the codes of ``tables`` in turn; with ``keep`` -1,
    not 0, each is added to the one before, the first to ``last``.

    ``word`` holds the bits that wait, from its top, ``have`` how many of them count, ``at`` is
    the next byte of ``bits``; the result is all three again, ``at`` `DAMAGED` where no code fits.
    """
    table, count, turn, done = tables[0], len(tables), 0, 0
    while done < width:
        word |= shift_right(big_endian(load(bits, at)), have)
        at += (63 - have) >> 3
        have |= 56
        if count == 1 and done <= width - 4:
            a = table[np.uintp(shift_right(word, 64 - INDEX))]
            word_b = word << (a & 63)
            b = table[np.uintp(shift_right(word_b, 64 - INDEX))]
            word_c = word_b << (b & 63)
            c = table[np.uintp(shift_right(word_c, 64 - INDEX))]
            word_d = word_c << (c & 63)
            d = table[np.uintp(shift_right(word_d, 64 - INDEX))]
            used = (a & 63) + (b & 63) + (c & 63) + (d & 63)
            if used <= have and a & b & c & d & PRESENT:
                last = (last & keep) + _difference(a, word)
                out[done] = np.uint16(last)
                last = (last & keep) + _difference(b, word_b)
                out[done + 1] = np.uint16(last)
                last = (last & keep) + _difference(c, word_c)
                out[done + 2] = np.uint16(last)
                last = (last & keep) + _difference(d, word_d)
                out[done + 3] = np.uint16(last)
                word = word_d << (d & 63)
                have -= used
                done += 4
                continue
        entry = tables[turn, shift_right(word, 64 - INDEX)]
        if entry == 0:
            entry = _any_code(word, tables[turn])
            if entry == 0:
                return 0, 0, DAMAGED
        last = (last & keep) + _difference(entry, word)
        out[done] = np.uint16(last)
        word <<= entry & 63
        have -= entry & 63
        done += 1
        turn = turn + 1 if turn + 1 < count else 0
    return word, have, at


@inline
def _read_triples(bits: Bytes, table: Ints, out: Words, width: int, word: int, have: int, at: int,
                  ) -> tuple[int, int, int]:
    """As `_read_singles`, where differences are small; ``out`` has room for 4 more."""
    cells = out.view(np.uint8)
    done = 0
    while done < width:
        word |= shift_right(big_endian(load(bits, at)), have)
        at += (63 - have) >> 3
        have |= 56
        if done <= width - 15:
            entry = 0
            for _ in range(5):  # of up to 11 bits
                entry = table[np.uintp(shift_right(word, 64 - INDEX) + TRIPLES)]
                if entry == 0:
                    break
                store(cells, 2 * done, entry >> 16)
                done += (entry >> 6) & 3
                word <<= entry & 63
                have -= entry & 63
            if entry:
                continue
            word |= shift_right(big_endian(load(bits, at)), have)
            at += (63 - have) >> 3
            have |= 56
        entry = table[np.uintp(shift_right(word, 64 - INDEX))]
        if entry == 0:
            entry = _any_code(word, table)
            if entry == 0:
                return 0, 0, DAMAGED
        out[done] = np.uint16(_difference(entry, word))
        word <<= entry & 63
        have -= entry & 63
        done += 1
    return word, have, at


@inline
def _add_predictions(here: Words, above: Words, step: int, selection: int) -> None:
    """Table H.1 behind the first pixel; ``above`` is the line before."""
    for x in range(step, len(here)):
        ra, rb, rc = np.int64(here[x - step]), np.int64(above[x]), np.int64(above[x - step])
        if selection == 2:
            px = rb
        elif selection == 3:
            px = rc
        elif selection == 4:
            px = ra + rb - rc
        elif selection == 5:
            px = ra + ((rb - rc) >> 1)
        elif selection == 6:
            px = rb + ((ra - rc) >> 1)
        else:
            px = (ra + rb) >> 1
        here[x] = np.uint16(np.int64(here[x]) + px)


@inline
def _add_row(here: Words, above: Words, step: int, fresh: bool, selection: int, bits: int) -> None:
    """Differences → samples, modulo 2^16 (H.1.2.1): ``fresh`` lines know nothing above them."""
    for c in range(step):
        here[c] = np.uint16(np.int64(here[c]) + (1 << (bits - 1) if fresh else np.int64(above[c])))
    if not fresh and selection != 1:
        _add_predictions(here, above, step, selection)
    elif step == 1:
        last = here[0]
        for x in range(1, len(here)):
            last = np.uint16(last + here[x])
            here[x] = last
    else:
        for x in range(step, len(here)):
            here[x] = np.uint16(here[x] + here[x - step])


@inline
def _put_row(here: Words, numbers: Ints, mask: int, transform: int, line: Samples, wide: int,
             ) -> None:
    """Component k of the scan to place ``numbers[k]`` of each pixel of ``wide`` components."""
    step = len(numbers)
    for k in range(step):
        for x in range(len(here) // step):
            code = here[x * step + k] & np.uint16(mask)
            line[x * wide + numbers[k]] = code << np.uint16(transform)


@inline
def _put(here: Words, numbers: Ints, mask: int, transform: int, row: Bytes, wide: int, size: int,
         ) -> None:
    """One row of samples of ``size`` bytes."""
    in_order = wide == len(numbers)
    for k in range(len(numbers)):
        in_order &= numbers[k] == k
    if size == 1 and not in_order:
        _put_row(here, numbers, mask, transform, row, wide)
    elif not in_order:
        _put_row(here, numbers, mask, transform, row.view(np.uint16), wide)
    elif size == 1:
        for x in range(len(here)):
            row[x] = (here[x] & np.uint16(mask)) << np.uint16(transform)
    else:
        words = row.view(np.uint16)
        for x in range(len(here)):
            words[x] = (here[x] & np.uint16(mask)) << np.uint16(transform)


@inline
def _restart(data: Bytes, at: int, number: int) -> int:
    """Behind marker RST ``number``, or `DAMAGED` when another thing stands there (E.2.4)."""
    while at + 1 < len(data) and data[at] == 0xFF and data[at + 1] == 0xFF:
        at += 1
    if at + 1 >= len(data) or data[at] != 0xFF or data[at + 1] != 0xD0 + (number & 7):
        return DAMAGED
    return at + 2


@kernels(types.int64(BYTES, INT, TABLE, types.boolean, INTS, INT, INT, INT, INT, INT, INT, _ROWS))
def decode_scan(data: Bytes, start: int, tables: Ints, triples: bool, numbers: Ints, selection: int,
                bits: int, transform: int, restart: int, columns: int, size: int, out: Bytes,
                ) -> int:
    """Decode one scan from byte ``start``; the position behind it, or `DAMAGED`.

    Component k of the scan is number ``numbers[k]`` of the frame, its code is ``tables[k]``, or
    ``tables[0]`` for all, which then may have ``triples``. ``out`` has a row of bytes for each
    row: ``columns`` pixels of samples of ``size`` bytes, 1 or 2. ``bits`` is the precision less
    the point transform, ``restart`` the interval in lines, 0 for none.
    """
    rows, wide = len(out), out.shape[1] // (columns * size)
    width = columns * len(numbers)
    here, above = np.zeros(width + 4, np.uint16), np.zeros(width + 4, np.uint16)
    slack = 4 * width + BLOCK
    summed = not triples and selection == 1 and width == columns
    unstuffed = np.empty(PIECE + 2 * slack + BLOCK, np.uint8)
    word, have, at, end, length, ended = 0, 0, 0, start, 0, False
    for row in range(rows):
        fresh = row == 0 or (restart > 0 and row % restart == 0)
        if fresh and row > 0:
            end = _restart(data, end, row // restart - 1) if ended else DAMAGED
            if end < 0 or 8 * (length - at) + have > 7:
                return DAMAGED
            word, have, at, length, ended = 0, 0, 0, 0, False
        while not ended and length - at < slack:
            unstuffed[:length - at] = unstuffed[at:length]
            end, length, ended = _unstuff(data, end, unstuffed, length - at, slack)
            at = 0
        if triples:
            word, have, at = _read_triples(unstuffed, tables[0], here, width, word, have, at)
        else:
            last = 1 << (bits - 1) if fresh else np.int64(above[0])
            word, have, at = _read_singles(
                unstuffed, tables, last, -1 if summed else 0, here, width, word, have, at)
        if at < 0 or 8 * at - have > 8 * length:
            return DAMAGED
        if not summed:
            _add_row(here[:width], above, len(numbers), fresh, selection, bits)
        _put(here[:width], numbers, (1 << bits) - 1, transform, out[row], wide, size)
        here, above = above, here
    return end if ended and end < len(data) and 8 * (length - at) + have < 8 else DAMAGED
