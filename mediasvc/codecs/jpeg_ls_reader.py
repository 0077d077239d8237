"""Reading the codes of JPEG-LS out of unstuffed bits, compiled (T.87 A.5.3, A.7.1).

The state of a reader is ``pos``, the number of the next bit. No code ends in the zeros behind the
bits, so it stops there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.jpeg_ls_contexts import J
from mediasvc.codecs.jpeg_ls_lines import TOP_BIT
from mediasvc.codecs.machine import bare, big_endian, leading_zeros, load, shift_right

Bytes = NDArray[np.uint8]

DAMAGED = -1
#: Bits that `ahead` gives at least, in whole bytes.
_SURE = 56
#: Ones that leave room for the zero and the bits behind them.
_FEW = _SURE - 16
#: How far runs reach, by the index of the order: from one to the next by a one (A.7.1.1).
REACH = np.cumsum([0, *(1 << J), *[1 << J[-1]] * 64])


@bare
def ahead(octets: Bytes, pos: int) -> int:
    """The next 57 bits and more, from the top of a word."""
    word: int = big_endian(load(octets, pos >> 3)) << (pos & 7)
    return word


@bare
def code_of(octets: Bytes, shift: int, escape: int, bits: int, pos: int) -> tuple[int, int]:
    """A code of A.5.3: (mapped error, or -1; the reader). ``shift`` is `TOP_BIT` less k, which is
    the last to be known: all else is made ready for one shift by it."""
    word = ahead(octets, pos)
    zeros = leading_zeros(word)
    if zeros < min(escape, 32):
        code = shift_right(word << zeros, 63 - TOP_BIT) + ((zeros - 1) << TOP_BIT)
        return shift_right(code, shift), pos + zeros + 1 + TOP_BIT - shift
    return long_code(octets, TOP_BIT - shift, escape, bits, pos)


@bare
def long_code(octets: Bytes, golomb: int, escape: int, bits: int, pos: int) -> tuple[int, int]:
    """A code of A.5.3 that may have many zeros: (mapped error, the reader); -1 when it has more
    than ``escape``."""
    zeros, word = 0, ahead(octets, pos)
    while shift_right(word, 64 - _SURE) == 0:
        zeros += _SURE
        pos += _SURE
        if zeros > escape:
            return DAMAGED, pos
        word = ahead(octets, pos)
    some = leading_zeros(word)
    zeros += some
    if zeros > escape:
        return DAMAGED, pos
    pos += some + 1
    size = golomb if zeros < escape else bits
    value = shift_right(shift_right(ahead(octets, pos), 1), 63 - size)
    return zeros << golomb | value if zeros < escape else value + 1, pos + size


@bare
def run_length(octets: Bytes, most: int, index: int, pos: int) -> tuple[int, int, int]:
    """Pixels that repeat (A.7.1), ``most`` to the end of the line: (how many, or -1; the order's
    index; the reader)."""
    word = ahead(octets, pos)
    ones = leading_zeros(~word)
    length = REACH[index + ones] - REACH[index]
    if length >= most or ones > _FEW:
        return _run_to_end(octets, most, index, pos)
    index = min(index + ones, 31)
    size = J[index]
    length += shift_right(word << ones, 63 - size)  # behind the zero that ends it
    return (length if length < most else DAMAGED), index, pos + ones + size + 1


@bare
def _run_to_end(octets: Bytes, most: int, index: int, pos: int) -> tuple[int, int, int]:
    """As `run_length`, one by one."""
    length, word = 0, ahead(octets, pos)
    while word < 0:
        step = 1 << J[index]
        pos += 1
        if step > most - length:
            return most, index, pos
        length += step
        index = min(index + 1, 31)
        if length == most:
            return most, index, pos
        word = ahead(octets, pos)
    size = J[index]
    length += shift_right(word, 63 - size)
    return (length if length < most else DAMAGED), index, pos + size + 1
