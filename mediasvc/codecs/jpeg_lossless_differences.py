"""Reading the differences of JPEG Lossless, compiled (T.81 F.2.2, H.2.2): bits out of bytes, and
differences out of bits. The tables of a Huffman code are made in `jpeg_lossless_tables`.

Zeros behind FF are left out first. Where differences are small, one look finds up to three whole
ones; where they are large, four are read without asking, and read again with care in the rare case
that they needed more bits than a word has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    load,
    shift_right,
    store,
    trailing_zeros,
)

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint16]

DAMAGED = -1
BLOCK = 32
PIECE = 1 << 14


@inline
def unstuff(data: Bytes, at: int, bits: Bytes, done: int, slack: int) -> tuple[int, int, bool]:
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
def read_singles(bits: Bytes, tables: Ints, last: int, keep: int, out: Words, width: int,
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
def read_triples(bits: Bytes, table: Ints, out: Words, width: int, word: int, have: int, at: int,
                  ) -> tuple[int, int, int]:
    """As `read_singles`, where differences are small; ``out`` has room for 4 more."""
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
