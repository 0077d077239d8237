"""Reading the codes of JPEG-LS out of unstuffed bits, compiled (T.87 A.5.3, A.7.1).

The state of a reader is ``word``, the bits that wait from its top, ``have``, how many of them
count, and ``at``, the next byte. No code ends in the zeros behind the bits, so it stops there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.jpeg_ls_contexts import J
from mediasvc.codecs.machine import bare, big_endian, leading_zeros, load, shift_right

Bytes = NDArray[np.uint8]

DAMAGED = -1


@bare
def filled(octets: Bytes, word: int, have: int, at: int) -> tuple[int, int, int]:
    """At least 56 bits wait."""
    return (word | shift_right(big_endian(load(octets, at)), have), have | 56,
            at + ((63 - have) >> 3))


@bare
def long_code(octets: Bytes, golomb: int, escape: int, bits: int, word: int, have: int, at: int,
               ) -> tuple[int, int, int, int]:
    """A code of A.5.3 that may have many zeros: (mapped error, the reader); -1 when it has more
    than ``escape``."""
    zeros = 0
    word = (word >> (64 - have)) << (64 - have)
    while word == 0:
        zeros += have
        word, have = (big_endian(load(octets, at)) >> 8) << 8, 56
        at += 7
        if zeros > escape:
            return DAMAGED, word, have, at
    some = leading_zeros(word)
    zeros += some
    if zeros > escape:
        return DAMAGED, word, have, at
    word, have, at = filled(octets, word << (some + 1), have - some - 1, at)
    size = golomb if zeros < escape else bits
    value = shift_right(shift_right(word, 1), 63 - size)
    mapped = zeros << golomb | value if zeros < escape else value + 1
    return mapped, word << size, have - size, at


@bare
def run_length(octets: Bytes, most: int, index: int, word: int, have: int, at: int,
                ) -> tuple[int, int, int, int, int]:
    """Pixels that repeat (A.7.1), ``most`` to the end of the line: (how many, or -1; the order's
    index; the reader)."""
    length = 0
    while word < 0:
        step = 1 << J[index]
        word, have, at = filled(octets, word << 1, have - 1, at)
        if step > most - length:
            return most, index, word, have, at
        length += step
        index = min(index + 1, 31)
        if length == most:
            return most, index, word, have, at
    size = J[index]
    length += shift_right(word, 63 - size)  # behind the zero that ends it
    word, have, at = filled(octets, word << (size + 1), have - size - 1, at)
    return (length if length < most else DAMAGED), index, word, have, at
